"""Progress on standard error: a bar on a terminal, plain lines elsewhere, nothing with --quiet."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType

_BAR_WIDTH = 24
_REDRAW_S = 0.1
_PLAIN_EVERY_S = 15.0


class Progress:
    """Tells what is being done, why it takes long, and how long it may still take.

    A resource: on a terminal it holds the last line, and gives it back when it is closed.
    """

    def __init__(self, *, is_quiet: bool = False, is_verbose: bool = False) -> None:
        self._is_quiet = is_quiet
        self.is_verbose = is_verbose
        self._is_terminal = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._title = ""
        self._started_s = time.monotonic()
        self._drawn_s = 0.0
        self._has_bar = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def stage(self, title: str) -> None:
        """Begin a piece of work."""
        self._clear()
        self._title = title
        self._started_s = self._drawn_s = time.monotonic()
        if not self._is_quiet:
            self._write(f"  {title}\n")

    def note(self, text: str) -> None:
        """Say something that stays on the screen, such as a warning."""
        self._clear()
        if not self._is_quiet:
            self._write(f"  {text}\n")

    def step(self, done: int, total: int) -> None:
        """Show how far the present piece of work is."""
        now = time.monotonic()
        interval = _REDRAW_S if self._is_terminal else _PLAIN_EVERY_S
        if self._is_quiet or total <= 0 or now - self._drawn_s < interval:
            return
        self._drawn_s = now
        left = self._time_left(done, total, now)
        if self._is_terminal:
            filled = _BAR_WIDTH * done // total
            bar = "█" * filled + "░" * (_BAR_WIDTH - filled)
            self._write(f"\r\x1b[2K    {bar} {done}/{total} packages{left}")
            self._has_bar = True
        else:
            self._write(f"    {done}/{total} packages{left}\n")

    def _time_left(self, done: int, total: int, now: float) -> str:
        spent = now - self._started_s
        if done < 8 or spent < 2:
            return ""
        seconds = spent * (total - done) / done
        return f", about {seconds:.0f} s left" if seconds < 90 else f", about {seconds / 60:.0f} min left"

    def _clear(self) -> None:
        if self._has_bar:
            self._write("\r\x1b[2K")
            self._has_bar = False

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
