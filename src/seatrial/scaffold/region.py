"""A marked region: the part of a file that Seatrial keeps. What stands around it is the user's.

Text is handled with line feeds only; ``read_text`` and ``encode`` keep a file's own line ends.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from seatrial.errors import ConfigError

_BEGIN_WORDS: Final = "seatrial:begin"
_END_WORDS: Final = "seatrial:end"
_EXPLANATION: Final = '(kept by "seatrial sync": put your own lines outside of this block)'
_TAKE_OVER: Final = (
    "put the block back in order, or take both marker lines away: the file is then yours alone,\n"
    "and Seatrial does not look at it again"
)


@dataclass(frozen=True, kw_only=True)
class FileText:
    """A file's text with line feeds, and whether its lines end in CR LF on disk."""

    text: str
    is_crlf: bool

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        text = self.text.replace("\n", "\r\n") if self.is_crlf else self.text
        return text.encode(errors="surrogateescape")


@dataclass(frozen=True, kw_only=True)
class Region:
    """A text taken apart: before + the block's body + after; the markers are not in any of them."""

    before: str
    body: str
    after: str


def read_text(content: bytes) -> FileText:
    """Read a file's bytes; what is no UTF-8 survives as it is (PEP 383)."""
    text = content.decode(errors="surrogateescape")
    return FileText(text=text.replace("\r\n", "\n"), is_crlf="\r\n" in text)


def find_region(text: str, comment: str, where: str) -> Region | None:
    """Return the block of a text; None when there is no marker at all.

    Raises ConfigError for markers that are not one pair in the right order: nothing can then be
    replaced without losing something.
    """
    lines = text.splitlines(keepends=True)
    begins = [number for number, line in enumerate(lines) if _is_marker(line, comment, _BEGIN_WORDS)]
    ends = [number for number, line in enumerate(lines) if _is_marker(line, comment, _END_WORDS)]
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        numbers = ", ".join(str(number + 1) for number in sorted(begins + ends))
        raise ConfigError(
            f"the marker lines of Seatrial's block are not one begin and one end (lines {numbers})",
            where=where,
            hint=_TAKE_OVER,
        )
    return Region(
        before="".join(lines[: begins[0]]),
        body="".join(lines[begins[0] + 1 : ends[0]]),
        after="".join(lines[ends[0] + 1 :]),
    )


def join_region(region: Region, comment: str) -> str:
    """Return the whole text, with the markers."""
    before = region.before + ("\n" if region.before and not region.before.endswith("\n") else "")
    return (
        f"{before}{comment} {_BEGIN_WORDS} {_EXPLANATION}\n"
        f"{region.body}{comment} {_END_WORDS}\n{region.after}"
    )


def body_digest(body: str) -> str:
    """Return what the lock remembers of a block: sha256 hex of its text with line feeds."""
    return hashlib.sha256(body.encode(errors="surrogateescape")).hexdigest()


def _is_marker(line: str, comment: str, words: str) -> bool:
    return re.match(rf"\s*{re.escape(comment)}+\s*{re.escape(words)}\b", line) is not None
