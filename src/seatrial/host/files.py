"""Files: written whole or not at all, and directories that only one run uses at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seatrial.errors import MachineError, OutputError


def write_whole(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace ``path`` by ``content``: a reader sees the old file or the new one.

    Raises OutputError when the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            os.chmod(name, mode)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise output_error(path, error) from error


def output_error(path: Path, error: OSError) -> OutputError:
    """Say what went wrong with a place to write to, and what to do about it."""
    hints = {
        errno.ENOSPC: "free some space there, or choose another place",
        errno.EROFS: "choose a place that can be written, with -o or XDG_CACHE_HOME",
        errno.EACCES: "choose a place that can be written, with -o or XDG_CACHE_HOME",
    }
    return OutputError(
        f"cannot be written: {error.strerror}", where=str(path), hint=hints.get(error.errno or 0, "")
    )


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Hold ``directory`` for this process; a second run waits for the first.

    The kernel drops the lock with the process, so a killed run never leaves one behind.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise MachineError(
            f"the cache cannot be written: {error.strerror}",
            where=str(directory),
            hint="set XDG_CACHE_HOME to a directory that can be written",
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
