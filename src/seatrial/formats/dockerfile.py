"""Dockerfile -> stages: what a project's own recipe says of its program, read without running it.

Only instructions that name files, variables, commands and folders are read; what is built from
arguments (``$VERSION``) is left out, because only a builder knows its value.
"""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

_FROM = re.compile(r"(?:--\S+\s+)*(\S+)(?:\s+as\s+(\S+))?", re.IGNORECASE)
_FLAG = re.compile(r"--(\w+)=(\S+)\s+|--\S+\s+")


@dataclass(frozen=True, kw_only=True)
class Copy:
    """One COPY or ADD. sources: as written. destination: absolute, "/" at its end for a folder.

    stage: what ``--from`` names; "" for the build context.
    """

    sources: tuple[str, ...]
    destination: str
    stage: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One FROM and what follows it. directory: its last WORKDIR. argv: ENTRYPOINT and CMD together.

    shell: ENTRYPOINT or CMD as a shell's line, where it is written as one.
    """

    name: str
    directory: str
    environment: tuple[tuple[str, str], ...]
    copies: tuple[Copy, ...]
    runs: tuple[str, ...]
    argv: tuple[str, ...]
    shell: str


def parse_dockerfile(text: str) -> tuple[Stage, ...]:
    """Return the stages in order; what is no instruction is passed over."""
    stages: list[_Open] = []
    for word, rest in _instructions(text):
        if word == "FROM":
            found = _FROM.match(rest)
            name = (found[2] or "") if found else ""
            parent = next((one for one in stages if found and one.name == found[1]), None)
            stages.append(_Open(name or str(len(stages)), parent))
        elif stages:
            stages[-1].take(word, rest)
    return tuple(stage.closed() for stage in stages)


def context_files(stages: tuple[Stage, ...]) -> tuple[tuple[str, str], ...]:
    """Return what of the build context the last stage holds: (path in the image, path in the context).

    A source may hold wildcards. A path whose end is "/" is a folder that takes the source under its own
    name. A copy of the whole context says nothing about what the program reads, and is left out.
    """
    if not stages:
        return ()
    found = []
    for copy in stages[-1].copies:
        origin = next((one for one in stages if one.name == copy.stage), None)
        for source in copy.sources:
            relative = _in_context(source, origin) if copy.stage else source.lstrip("/")
            relative = posixpath.normpath(relative) if relative else "."
            if relative != "." and not relative.startswith("..") and "$" not in relative:
                found.append((copy.destination, relative))
    return tuple(found)


def _in_context(source: str, origin: Stage | None) -> str:
    """Return where a file of an earlier stage lies in the context; "" when it was made there."""
    if origin is None:
        return ""
    path = posixpath.join(origin.directory, source)
    for copy in origin.copies:
        if not copy.stage and any(posixpath.normpath(one) == "." for one in copy.sources):
            top = copy.destination.rstrip("/") + "/"
            if path.startswith(top):
                return path.removeprefix(top)
    return ""


class _Open:
    """A stage that is being read."""

    def __init__(self, name: str, parent: _Open | None) -> None:
        self.name = name
        self._directory: str = parent._directory if parent else "/"
        self._environment: dict[str, str] = dict(parent._environment) if parent else {}
        self._copies: list[Copy] = list(parent._copies) if parent else []
        self._runs: list[str] = []
        self._entrypoint: tuple[str, ...] = ()
        self._cmd: tuple[str, ...] = ()
        self._shell = ""

    def take(self, word: str, rest: str) -> None:
        """Read one instruction."""
        if word == "WORKDIR" and "$" not in rest:
            self._directory = posixpath.normpath(posixpath.join(self._directory, rest.strip("\"'")))
        elif word == "ENV":
            self._environment.update(_variables(rest))
        elif word in {"COPY", "ADD"}:
            self._copy(rest)
        elif word == "RUN":
            self._runs.append(rest)
        elif word in {"ENTRYPOINT", "CMD"}:
            argv = _argv(rest)
            if not argv:
                self._shell = rest
            elif word == "CMD":
                self._cmd = argv
            else:
                self._entrypoint, self._cmd = argv, ()

    def _copy(self, rest: str) -> None:
        flags = {found[1]: found[2] for found in _FLAG.finditer(rest) if found[1]}
        words = list(_argv(_FLAG.sub("", rest).strip()) or _FLAG.sub("", rest).split())
        if len(words) < 2 or "$" in words[-1]:
            return
        *sources, target = words
        place = posixpath.normpath(posixpath.join(self._directory, target))
        is_folder = target.endswith("/") or len(sources) > 1 or place == self._directory
        self._copies.append(
            Copy(
                sources=tuple(sources),
                destination=place.rstrip("/") + "/" if is_folder else place,
                stage=flags.get("from", ""),
            )
        )

    def closed(self) -> Stage:
        """Return what was read."""
        return Stage(
            name=self.name,
            directory=self._directory,
            environment=tuple(self._environment.items()),
            copies=tuple(self._copies),
            runs=tuple(self._runs),
            argv=(*self._entrypoint, *self._cmd),
            shell=self._shell,
        )


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Join lines that end in a backslash; comments, also between those, are left out."""
    joined = ""
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        joined += line.strip()
        if joined.endswith("\\"):
            joined = joined[:-1] + " "
            continue
        word, _, rest = joined.partition(" ")
        if word.isalpha():
            yield word.upper(), rest.strip()
        joined = ""


def _argv(text: str) -> tuple[str, ...]:
    """Return the words of an instruction in JSON form; () for one in shell form."""
    try:
        found = json.loads(text) if text.startswith("[") else None
    except ValueError:
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _variables(rest: str) -> Iterator[tuple[str, str]]:
    try:
        words = shlex.split(rest)
    except ValueError:
        return
    if words and "=" not in words[0]:
        words = [f"{words[0]}={' '.join(words[1:])}"]
    for word in words:
        name, _, value = word.partition("=")
        if name.isidentifier() and "$" not in value:
            yield name, value
