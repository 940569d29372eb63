"""Versions as numbers: releases by semver 2.0.0, and Go's own (go.dev/doc/toolchain, "Go versions")."""

from __future__ import annotations

import re
from typing import Final

Numbers = tuple[int, ...]
_SEMVER: Final = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")
_GO: Final = re.compile(r"(?:go)?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?")


def release_numbers(version: str) -> Numbers | None:
    """Return "v1.15.0" as (1, 15, 0); None for a pre-release and for what is no version."""
    found = _SEMVER.fullmatch(version)
    return (int(found[1]), int(found[2]), int(found[3])) if found and not found[4] else None


def is_prerelease(version: str) -> bool:
    """Return whether that is a version such as "v1.11.0-rc.2"."""
    found = _SEMVER.fullmatch(version)
    return bool(found and found[4])


def order_key(version: str) -> tuple[Numbers, bool, tuple[tuple[bool, int, str], ...]]:
    """Return what orders versions: semver 2.0.0, section 11; what is no version comes before all."""
    found = _SEMVER.fullmatch(version)
    if found is None:
        return ((-1,), False, ())
    words = found[4][1:].split(".") if found[4] else []
    parts = tuple((not word.isdecimal(), int(word) if word.isdecimal() else 0, word) for word in words)
    return ((int(found[1]), int(found[2]), int(found[3])), not words, parts)


def go_numbers(version: str) -> Numbers | None:
    """Return "go1.26.8", "1.26.8" or "1.26" as three numbers; None for 1.27rc1 and what is no version."""
    found = _GO.fullmatch(version)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


def go_name(numbers: Numbers) -> str:
    """Return the name of a Go release, such as "go1.26.8"; before 1.21 a first one was "go1.20"."""
    major, minor, patch = numbers
    return f"go{major}.{minor}" if not patch and (major, minor) < (1, 21) else f"go{major}.{minor}.{patch}"


def minor_name(numbers: Numbers) -> str:
    """Return "1.26" of any version of it."""
    return f"{numbers[0]}.{numbers[1]}"
