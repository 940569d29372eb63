"""Files and folders of this machine -> entries of an image: the same ones, whatever the day and the owner."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from seatrial.errors import ConfigError, MachineError
from seatrial.model.image import Entry, EntryKind

_SKIPPED = ".git"


def read_entries(places: tuple[tuple[str, str], ...], root: Path, *, mtime_epoch_s: int) -> tuple[Entry, ...]:
    """Return the entries, parents included, of what ``[image] files`` names.

    places: absolute path in the image -> file or directory, relative to ``root``; a directory brings all
    that is below it, but for git's own. Modes are 0755 for directories and what may be executed, 0644 for
    the rest; the owner is root. Symlinks stay as they are.
    Raises ConfigError (nothing there, outside of the service), MachineError (not readable).
    """
    found: dict[str, Entry] = {}
    for target, source in places:
        top = target.strip("/")
        for path, relative in _walk(_inside(root, source)):
            name = f"{top}/{relative}" if relative else top
            found[name] = _entry(path, name, mtime_epoch_s)
    for name in list(found):
        while name := name.rpartition("/")[0]:
            found.setdefault(name, _directory(name, mtime_epoch_s))
    return tuple(found.values())


def paths_below(places: tuple[tuple[str, str], ...], root: Path) -> tuple[Path, ...]:
    """Return every path on this machine that ``read_entries`` looks at."""
    return tuple(path for _, source in places for path, _ in _walk(root / source))


def _inside(root: Path, source: str) -> Path:
    path = root / source
    where = "[image] files"
    if not path.resolve().is_relative_to(root.resolve()):
        raise ConfigError(
            f"{source!r} is outside of the service", where=where, hint=f"it is read from {root}"
        )
    if not os.path.lexists(path):
        raise ConfigError(
            f"there is no {source!r} in {root}",
            where=where,
            hint='write "/path/in/the/image" = "path/in/the/service"',
        )
    return path


def _walk(top: Path) -> Iterator[tuple[Path, str]]:
    """Yield a path and all below it, with each one's path relative to it ("" for itself)."""
    yield top, ""
    if top.is_symlink() or not top.is_dir():
        return
    for folder, folders, names in os.walk(top):
        if _SKIPPED in folders:
            folders.remove(_SKIPPED)
        for name in (*folders, *names):
            path = Path(folder, name)
            yield path, path.relative_to(top).as_posix()


def _entry(path: Path, name: str, mtime_epoch_s: int) -> Entry:
    if path.is_symlink():
        link = os.readlink(path)
        return Entry(
            path=name, kind=EntryKind.SYMLINK, mode=0o777, mtime_epoch_s=mtime_epoch_s, link_target=link
        )
    if path.is_dir():
        return _directory(name, mtime_epoch_s)
    if not path.is_file():
        raise ConfigError("neither a file nor a directory", where=str(path))
    try:
        mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
    except OSError as error:
        raise MachineError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return Entry(path=name, kind=EntryKind.FILE, mode=mode, mtime_epoch_s=mtime_epoch_s, content=path)


def _directory(name: str, mtime_epoch_s: int) -> Entry:
    return Entry(path=name, kind=EntryKind.DIRECTORY, mode=0o755, mtime_epoch_s=mtime_epoch_s)
