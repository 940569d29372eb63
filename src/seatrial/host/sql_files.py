"""Files and folders of SQL -> what a database is given, in order: the half of a migration that goes up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from seatrial.errors import ConfigError

_WHERE: Final = "[trial] sql"
# goose, sql-migrate, dbmate and tern keep both directions in one file.
_UP: Final = re.compile(r"^--\s*(?:\+goose|\+migrate|migrate:)\s*up\b.*$", re.IGNORECASE | re.MULTILINE)
_DOWN: Final = re.compile(
    r"^--\s*(?:\+goose|\+migrate|migrate:)\s*down\b|^-{2,}\s*create above / drop below",
    re.IGNORECASE | re.MULTILINE,
)


def read_scripts(root: Path, names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return (file relative to ``root``, SQL) for files as they are named, and folders' in order of version.

    Of a folder: its ``*.up.sql`` where it has such files, else its ``*.sql``; not those below it.
    Raises ConfigError for what is not there, holds no SQL file, or is no text.
    """
    return tuple(
        (path.relative_to(root).as_posix(), _upwards(_text(path)))
        for name in names
        for path in _files(root, name)
    )


def _files(root: Path, name: str) -> list[Path]:
    place = root / name
    if not place.resolve().is_relative_to(root.resolve()):
        raise ConfigError(f"{name!r} is outside of the service", where=_WHERE, hint=f"it is read from {root}")
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise ConfigError(f"there is no {name!r} in {root}", where=_WHERE)
    found = sorted(place.glob("*.sql"), key=_by_version)
    upward = [path for path in found if path.name.endswith(".up.sql")]
    chosen = upward or [path for path in found if not path.name.endswith(".down.sql")]
    if not chosen:
        raise ConfigError(
            f"there is no SQL file in {place}", where=_WHERE, hint="name the folder that has them"
        )
    return chosen


def _by_version(path: Path) -> tuple[tuple[int, str], ...]:
    """Order 2_b.sql before 10_a.sql, as migration tools do."""
    parts = re.split(r"(\d+)", path.name)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def _upwards(sql: str) -> str:
    start, end = _UP.search(sql), _DOWN.search(sql)
    begin = start.end() if start else 0
    return sql[begin : end.start()] if end and end.start() >= begin else sql[begin:]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8", where=str(path)) from error
