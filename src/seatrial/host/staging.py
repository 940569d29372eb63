"""A file or directory that is built beside its target and then takes its place in one step.

A reader, and a run that is killed at any moment, finds the old target or the new one. What a killed
run leaves behind has a name that only this module makes, and a lock that the kernel dropped with the
run: the next run for the same target removes it, and never the work of a run that is still alive.

Where the kernel or the file system cannot exchange two names (before Linux 3.15, some network file
systems), a directory is moved aside first. A run killed between those two renames leaves no target;
the next run, whatever becomes of it, first moves the old one back.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from seatrial.errors import OutputError
from seatrial.host.files import output_error

_AT_FDCWD: Final = -100
_RENAME_NOREPLACE: Final = 1
_RENAME_EXCHANGE: Final = 2
_CANNOT_EXCHANGE: Final = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EXDEV}
_ATTEMPTS: Final = 20


@contextmanager
def replace_directory(target: Path, refuse: Callable[[Path], None]) -> Iterator[Path]:
    """Yield an empty directory beside ``target``; on success it takes the target's place.

    refuse: raises OutputError for a present target that must not be replaced. It is asked before
    anything is written and again of what was really moved out of the way, before that is deleted.
    Missing parents are made. Raises OutputError; the target is then as it was.
    """
    with _translated(target):
        _prepare(target)
        refuse(target)
        staging, lock = _create(target, is_directory=True)
        try:
            yield staging
            _swap(staging, target, refuse)
        finally:
            _remove_if_same(staging, lock)
            os.close(lock)


@contextmanager
def replace_file(target: Path, refuse: Callable[[Path], None]) -> Iterator[int]:
    """Yield the descriptor of an empty file beside ``target``; on success it takes the target's place.

    refuse: raises OutputError for a present target that must not be replaced; asked before anything
    is written and before the file is renamed. Missing parents are made.
    Raises OutputError; the target is then as it was.
    """
    with _translated(target):
        _prepare(target)
        refuse(target)
        staging, handle = _create(target, is_directory=False)
        try:
            yield handle
            refuse(target)
            os.rename(staging, target)
        finally:
            _remove_if_same(staging, handle)
            os.close(handle)


@contextmanager
def _translated(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        translated = output_error(target, error)
        if error.errno == errno.EBUSY:
            translated.hint = "this is a mount point: name a file or directory inside it"
        raise translated from error


def _prepare(target: Path) -> None:
    if target.name in {"", ".."}:
        hint = "give the image a name of its own, such as -o image.tar"
        raise OutputError("this is not a name for an image", where=str(target), hint=hint)
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target)


def _prefix(target: Path) -> str:
    """Return how the names for ``target`` begin; a hash, as its own name may be as long as names get."""
    return f".seatrial-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}-"


def _create(target: Path, *, is_directory: bool) -> tuple[Path, int]:
    """Make a staging file or directory and lock it, so that no other run takes it for a leftover."""
    for _ in range(_ATTEMPTS):
        staging = target.with_name(f"{_prefix(target)}{os.urandom(8).hex()}.new")
        try:
            handle = _make(staging, is_directory=is_directory)
        except FileNotFoundError:
            continue  # another run swept it in the instant before it was opened
        if _lock(handle) is not False and _is_same(staging, handle):
            return staging, handle
        os.close(handle)  # or in the instant before it was locked
    raise OutputError(
        "the staging files vanish", where=str(target), hint="is something else removing files there?"
    )


def _make(staging: Path, *, is_directory: bool) -> int:
    if not is_directory:
        return os.open(staging, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    staging.mkdir()
    return os.open(staging, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _lock(handle: int, *, can_wait: bool = False) -> bool | None:
    """Take the lock: True when taken, False when another process has it, None when there are no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if can_wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_same(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def remove_leftovers(target: Path) -> None:
    """Remove what killed runs for ``target`` left beside it; finish what a killed exchange began."""
    ours = re.compile(re.escape(_prefix(target)) + r"[0-9a-f]{16}\.(new|old)")
    with os.scandir(target.parent) as entries:
        found = [Path(entry.path) for entry in entries if ours.fullmatch(entry.name)]
    for path in sorted(found):
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            if os.fstat(handle).st_uid != os.geteuid() or _lock(handle) is not True:
                continue
            if path.suffix == ".old" and not os.path.lexists(target):
                os.rename(path, target)
            else:
                _remove(path)
        finally:
            os.close(handle)


def _swap(staging: Path, target: Path, refuse: Callable[[Path], None]) -> None:
    """Put ``staging`` in the target's place and remove the old target, if any.

    The old target is locked first: another run for it then waits, and none takes it for a leftover
    once it has a leftover's name.
    """
    while not _rename(staging, target, _RENAME_NOREPLACE):
        try:
            old = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:  # renameat2 is not to be had here
            os.rename(staging, target)
            return
        try:
            _lock(old, can_wait=True)
            if not _is_same(target, old):
                continue
            _exchange(staging, target)
            try:
                refuse(staging)
            except OutputError:
                _exchange(staging, target)  # it changed since it was looked at: put it back, untouched
                raise
            _remove(staging)
            return
        finally:
            os.close(old)


def _exchange(staging: Path, target: Path) -> None:
    """Let two directories trade names, in one step where that can be had."""
    if _rename(staging, target, _RENAME_EXCHANGE):
        return
    aside = staging.with_suffix(".old")
    os.rename(target, aside)
    try:
        os.rename(staging, target)
    except OSError:
        os.rename(aside, target)
        raise
    os.rename(aside, staging)


def _rename(source: Path, destination: Path, flags: int) -> bool:
    """Call renameat2(2); False when it is not to be had here or the target is not as the flag wants it."""
    import ctypes  # noqa: PLC0415 - 8 ms, needed only when a directory is handed over

    library = ctypes.CDLL(None, use_errno=True)
    try:
        call = library.renameat2
    except AttributeError:  # a C library before glibc 2.28 or musl 1.2.6
        return False
    names = os.fsencode(source), os.fsencode(destination)
    if call(_AT_FDCWD, names[0], _AT_FDCWD, names[1], ctypes.c_uint(flags)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT_EXCHANGE or code in {errno.EEXIST, errno.ENOENT}:
        return False
    raise OSError(code, os.strerror(code), str(destination))


def _remove_if_same(path: Path, handle: int) -> None:
    """Remove what is still under its staging name: not what took that name in an exchange."""
    if _is_same(path, handle):
        _remove(path)


def _remove(path: Path) -> None:
    """Remove a file or a tree, following no link; another run may be at it, too."""
    try:
        if stat.S_ISDIR(os.lstat(path).st_mode):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        pass
