"""What is needed to undo a half-done run, on disk before its first file: a killed run cannot put back itself.

Beside each file lie, while a run is at work, what comes (``.seatrial-new-NAME``) and what was there
(``.seatrial-old-NAME``). ``.seatrial-undo`` in the root lists them. Its renaming to ``.seatrial-tidy`` is
the moment in which the new files count; from then on there are only leftovers to take away.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.errors import FormatError, OutputError
from seatrial.formats.jsonvalue import as_list, as_table, text_at, texts_at
from seatrial.host.files import output_error

_UNDO: Final = ".seatrial-undo"
_UNWRITTEN: Final = ".seatrial-undo-new"
_TIDY: Final = ".seatrial-tidy"
_NEW: Final = ".seatrial-new-"
_OLD: Final = ".seatrial-old-"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One file of a run. path: relative to the root. before, after: digests, or "" where there is no file.

    root: of the repository.
    """

    root: Path
    path: str
    before: str
    after: str

    @property
    def place(self) -> Path:
        """Where the file is."""
        return self.root / self.path

    @property
    def new(self) -> Path:
        """What comes in its place."""
        return self.place.with_name(_NEW + self.place.name)

    @property
    def old(self) -> Path:
        """A second name of what was there."""
        return self.place.with_name(_OLD + self.place.name)

    def undo(self) -> bool:
        """Put the file back; False, and nothing done, where somebody edited it since."""
        self.new.unlink(missing_ok=True)
        there = digest(_read(self.place))
        if not self.old.exists():
            if not self.before and there == self.after:
                self.place.unlink()
            return True
        if there not in {self.before, self.after}:
            return False
        os.replace(self.old, self.place)
        # Two names of one file are left as they are by rename(2).
        self.old.unlink(missing_ok=True)
        return True


def digest(content: bytes | None) -> str:
    """Return sha256 hex of a file's bytes; "" for no file."""
    return hashlib.sha256(content).hexdigest() if content is not None else ""


@contextmanager
def alone_in(root: Path) -> Iterator[None]:
    """Hold a repository for this process; a second run waits. The kernel drops the lock with the process."""
    try:
        handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise output_error(root, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@dataclass(frozen=True, kw_only=True)
class Journal:
    """A run: its steps, and the directories that it makes, outermost first, relative to the root."""

    root: Path
    steps: tuple[Step, ...]
    directories: tuple[str, ...]

    def begin(self) -> None:
        """Write down what is about to be done, and make the directories."""
        files = [{"path": step.path, "before": step.before, "after": step.after} for step in self.steps]
        content = {"version": 1, "files": files, "directories": list(self.directories)}
        # Not a temporary name by chance: what a kill leaves of it has to be found again.
        (self.root / _UNWRITTEN).write_bytes(json.dumps(content).encode())
        os.rename(self.root / _UNWRITTEN, self.root / _UNDO)
        for path in self.directories:
            (self.root / path).mkdir()

    def finish(self) -> None:
        """Let the new files count, and take away what undoing needed."""
        os.rename(self.root / _UNDO, self.root / _TIDY)
        self.tidy()

    def tidy(self) -> None:
        """Take away what is left of a run that counts; may be interrupted, and then begun again."""
        for step in self.steps:
            step.old.unlink(missing_ok=True)
            if not step.after:
                _remove_empty(step.place.parent, self.root)
        (self.root / _TIDY).unlink()

    def roll_back(self) -> None:
        """Put every file back as it was; may be interrupted, and then begun again.

        Raises OutputError for a file that somebody edited since: both contents are kept.
        """
        edited = [step for step in reversed(self.steps) if not step.undo()]
        if edited:
            raise OutputError(
                "was edited after a run of Seatrial that did not end; what it held before lies beside it",
                where=str(edited[0].place),
                hint=f"keep one of the two: rm {edited[0].old}\nor: mv {edited[0].old} {edited[0].place}",
            )
        for path in reversed(self.directories):
            with contextlib.suppress(OSError):
                (self.root / path).rmdir()
        (self.root / _UNWRITTEN).unlink(missing_ok=True)
        (self.root / _UNDO).unlink(missing_ok=True)


def is_interrupted(root: Path) -> bool:
    """True where a run was killed; or is at work just now."""
    return any((root / name).exists() for name in (_UNWRITTEN, _UNDO, _TIDY))


def recover(root: Path) -> bool:
    """Put back what a killed run changed, or finish its last step; True when there was something to do.

    Raises OutputError: see ``Journal.roll_back``; a journal that cannot be read.
    """
    with alone_in(root):
        was_interrupted = is_interrupted(root)
        (root / _UNWRITTEN).unlink(missing_ok=True)
        if (root / _UNDO).exists():
            _read_journal(root, _UNDO).roll_back()
        elif (root / _TIDY).exists():
            _read_journal(root, _TIDY).tidy()
    return was_interrupted


def _remove_empty(folder: Path, root: Path) -> None:
    """Take directories away that a removed file leaves empty; git knows of none."""
    with contextlib.suppress(OSError):
        while folder != root:
            folder.rmdir()
            folder = folder.parent


def _read(place: Path) -> bytes | None:
    try:
        return place.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _read_journal(root: Path, name: str) -> Journal:
    where = str(root / name)
    try:
        table = as_table(json.loads((root / name).read_bytes()))
        files = [as_table(entry) for entry in as_list(table.get("files"))]
        steps = tuple(
            Step(
                root=root, path=text_at(at, "path"), before=text_at(at, "before"), after=text_at(at, "after")
            )
            for at in files
        )
        directories = texts_at(table, "directories")
    except (ValueError, FormatError) as error:
        hint = f"take it away, and look at what git status says of {_OLD}* and {_NEW}*"
        raise OutputError(f"cannot be read: {error}", where=where, hint=hint) from error
    outside = [path for path in (*(step.path for step in steps), *directories) if not _is_below(path)]
    if outside:
        raise OutputError(f"names a place elsewhere: {outside[0]!r}", where=where, hint="take it away")
    return Journal(root=root, steps=steps, directories=directories)


def _is_below(path: str) -> bool:
    return not {"", "..", "."} & set(path.split("/"))
