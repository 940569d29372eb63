"""SIGTERM ends the service in order, within the time that orchestrators give."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule
from seatrial.model.facts import RunningFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

RULE: Final = Rule(
    id="trial.sigterm", severity=Severity.HIGH, reference="docker stop: SIGTERM, then SIGKILL after 10 s"
)

_LONGEST_MS: Final = 10_000
# Go's runtime as the first process of a container ends with 2, others by the signal itself.
_UNHANDLED: Final = (2, -15)
_FIX: Final = "handle SIGTERM: stop listening, finish what was begun, exit with 0 (http.Server.Shutdown)"


def check(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look at the exit code and the time that it took."""
    rule = RULE.when(expected.is_run)
    ended = facts.shutdown
    if ended is None:
        return rule.unknown("the service had ended before it could be stopped")
    if ended.exit_code is None or ended.elapsed_ms > _LONGEST_MS:
        return rule.fails(f"still ran {ended.elapsed_ms / 1000:.1f} s after SIGTERM", _FIX)
    if ended.exit_code in _UNHANDLED:
        # Told and not held against it: an unedited service may leave SIGTERM to its default, and is
        # then ended at once. Only what was going on is lost.
        reason = (
            f"SIGTERM ended it at once, unhandled (exit code {ended.exit_code}): open requests are cut off"
        )
        return rule.when(False).fails(reason, _FIX)
    if ended.exit_code != 0:
        how = f"signal {-ended.exit_code}" if ended.exit_code < 0 else f"exit code {ended.exit_code}"
        return rule.fails(f"SIGTERM ended it with {how}", _FIX)
    return rule.passes(f"ended with 0, {ended.elapsed_ms:.0f} ms after SIGTERM")
