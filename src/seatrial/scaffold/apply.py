"""A plan's changes -> the repository: every file or none.

All contents are written beside their places first, then renamed one after the other. What was there
is kept under another name until the last one is in place, and put back when anything fails.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from seatrial.errors import OutputError
from seatrial.host.files import output_error
from seatrial.scaffold.changes import Change, read_file

_PREFIX: Final = ".seatrial-new-"


@dataclass
class _Staged:
    """What has been done so far, so that it can be undone."""

    ready: list[tuple[Path, Path | None, Change]] = field(default_factory=list)
    replaced: list[tuple[Path, Path | None]] = field(default_factory=list)
    directories: list[Path] = field(default_factory=list)


def apply_changes(root: Path, changes: Iterable[Change]) -> None:
    """Write all changes, or leave the tree as it was.

    Raises OutputError: a file may not be written, changed since the plan was made, or there is no room.
    """
    wanted = [change for change in changes if change.is_write]
    for change in wanted:
        _check(root, change)
    staged = _Staged()
    try:
        for change in wanted:
            _stage(root, change, staged)
        for place, scratch, change in staged.ready:
            _replace(place, scratch, change, staged)
    except OSError as error:
        _undo(staged)
        raise output_error(Path(error.filename or root), error) from error
    except BaseException:
        _undo(staged)
        raise
    for place, old in staged.replaced:
        if old:
            old.unlink()
        if not place.exists():
            _remove_empty(place.parent, root)


def _check(root: Path, change: Change) -> None:
    """A file without a write bit is not to be written, whoever asks (root may write anything)."""
    place = root / change.path
    if read_file(root, change.path) != change.before:
        raise OutputError("changed while the plan was made", where=str(place), hint="run the command again")
    if change.before is not None and not place.stat().st_mode & 0o222:
        raise OutputError("is read-only", where=str(place), hint=f"chmod u+w {place}   (nothing was written)")
    parent = next(folder for folder in place.parents if folder.exists())
    if not os.access(parent, os.W_OK):
        raise OutputError("cannot be written to", where=str(parent), hint="nothing was written")


def _stage(root: Path, change: Change, staged: _Staged) -> None:
    place = root / change.path
    for folder in reversed([folder for folder in place.parents if not folder.exists()]):
        folder.mkdir()
        staged.directories.append(folder)
    if change.after is None:
        staged.ready.append((place, None, change))
        return
    handle, name = tempfile.mkstemp(prefix=_PREFIX, dir=place.parent)
    staged.ready.append((place, Path(name), change))
    with os.fdopen(handle, "wb") as stream:
        stream.write(change.after)
    mode = stat.S_IMODE(place.stat().st_mode) if change.before is not None else change.mode
    os.chmod(name, mode)


def _replace(place: Path, scratch: Path | None, change: Change, staged: _Staged) -> None:
    old: Path | None = None
    if change.before is not None:
        old = place.with_name(f".seatrial-old-{place.name}")
        os.link(place, old)
    staged.replaced.append((place, old))
    replace_file(place, scratch)


def replace_file(place: Path, scratch: Path | None) -> None:
    """Put ``scratch`` in a file's place, or take the file away."""
    if scratch is None:
        place.unlink()
    else:
        os.replace(scratch, place)


def _undo(staged: _Staged) -> None:
    """Put everything back; as much as can be, whatever fails."""
    for place, old in reversed(staged.replaced):
        with contextlib.suppress(OSError):
            if old:
                os.replace(old, place)
                # Two names of one file are left as they are by rename(2).
                old.unlink(missing_ok=True)
            else:
                place.unlink()
    for _, scratch, _ in staged.ready:
        if scratch:
            with contextlib.suppress(OSError):
                scratch.unlink()
    for folder in reversed(staged.directories):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _remove_empty(folder: Path, root: Path) -> None:
    """Take directories away that a removed file leaves empty."""
    while folder != root:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
