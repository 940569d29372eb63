"""What a program said before it ended, without the stack traces that push it out of sight."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_LAST_LINES: Final = 10
_LONGEST: Final = 300
# Two lines make a frame of a Go stack: the function with its arguments, and where it stands.
_PLACE: Final = re.compile(r"\s+\S*\.(?:go|s):\d+(?: \+0x[0-9a-f]+)?\s*")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_GOROUTINE: Final = re.compile(r"goroutine \d+ .*\[.*\]:\s*")


def last_words(lines: Sequence[str]) -> str:
    """Return the end of a log as lines to follow a reason, or that there is none."""
    said = [line for line in without_stacks(lines) if line.strip()][-_LAST_LINES:]
    if not said:
        return "; it printed nothing"
    return ". Its last lines:\n" + "\n".join(f"  {_short(line)}" for line in said)


def without_stacks(lines: Sequence[str]) -> list[str]:
    """Return the lines that are not of a Go stack trace; what it is the trace of stays."""
    following = (*lines[1:], "")
    return [
        line
        for line, after in zip(lines, following, strict=False)
        if not (_GOROUTINE.fullmatch(line) or _PLACE.fullmatch(line) or _PLACE.fullmatch(after))
    ]


def _short(line: str) -> str:
    line = _COLOUR.sub("", line)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
