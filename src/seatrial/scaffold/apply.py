"""A plan's changes -> the repository: every file or none.

All contents are written beside their places first, then renamed one after the other. What was there
is kept under another name until the last one is in place, and put back when anything fails: by this run,
or by the next one when this one is killed (journal.py).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from seatrial.errors import OutputError
from seatrial.host.files import output_error
from seatrial.scaffold.changes import Change, read_file
from seatrial.scaffold.journal import Journal, Step, alone_in, digest, is_interrupted

_AGAIN: Final = "run the command again"


def apply_changes(root: Path, changes: Iterable[Change]) -> None:
    """Write all changes, or leave the tree as it was.

    Raises OutputError: a file may not be written, changed since the plan was made, or there is no room.
    """
    wanted = [change for change in changes if change.is_write]
    if not wanted:
        return
    with alone_in(root):
        if is_interrupted(root):
            raise OutputError("another run was ended while the plan was made", where=str(root), hint=_AGAIN)
        for change in wanted:
            _check(root, change)
        _carry_out(_journal(root, wanted), wanted)


def _journal(root: Path, changes: list[Change]) -> Journal:
    steps = tuple(
        Step(root=root, path=change.path, before=digest(change.before), after=digest(change.after))
        for change in changes
    )
    missing = {
        folder.relative_to(root).as_posix()
        for step in steps
        if step.after
        for folder in step.place.parents
        if not folder.exists()
    }
    return Journal(root=root, steps=steps, directories=tuple(sorted(missing)))


def _carry_out(journal: Journal, changes: list[Change]) -> None:
    try:
        journal.begin()
        for step, change in zip(journal.steps, changes, strict=True):
            _stage(step, change)
        for step in journal.steps:
            _replace(step)
    except OSError as error:
        journal.roll_back()
        raise output_error(Path(error.filename or journal.root), error) from error
    except BaseException:
        journal.roll_back()
        raise
    journal.finish()


def _check(root: Path, change: Change) -> None:
    """A file without a write bit is not to be written, whoever asks (root may write anything)."""
    place = root / change.path
    if read_file(root, change.path) != change.before:
        raise OutputError("changed while the plan was made", where=str(place), hint=_AGAIN)
    if change.before is not None and not place.stat().st_mode & 0o222:
        raise OutputError("is read-only", where=str(place), hint=f"chmod u+w {place}   (nothing was written)")
    parent = next(folder for folder in place.parents if folder.exists())
    if not os.access(parent, os.W_OK):
        raise OutputError("cannot be written to", where=str(parent), hint="nothing was written")


def _stage(step: Step, change: Change) -> None:
    if change.after is None:
        return
    step.new.write_bytes(change.after)
    mode = stat.S_IMODE(step.place.stat().st_mode) if change.before is not None else change.mode
    step.new.chmod(mode)


def _replace(step: Step) -> None:
    if step.before:
        os.link(step.place, step.old)
    replace_file(step.place, step.new if step.after else None)


def replace_file(place: Path, scratch: Path | None) -> None:
    """Put ``scratch`` in a file's place, or take the file away."""
    if scratch is None:
        place.unlink()
    else:
        os.replace(scratch, place)
