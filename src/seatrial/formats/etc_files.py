"""Two files below /etc that say what an image is: os-release(5) and passwd(5)."""

from __future__ import annotations

import re
import shlex
from typing import Final

_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]*")


def parse_os_release(content: bytes) -> tuple[tuple[str, str], ...]:
    """Return the assignments in order; a line that is none is passed over."""
    found = []
    for line in content.decode(errors="replace").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and _NAME.fullmatch(name):
            found.append((name, _unquoted(value)))
    return tuple(found)


def parse_passwd(content: bytes) -> tuple[tuple[str, int], ...]:
    """Return (name, uid) in order; a line that has no number is passed over."""
    rows = (line.split(":") for line in content.decode(errors="replace").splitlines())
    return tuple(
        (row[0], int(row[2])) for row in rows if len(row) >= 4 and re.fullmatch("[0-9]{1,10}", row[2])
    )


def _unquoted(value: str) -> str:
    try:
        words = shlex.split(value)
    except ValueError:
        return value
    return words[0] if len(words) == 1 else ""
