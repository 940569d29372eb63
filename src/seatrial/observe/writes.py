"""What a service made or changed in a root that it could write to: found by its times."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Final

from seatrial.host.sandbox import Sandbox

MOST: Final = 100
# Mounts of their own in a container, whose places in the root say nothing.
MOUNTS: Final = ("dev", "proc", "sys", "tmp")
_MARK: Final = "mark"


def mark_time(sandbox: Sandbox) -> int:
    """Return a moment of the scratch's own clock, in nanoseconds: its files' times lag behind ours."""
    handle = os.open(_MARK, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600, dir_fd=sandbox.data)
    try:
        os.utime(handle)
        return os.fstat(handle).st_ctime_ns
    finally:
        os.close(handle)


def written_since(sandbox: Sandbox, mark_ns: int) -> tuple[str, ...]:
    """Return the paths that were made or changed since, sorted, at most ``MOST``.

    A directory is named only when nothing in it is: then something was removed from it, or it is new.
    """
    return tuple(sorted(_below("", ".", sandbox.root, mark_ns))[:MOST])


def _changed(path: str, directory: int, mark_ns: int) -> Iterator[str]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if not path and entry.name in MOUNTS:
                continue
            place = f"{path}/{entry.name}"
            status = entry.stat(follow_symlinks=False)
            is_new = status.st_ctime_ns >= mark_ns
            if not stat.S_ISDIR(status.st_mode):
                if is_new:
                    yield place
                continue
            below = list(_below(place, entry.name, directory, mark_ns))
            yield from below or ([place] if is_new else [])


def _below(path: str, name: str, parent: int, mark_ns: int) -> Iterator[str]:
    try:
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except PermissionError:  # not root: what the user may not read, the service could not write to
        return
    try:
        yield from _changed(path, handle, mark_ns)
    finally:
        os.close(handle)
