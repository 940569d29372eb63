"""What a sandboxed program prints, read as it comes so that it never has to wait."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Final

_LONGEST_LINE: Final = 8192
_MOST_LINES: Final = 2000
_CHUNK: Final = 1 << 16


class Log:
    """One pipe for stdout and stderr, so that their order is kept; the last 2,000 lines stay.

    ``writer`` is the end to hand over; the reading thread ends when every copy of it is closed.
    count: lines that came, whether they stayed or not.
    """

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe2(os.O_CLOEXEC)
        self._lines: deque[bytes] = deque(maxlen=_MOST_LINES)
        self.count = 0
        self._thread = threading.Thread(target=self._read, name="log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for the rest (bounded: a leaked writer must not hang the tool)."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1
        self._thread.join(timeout=1.0)

    def given(self) -> None:
        """Close the writer's copy on this side, once it was handed over."""
        os.close(self.writer)
        self.writer = -1

    def lines(self) -> tuple[str, ...]:
        """Return the lines so far, without line ends; a line over 8 KiB is cut."""
        return tuple(line.decode("utf-8", "replace") for line in tuple(self._lines))

    def text(self) -> str:
        """Return the lines so far as one text."""
        return "\n".join(self.lines())

    def _read(self) -> None:
        rest = b""
        with open(self._reader, "rb", buffering=0) as pipe:
            while chunk := pipe.read(_CHUNK):
                *whole, rest = (rest + chunk).split(b"\n")
                self._lines.extend(line[:_LONGEST_LINE].rstrip(b"\r") for line in whole)
                self.count += len(whole)
                rest = rest[:_LONGEST_LINE]
        if rest:
            self._lines.append(rest)
