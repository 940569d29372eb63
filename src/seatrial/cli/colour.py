"""Colour on a terminal, and none elsewhere: it only repeats what the words and marks already say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TextIO

_RESET: Final = "\x1b[0m"
_BOLD: Final = "\x1b[1m"
_DIM: Final = "\x1b[2m"
_MARKS: Final = {"✗": "\x1b[31m", "?": "\x1b[33m", "✓": "\x1b[32m"}
_VERDICT: Final = re.compile(r"([✗?✓]) ([\w.-]+)(:.*)", re.DOTALL)
_LABEL: Final = re.compile(r"([a-z][a-z ]{0,8} +)(.*)", re.DOTALL)


def is_wanted(stream: TextIO, env: Mapping[str, str]) -> bool:
    """Return whether to colour: a terminal that can, and no NO_COLOR (no-color.org)."""
    return stream.isatty() and env.get("TERM") != "dumb" and not env.get("NO_COLOR")


def coloured(text: str, *, is_wanted: bool) -> str:
    """Return a story with its verdicts and labels coloured."""
    return "".join(map(_line, text.splitlines(keepends=True))) if is_wanted else text


def _line(line: str) -> str:
    if found := _VERDICT.fullmatch(line):
        mark, name, rest = found.groups()
        return f"{_MARKS[mark]}{mark} {_BOLD}{name}{_RESET}{rest}"
    if found := _LABEL.fullmatch(line):
        return f"{_DIM}{found[1]}{_RESET}{found[2]}"
    return line
