"""What one ``seatrial build`` or ``seatrial trial`` came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seatrial.model.facts import Facts
from seatrial.model.image import Image
from seatrial.model.plan import Built, Plan
from seatrial.model.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """One output. is_proven: False when it lies under a name that says it failed. size_bytes: on disk."""

    path: Path
    form: str
    size_bytes: int
    is_proven: bool


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The whole run. facts: None with --no-trial. watched: paths whose change must lead to a new build.

    proposal: tables for seatrial.toml that were found in the service's tree, and that it ran with; "" when
    none were looked for.
    """

    plan: Plan
    built: Built
    image: Image
    facts: Facts | None
    verdicts: tuple[Verdict, ...]
    delivered: tuple[Delivered, ...]
    warnings: tuple[str, ...]
    watched: tuple[str, ...]
    began_ns: int
    proposal: str = ""

    @property
    def holds(self) -> bool:
        """True when the image was delivered under its own name."""
        return all(output.is_proven for output in self.delivered)


@dataclass(frozen=True, kw_only=True)
class TrialOutcome:
    """One image, observed and judged.

    image: as it was named. facts: None when its bytes are not what their digests promise, and nothing
    of it can be believed. notes: sentences for the user, such as why it was not started.
    """

    image: str
    facts: Facts | None
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """True when something was looked at and no verdict is blocking."""
        return bool(self.verdicts) and not any(verdict.is_blocking for verdict in self.verdicts)
