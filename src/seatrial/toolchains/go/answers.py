"""What ``go list`` said of these sources before.

It takes longer than all else that surrounds a compilation, and most edits change nothing that it looks
at: the names of files, the head of each (build constraints, package clause, imports) and the //go:embed
lines (go/build, readGoInfo). An answer is used again while all of that, the module files and Go's own
settings are the same, and whatever is not understood here counts in full.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from seatrial.errors import FormatError, OutputError
from seatrial.formats.jsonvalue import as_table, table_at
from seatrial.host.files import write_whole
from seatrial.host.process import Completed, run

_FORMAT: Final = "answers of go 1"
# Larger trees, such as one with node_modules, would take longer to read than go list takes.
_MOST_FILES: Final = 3000
_MOST_MODULES: Final = 64
_READ_IN_FULL: Final = frozenset({"go.mod", "go.sum", "go.work", "go.work.sum", "modules.txt"})
# Files other than Go's own whose build constraints go list reads.
_SOURCES: Final = re.compile(
    r".+\.(s|S|sx|c|h|hh|hpp|hxx|cc|cpp|cxx|m|f|F|for|f90|swig|swigcxx|syso)", re.DOTALL
)
# Space, comments, the package clause and imports, each as a whole: what is anything else ends the head.
_HEAD: Final = re.compile(
    rb"""(?: \s++ | ; | //[^\n]*+ | /\*.*?\*/ | package\s++\w++
       | import\s*+ (?: \( (?: [^()"`/] | "[^"\n]*+" | `[^`]*+` | //[^\n]*+ | /\*.*?\*/ )*+ \)
                     | (?: [\w.]++ \s*+ )?+ (?: "[^"\n]*+" | `[^`]*+` ) )
    )*+""",
    re.DOTALL | re.VERBOSE,
)
_BODY: Final = re.compile(rb"(?:func|type|var|const)\b|\Z")
_EMBED: Final = re.compile(rb"//go:embed[^\n]*")


@dataclass
class Answers:
    """Answers of one detection, from before or from Go.

    place: the file that keeps them, or None. tree: the module's directory. sources: a digest of what
    go list reads there; settings: of Go's own. held: what the file had for both; given: what Go said now.
    """

    place: Path | None = None
    tree: Path = Path()
    sources: str = ""
    settings: str = ""
    held: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)

    def ask(self, argv: tuple[str, ...], *, cwd: Path, env: Mapping[str, str], timeout_s: float) -> Completed:
        """Run a command of Go that only reads sources, or return what it answered to the same."""
        question = repr((argv, str(cwd), env.get("GOFLAGS"), env.get("CGO_ENABLED"), env.get("GOWORK")))
        answer = self.held.get(question)
        if answer is not None:
            return Completed(argv=argv, returncode=0, stdout=answer.encode(), stderr=b"")
        done = run(argv, cwd=cwd, env=env, timeout_s=timeout_s)
        if done.returncode == 0:
            self.given[question] = done.stdout.decode(errors="replace")
        return done

    def keep(self) -> None:
        """Keep the answers of a detection that went well, unless the sources changed meanwhile."""
        if self.place is None or not self.given or digest_sources(self.tree) != self.sources:
            return
        kept = {
            "format": _FORMAT,
            "sources": self.sources,
            "settings": self.settings,
            "answers": {**self.held, **self.given},
        }
        try:
            write_whole(self.place, json.dumps(kept).encode())
            _forget_old(self.place.parent)
        except (OutputError, OSError):
            return  # a cache that cannot be written only costs the next run its time


def recall_answers(folder: Path | None, tree: Path, settings: str) -> Answers:
    """Return what Go answered for these sources with these settings; none, when they are not the same.

    folder: where answers are kept, or None to remember nothing. settings: a digest of all else that they
    depend on.
    """
    sources = digest_sources(tree) if folder else ""
    if folder is None or not sources:
        return Answers()
    place = answers_place(folder, tree)
    held: dict[str, str] = {}
    same = {"format": _FORMAT, "sources": sources, "settings": settings}
    try:
        kept = as_table(json.loads(place.read_bytes()))
        if all(kept.get(name) == value for name, value in same.items()):
            held = {key: str(value) for key, value in table_at(kept, "answers").items()}
    except (OSError, ValueError, FormatError):
        held = {}  # it is written anew
    return Answers(place=place, tree=tree, sources=sources, settings=settings, held=held)


def answers_place(folder: Path, tree: Path) -> Path:
    """Return the file that keeps the answers about a module's directory."""
    return folder / f"{hashlib.sha256(os.fsencode(tree)).hexdigest()[:24]}.json"


def _forget_old(folder: Path) -> None:
    """Keep the answers about the modules that were last asked about."""
    found = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in found[_MOST_MODULES:]:
        path.unlink(missing_ok=True)


def digest_sources(tree: Path) -> str:
    """Return a digest of everything below ``tree`` that go list looks at; "" for too large a tree."""
    found = hashlib.sha256()
    count = 0
    for folder, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if name != ".git")
        names.sort()
        count += len(names)
        if count > _MOST_FILES:
            return ""
        found.update(repr((os.path.relpath(folder, tree), folders, names)).encode())
        for name in names:
            head = _seen_by_go(os.path.join(folder, name), name)
            found.update(b"%d " % len(head) + head)
    return found.hexdigest()


def _seen_by_go(path: str, name: str) -> bytes:
    is_go = name.endswith(".go")
    if not is_go and name not in _READ_IN_FULL and not _SOURCES.fullmatch(name):
        return b""
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except OSError as error:
        return repr(error.errno).encode()
    return head_of(content) if is_go else content


def head_of(source: bytes) -> bytes:
    """Return of a Go file what go list reads; all of it when its head is not an ordinary one."""
    head = _HEAD.match(source)
    if head is None or not _BODY.match(source, head.end()):
        return source
    return b"\n".join((head[0], *_EMBED.findall(source, head.end())))
