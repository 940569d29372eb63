"""What a check says of a fact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """pass: looked and it holds; fail: looked and it does not; unknown: could not look."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How much a failed verdict matters. ``info`` never fails a gate."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of one check.

    id: stable, dotted, lower case, such as "image.user" or "trial.spans".
    reason: what was seen, in one sentence. fix: what to do about it; empty on a pass.
    reference: the rule's origin, such as "CIS Docker 4.1"; may be empty.
    """

    id: str
    state: State
    severity: Severity
    reason: str
    fix: str = ""
    reference: str = ""

    @property
    def is_blocking(self) -> bool:
        """True when this verdict must fail the build: an unknown counts as a failure."""
        return self.state is not State.PASS and self.severity is not Severity.INFO
