"""The files that a build reads, each read once: their digests, and which of them name a health flag."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.errors import MachineError
from seatrial.host.files import write_whole
from seatrial.model.project import Project

# A whole literal: what is compared with an argument, or given to a flag package. Prose is neither.
_FLAG: Final = re.compile(rb"""["`]-{0,2}health-?check["`]""")
_PIECE_BYTES: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What was read. digests: sha256 hex of every input; mentions: Go files that name a health flag.

    library_mentions: such files in the module cache, whose paths say their version.
    """

    digests: dict[Path, str]
    mentions: tuple[Path, ...]
    library_mentions: tuple[Path, ...]

    @property
    def may_have_flag(self) -> bool:
        """False: no code in the program can know the name ``--health-check``."""
        return bool(self.mentions or self.library_mentions)

    @property
    def mentions_digest(self) -> str:
        """A digest of the files that name the flag: while it is the same, so is what they do with it."""
        named = [(str(path), self.digests[path]) for path in self.mentions]
        return hashlib.sha256(repr((named, list(map(str, self.library_mentions)))).encode()).hexdigest()


def read_sources(project: Project, memory: Path) -> Sources:
    """Read every input of a build.

    memory: a file that keeps what was found in the libraries, which never change.
    Raises MachineError for a file that cannot be read.
    """
    digests: dict[Path, str] = {}
    mentions = []
    for path in project.inputs:
        try:
            digests[path], has_flag = _read(path)
        except OSError as error:
            raise MachineError(f"cannot be read: {error.strerror}", where=str(path)) from error
        # The service's own copy of the aspects knows the flag, and is only in a woven program.
        if has_flag and not (project.aspects and path.is_relative_to(project.aspects)):
            mentions.append(path)
    libraries = _library_mentions(project.library_directories, memory)
    return Sources(digests=digests, mentions=tuple(mentions), library_mentions=libraries)


def _read(path: Path) -> tuple[str, bool]:
    """Return a file's digest and whether it names the flag. Only Go files are held in memory whole."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        if path.suffix == ".go":
            content = stream.read()
            digest.update(content)
            return digest.hexdigest(), _FLAG.search(content) is not None
        while piece := stream.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest(), False


def _library_mentions(directories: tuple[Path, ...], memory: Path) -> tuple[Path, ...]:
    asked = hashlib.sha256("\0".join(map(str, directories)).encode()).hexdigest()
    try:
        known, *names = memory.read_text().splitlines()
    except (OSError, ValueError):
        known, names = "", []
    if known == asked:
        return tuple(map(Path, names))
    found = tuple(_mentioning(directories))
    memory.parent.mkdir(parents=True, exist_ok=True)
    write_whole(memory, "\n".join((asked, *map(str, found))).encode())
    return found


def _mentioning(directories: Iterable[Path]) -> Iterable[Path]:
    for directory in directories:
        for path in sorted(directory.glob("*.go")):
            if not path.name.endswith("_test.go") and _FLAG.search(path.read_bytes()):
                yield path
