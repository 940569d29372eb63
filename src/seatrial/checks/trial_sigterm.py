"""SIGTERM ends the service in order: in time, with its requests answered and its spans sent."""

from __future__ import annotations

import signal
from typing import Final

from seatrial.checks.rule import Rule
from seatrial.model.facts import RunningFacts, Shutdown
from seatrial.model.verdict import Expectations, Severity, Verdict

RULE: Final = Rule(
    id="trial.sigterm", severity=Severity.HIGH, reference="docker stop: SIGTERM, then SIGKILL after 10 s"
)
IN_FLIGHT: Final = Rule(
    id="trial.in-flight",
    severity=Severity.MEDIUM,
    reference="Kubernetes, Termination of Pods; Go, http.Server.Shutdown",
)
FLUSH: Final = Rule(
    id="trial.flush",
    severity=Severity.MEDIUM,
    reference="OpenTelemetry specification, TracerProvider Shutdown",
)

_LONGEST_MS: Final = 10_000
# Go's runtime as the first process of a container ends with 2, others by the signal itself.
_UNHANDLED: Final = 2
_PANIC: Final = ("panic: ", "fatal error: ")
_FIX: Final = "handle SIGTERM: stop listening, finish what was begun, exit with 0 (http.Server.Shutdown)"
_GONE: Final = "the service had ended before it could be stopped"


def check(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look at the exit code and the time that it took."""
    rule = RULE.when(expected.is_run)
    ended = facts.shutdown
    if ended is None:
        return rule.unknown(_GONE)
    if ended.exit_code is None or ended.elapsed_ms > _LONGEST_MS:
        return rule.fails(f"still ran {ended.elapsed_ms / 1000:.1f} s after {ended.signal}", _FIX)
    if _is_unhandled(ended) and _has_panicked(facts):
        return rule.fails(f"{ended.signal} ended it with a panic", _FIX)
    if _is_unhandled(ended):
        # Told and not held against it: an unedited service may leave SIGTERM to its default, and is
        # then ended at once. Only what was going on is lost.
        reason = (
            f"{ended.signal} ended it at once, unhandled (exit code {ended.exit_code}): open requests are "
            "cut off"
        )
        return rule.when(expected.is_graceful).fails(reason, _FIX)
    if ended.exit_code != 0:
        how = f"signal {-ended.exit_code}" if ended.exit_code < 0 else f"exit code {ended.exit_code}"
        return rule.fails(f"{ended.signal} ended it with {how}", _FIX)
    return rule.passes(f"ended with 0, {ended.elapsed_ms:.0f} ms after {ended.signal}")


def check_in_flight(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look at the requests that were in flight when the signal came.

    It counts where somebody promised it: nobody who builds a service unedited can mend this, and one
    that leaves SIGTERM to its default loses them, too.
    """
    ended = facts.shutdown
    if ended is None:
        return IN_FLIGHT.when(False).unknown(_GONE)
    rule = IN_FLIGHT.when(expected.is_run and expected.is_graceful)
    if not ended.in_flight:
        return rule.when(False).unknown("no request could be held in flight")
    if ended.finished == ended.in_flight:
        return rule.passes(f"{ended.finished} requests in flight were answered after {ended.signal}")
    lost = ended.in_flight - ended.finished
    return rule.fails(
        f"{lost} of {ended.in_flight} requests in flight were cut off by {ended.signal}",
        _FIX
        if _is_unhandled(ended)
        else "wait for http.Server.Shutdown to return before main does: Serve returns "
        "as soon as Shutdown is called",
    )


def check_flush(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look for the spans of the last requests at the collector."""
    ended = facts.shutdown
    if ended is None or ended.has_flushed is None:
        return FLUSH.when(False).unknown("no span was expected at the end")
    rule = FLUSH.when(expected.has_spans and not _is_unhandled(ended) and ended.exit_code is not None)
    if ended.has_flushed:
        return rule.passes("the spans of the last requests came before the end")
    return rule.fails(
        "the spans of the last requests were lost at the end",
        "handle SIGTERM, and shut the tracer provider down before the end"
        if not _is_unhandled(ended)
        else _FIX,
    )


def _has_panicked(facts: RunningFacts) -> bool:
    """Go's runtime ends with 2 by an unhandled signal, where it says nothing, and by a panic."""
    return any(line.startswith(_PANIC) for line in facts.log_lines)


def _is_unhandled(ended: Shutdown) -> bool:
    code = ended.exit_code
    if code is None or code >= 0:
        return code == _UNHANDLED
    by_name = signal.Signals.__members__.get(ended.signal)
    return str(-code) == ended.signal or -code == by_name
