"""SQLite databases of a running service: found by what it holds open, whatever its configuration says."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Final

from seatrial.host.sandbox import Sandbox
from seatrial.observe.process_facts import family

_MAGIC: Final = b"SQLite format 3\0"
_COMPANIONS: Final = ("", "-wal", "-shm", "-journal")
_ASIDE: Final = ".seatrial-aside"
_TMP: Final = "/tmp/"  # noqa: S108 - the sandbox's own


@dataclass(frozen=True, kw_only=True)
class _Database:
    """directory: a descriptor of the sandbox; path: relative to it."""

    directory: int
    path: str


class Sqlite:
    """The databases that a service has open. Stopping: their files are gone and cannot be made anew."""

    name = "sqlite"

    def __init__(self, databases: tuple[_Database, ...]) -> None:
        self._databases = databases
        self._modes: list[tuple[int, str, int]] = []

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


def _rename(directory: int, old: str, new: str) -> None:
    os.rename(old, new, src_dir_fd=directory, dst_dir_fd=directory)
