"""What a check says of a fact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """pass: looked and it holds; fail: looked and it does not; unknown: could not look."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
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


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """What the plan promises of the finished image; ``verify`` holds the facts against it.

    user: numeric, as in "65532"; "" for any number but root's.
    size_limit_bytes: of the uncompressed content; None for no limit.
    is_static, is_woven: of the entrypoint's binary; False means that it is not promised.
    has_healthcheck: a health command in the image. is_run: the image was to be started.
    has_spans: the service is instrumented. has_database: it uses one that the trial can see;
    None when nobody knows. today: "YYYY-MM-DD", to compare ends of support with; "" when not said.
    is_graceful: SIGTERM is handled, and what is in flight is finished.
    """

    user: str = "65532"
    size_limit_bytes: int | None = None
    is_static: bool = True
    is_woven: bool = False
    has_healthcheck: bool = True
    is_run: bool = True
    has_spans: bool = False
    has_database: bool | None = None
    today: str = ""
    is_graceful: bool = False
