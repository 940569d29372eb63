"""Pins of a base: the packages that make it, as kept in seatrial.lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from seatrial.errors import ConfigError, FormatError
from seatrial.formats.deb822 import IndexedPackage, check_package

LOCK_VERSION: Final = 1
_UPDATE_HINT: Final = "seatrial lock --update"
_KEYS: Final = frozenset({"version", "base", "suite", "architecture", "release_date", "packages"})
_DATE_WANTED: Final = "release_date is not a time such as 2026-11-21T09:15:44Z"
_DATE: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, kw_only=True)
class Pins:
    """What a base is made of. architecture: Debian's; packages sorted by name."""

    base: str
    suite: str
    architecture: str
    release_date: datetime
    packages: tuple[IndexedPackage, ...]

    def encode(self) -> dict[str, object]:
        """Return the JSON value that ``decode_pins`` reads."""
        return {
            "version": LOCK_VERSION,
            "base": self.base,
            "suite": self.suite,
            "architecture": self.architecture,
            "release_date": self.release_date.strftime(_DATE),
            "packages": [
                {
                    "name": package.name,
                    "version": package.version,
                    "architecture": package.architecture,
                    "filename": package.filename,
                    "size_bytes": package.size_bytes,
                    "sha256": package.sha256,
                }
                for package in self.packages
            ],
        }


def decode_pins(lock: Mapping[str, object], *, base: str, architecture: str, names: tuple[str, ...]) -> Pins:
    """Read pins for one base and Debian architecture, which must hold exactly the named packages.

    Raises ConfigError, with the command that writes the lock anew.
    """
    version = lock.get("version")
    if version != LOCK_VERSION:
        raise _stale(f"the base's lock has version {version!r}, this Seatrial reads {LOCK_VERSION}")
    if unknown := sorted(lock.keys() - _KEYS):
        raise _stale(f"the base's lock has an unknown key: {unknown[0]}")
    pinned = (_text(lock, "base"), _text(lock, "architecture"))
    if pinned != (base, architecture):
        raise _stale(f"the lock is for {' on '.join(pinned)}, not for {base} on {architecture}")
    listed = lock.get("packages")
    if not isinstance(listed, list):
        raise _stale("the base's lock has no list of packages")
    packages = tuple(_package(item) for item in listed)
    if tuple(package.name for package in packages) != names:
        raise _stale(f"the base's lock must have these packages in this order: {', '.join(names)}")
    date = _date(_text(lock, "release_date"))
    return Pins(
        base=base,
        suite=_text(lock, "suite"),
        architecture=architecture,
        release_date=date,
        packages=packages,
    )


def _date(text: str) -> datetime:
    # Not strptime, whose import and first use take longer than all the rest of a warm build's work.
    try:
        date = datetime.fromisoformat(text)
    except ValueError as error:
        raise _stale(_DATE_WANTED) from error
    if date.tzinfo is not UTC or date.strftime(_DATE) != text:
        raise _stale(_DATE_WANTED)
    return date


def _package(item: object) -> IndexedPackage:
    if not isinstance(item, dict):
        raise _stale("a package in the base's lock is not a table")
    fields: dict[str, object] = {str(key): value for key, value in item.items()}
    size = fields.pop("size_bytes", None)
    texts = {key: _text(fields, key) for key in ("name", "version", "architecture", "filename", "sha256")}
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or fields.keys() != texts.keys():
        raise _stale(f"the package {texts['name']} in the base's lock has an odd size or key")
    try:
        return check_package(IndexedPackage(size_bytes=size, **texts))
    except FormatError as error:
        raise _stale(f"the package {texts['name']} in the base's lock: {error.what}") from error


def _text(table: Mapping[str, object], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or "\n" in value:
        raise _stale(f"the base's lock needs a text for {key}")
    return value


def _stale(what: str) -> ConfigError:
    return ConfigError(what, where="seatrial.lock", hint=_UPDATE_HINT)
