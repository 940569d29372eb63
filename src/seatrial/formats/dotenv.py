"""A file of NAME=value lines (``.env.example``) -> its variables, as dotenv libraries and Docker read it."""

from __future__ import annotations

import re

_LINE = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*(.*)")


def parse_dotenv(text: str) -> tuple[tuple[str, str], ...]:
    """Return names and values in order, the last of each name; lines that assign nothing are passed over."""
    found = {}
    for line in text.splitlines():
        assigned = _LINE.fullmatch(line)
        if assigned:
            found[assigned[1]] = _value(assigned[2].strip())
    return tuple(found.items())


def _value(text: str) -> str:
    """Take quotes off, or else a comment after a space."""
    quoted = re.fullmatch(r"""(["'])(.*?)\1(?:\s*#.*)?""", text)
    if quoted:
        return quoted[2]
    return re.sub(r"(^|\s+)#.*", "", text)
