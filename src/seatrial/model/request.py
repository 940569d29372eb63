"""What the user asked for on the command line: read once, then passed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from seatrial.model.plan import Output


@dataclass(frozen=True, kw_only=True)
class Request:
    """One ``seatrial build``.

    root: the service's directory, resolved. main, instrument, base: "" where the settings decide.
    outputs: where the image goes; empty for the cache. reference: "name:tag" or "".
    architecture, host_architecture: "amd64" or "arm64". cache: Seatrial's cache directory.
    env: the complete environment of the command. now: when it was started, UTC.
    config_file: given by --config, or None. wants_sizes: a page will show what the program consists of.
    """

    root: Path
    main: str
    instrument: str
    base: str
    architecture: str
    host_architecture: str
    outputs: tuple[Output, ...]
    reference: str
    should_try: bool
    config_file: Path | None
    cache: Path
    env: Mapping[str, str]
    now: datetime
    wants_sizes: bool = False

    @property
    def today(self) -> str:
        """Return "YYYY-MM-DD", which ends of support are compared with."""
        return self.now.strftime("%Y-%m-%d")
