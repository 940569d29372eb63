"""SQLite databases of a running service: found by what it holds open, whatever its configuration says."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from dataclasses import dataclass, replace
from typing import Final

from seatrial.host.sandbox import Sandbox
from seatrial.observe.process_facts import family

_MAGIC: Final = b"SQLite format 3\0"
_COMPANIONS: Final = ("", "-wal", "-shm", "-journal")
_ASIDE: Final = ".seatrial-aside"
_TMP: Final = "/tmp/"  # noqa: S108 - the sandbox's own
# (first byte, how many): without the first no transaction begins that has no connection in WAL mode, and
# without the second none that has one (https://sqlite.org/src: os.h, PENDING_BYTE; wal.c, WAL_READ_LOCK).
_OF_THE_FILE: Final = (0x40000000, 512)
_OF_THE_WAL_INDEX: Final = (123, 5)
# "File format read version", 2 in WAL mode (https://sqlite.org/fileformat2.html, 1.3).
_READ_VERSION_AT: Final = 19
_WAL_VERSION: Final = b"\2"
_TO_LOCK: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Transactions under way get this long to end.
_LOCK_PATIENCE_S: Final = 0.25
_LOCK_PAUSE_S: Final = 0.005


@dataclass(frozen=True, kw_only=True)
class _Database:
    """directory: a descriptor of the sandbox; path: relative to it."""

    directory: int
    path: str


class Sqlite:
    """The databases that a service has open.

    Stopping: their files are gone and cannot be made anew. Locking: no transaction can begin.
    """

    name = "sqlite"

    def __init__(self, databases: tuple[_Database, ...]) -> None:
        self._databases = databases
        self._modes: list[tuple[int, str, int]] = []
        self._locks: list[tuple[_Database, int]] = []

    def stop(self) -> bool:
        """Move the files away, and forbid new ones beside them: opening would make an empty database.

        Returns whether there was anything to move.
        """
        moved = False
        for database in self._databases:
            for suffix in _COMPANIONS:
                name = database.path + suffix
                with contextlib.suppress(FileNotFoundError):
                    _rename(database.directory, name, name + _ASIDE)
                    moved = True
            parent = os.path.dirname(database.path) or "."
            mode = os.stat(parent, dir_fd=database.directory).st_mode & 0o7777
            self._modes.append((database.directory, parent, mode))
            os.chmod(parent, mode & ~0o222, dir_fd=database.directory)
        return moved

    def start(self) -> None:
        """Put the files back; what came in their place is overwritten."""
        for directory, parent, mode in reversed(self._modes):
            os.chmod(parent, mode, dir_fd=directory)
        self._modes.clear()
        for database in self._databases:
            for suffix in _COMPANIONS:
                name = database.path + suffix
                with contextlib.suppress(FileNotFoundError):
                    _rename(database.directory, name + _ASIDE, name)

    def lock(self) -> bool:
        """Take the locks that every transaction needs, as any other process may; ``unlock`` ends it.

        Returns whether all were to be had. A service that keeps its own (locking_mode=EXCLUSIVE) lets
        nobody have them; one that uses none (immutable=1) does not notice.
        """
        deadline = time.monotonic() + _LOCK_PATIENCE_S
        with contextlib.suppress(OSError):  # such as a file that is not there any more
            return all(self._lock(database, deadline) for database in self._databases)
        return False

    def unlock(self) -> bool:
        """Give the locks back; return whether they lay until now on the files that have these names."""
        kept = all(_is_same(database, handle) for database, handle in self._locks)
        for _, handle in self._locks:
            os.close(handle)
        self._locks.clear()
        return kept

    def _lock(self, database: _Database, deadline: float) -> bool:
        file = self._open(database, "")
        if _take(file, fcntl.LOCK_EX, _OF_THE_FILE):
            return True
        if os.pread(file, 1, _READ_VERSION_AT) == _WAL_VERSION:
            # Each connection has a share in the file's lock; one with all of it uses no other.
            index = self._open(database, "-shm")
            return _take_by(deadline, file, fcntl.LOCK_SH, _OF_THE_FILE) and _take_by(
                deadline, index, fcntl.LOCK_EX, _OF_THE_WAL_INDEX
            )
        return _take_by(deadline, file, fcntl.LOCK_EX, _OF_THE_FILE)

    def _open(self, database: _Database, suffix: str) -> int:
        file = replace(database, path=database.path + suffix)
        handle = os.open(file.path, _TO_LOCK, dir_fd=file.directory)
        self._locks.append((file, handle))
        return handle


def find_sqlite(sandbox: Sandbox, pid: int) -> Sqlite | None:
    """Return the SQLite databases that a service and its children have open; None when there are none."""
    found: dict[str, _Database] = {}
    for process in family(pid):
        with contextlib.suppress(OSError):  # it may end at any time
            for name in os.listdir(f"/proc/{process}/fd"):
                place = f"/proc/{process}/fd/{name}"
                with contextlib.suppress(OSError):
                    path = os.readlink(place)
                    if path.startswith("/") and path not in found and _is_database(place):
                        found[path] = _locate(sandbox, path)
    return Sqlite(tuple(found.values())) if found else None


def _is_database(place: str) -> bool:
    handle = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.pread(handle, len(_MAGIC), 0) == _MAGIC
    finally:
        os.close(handle)


def _locate(sandbox: Sandbox, path: str) -> _Database:
    if path.startswith(_TMP):
        return _Database(directory=sandbox.tmp, path=path.removeprefix(_TMP))
    return _Database(directory=sandbox.root, path=path.lstrip("/"))


def _take_by(deadline: float, handle: int, kind: int, place: tuple[int, int]) -> bool:
    """Take a lock once nobody has it; False when that does not come in time."""
    while not _take(handle, kind, place):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOCK_PAUSE_S)
    return True


def _take(handle: int, kind: int, place: tuple[int, int]) -> bool:
    start, length = place
    try:
        fcntl.lockf(handle, kind | fcntl.LOCK_NB, length, start)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):  # held by another (fcntl(2))
            return False
        raise
    return True


def _is_same(file: _Database, handle: int) -> bool:
    """Return whether a name still leads to an open file."""
    with contextlib.suppress(OSError):
        named, opened = os.lstat(file.path, dir_fd=file.directory), os.fstat(handle)
        return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)
    return False


def _rename(directory: int, old: str, new: str) -> None:
    os.rename(old, new, src_dir_fd=directory, dst_dir_fd=directory)
