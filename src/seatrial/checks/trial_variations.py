"""What the service does when its surroundings are different: no collector, no database, little memory."""

from __future__ import annotations

from typing import Final

from seatrial.checks.last_words import without_stacks
from seatrial.checks.rule import Rule, sample
from seatrial.model.facts import RunningFacts, Variation
from seatrial.model.verdict import Expectations, Severity, Verdict

NO_COLLECTOR: Final = Rule(
    id="trial.no-collector",
    severity=Severity.MEDIUM,
    reference="OpenTelemetry specification, Error handling: the API must not throw",
)
NO_DATABASE: Final = Rule(id="trial.no-database", severity=Severity.INFO)
MEMORY: Final = Rule(id="trial.limited-memory", severity=Severity.INFO, reference="CIS Docker 5.11")
READ_ONLY: Final = Rule(id="trial.read-only-root", severity=Severity.MEDIUM, reference="CIS Docker 5.13")
WRITES: Final = Rule(id="trial.writes", severity=Severity.INFO, reference="CIS Docker 5.13")

# What is woven in says this of its exporter; it is no word of the service's.
_WEAVE: Final = "seatrial: tracing:"
_NOT_TRIED: Final = "it was not started once more"


def check_no_collector(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look whether it serves when nobody takes its spans."""
    rule = NO_COLLECTOR.when(expected.has_spans)
    seen = _variation(facts, "no collector")
    if seen is None or not seen.was_tried:
        return rule.when(False).unknown(seen.note if seen else _NOT_TRIED)
    if is_fine(seen):
        return rule.passes(f"answered {seen.status} with no collector there")
    if not _has_served(facts):
        # Whatever is wrong, the collector's absence is not shown to be the cause.
        return rule.when(False).unknown("it did not serve with a collector there either")
    return rule.fails(
        f"with no collector there it {_outcome(seen)}",
        "an exporter must not stop the service: start without it, and drop what cannot be sent",
    )


def check_no_database(facts: RunningFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as the others
    """Tell whether it waits, serves or ends without what runs beside it; ending must be with a word."""
    seen = _variation(facts, "no database")
    if seen is None or not seen.was_tried:
        return NO_DATABASE.unknown(seen.note if seen else "no service ran beside it that could be missing")
    lines = reversed(without_stacks(seen.log_tail))
    own = (line.strip() for line in lines if not line.startswith(_WEAVE))
    said = next((line for line in own if line), "")
    if seen.ended_early is None:
        return NO_DATABASE.passes(f"{seen.note}, it {_outcome(seen)}")
    if said:
        return NO_DATABASE.passes(f"{seen.note}, it {_outcome(seen)}, saying {said[:200]!r}")
    return NO_DATABASE.fails(
        f"{seen.note}, it {_outcome(seen)} without a word", "say why before ending, or wait for it"
    )


def check_memory(facts: RunningFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as the others
    """Look whether it starts and answers in little memory."""
    seen = _variation(facts, "limited memory")
    if seen is None or not seen.was_tried:
        return MEMORY.unknown(seen.note if seen else _NOT_TRIED)
    limit = seen.note.partition(";")[0]
    if is_fine(seen):
        return MEMORY.passes(f"answered {seen.status} in {limit}")
    if not _has_served(facts):
        return MEMORY.unknown("it did not serve with more memory either")
    return MEMORY.fails(f"in {limit} it {_outcome(seen)}", "set GOMEMLIMIT, or load less at the start")


def check_read_only(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look whether it served with a read-only root, as the trial proper has one."""
    rule = READ_ONLY.when(expected.is_run)
    seen = _variation(facts, "writable root")
    if any(exchange.status for exchange in facts.exchanges) and facts.ended_early is None:
        return rule.passes("served with a read-only root and /tmp to write to")
    if any(exchange.status for exchange in facts.exchanges):
        # The run with a writable root gets one request only, so it cannot tell what this one ended by.
        return rule.when(False).unknown("it answered with a read-only root, and ended while it was driven")
    if seen is not None and seen.was_tried and is_fine(seen):
        what = f": it writes {sample(list(facts.writes))}" if facts.writes else ""
        return rule.fails(
            f"serves only with a root that it can write to{what}",
            "write below /tmp, or to a volume that the deployment names",
        )
    return rule.when(False).unknown("it served neither with a read-only root nor with a writable one")


def check_writes(facts: RunningFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as the others
    """Tell what it made or changed outside of /tmp where it was allowed to."""
    if facts.writes is None:
        return WRITES.unknown("it was not started with a root that it can write to")
    if not facts.writes:
        return WRITES.passes("wrote nothing outside of /tmp when it was allowed to")
    return WRITES.fails(
        f"writes {sample(list(facts.writes))} when it is allowed to; lost with the container",
        "write below /tmp, or to a volume that the deployment names",
    )


def is_fine(variation: Variation) -> bool:
    """Return whether the service stayed and answered, and not with an error of its own."""
    return variation.ended_early is None and 0 < variation.status < 500


def _has_served(facts: RunningFacts) -> bool:
    """Return whether it stayed, and answered the request that the variations make."""
    first = facts.exchanges[0].status if facts.exchanges else 0
    return facts.ended_early is None and 0 < first < 500


def _variation(facts: RunningFacts, name: str) -> Variation | None:
    return next((one for one in facts.variations if one.name == name), None)


def _outcome(variation: Variation) -> str:
    code = variation.ended_early
    if code is not None:
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return f"ended {how} after {variation.elapsed_ms:.0f} ms"
    if variation.status:
        return f"answers {variation.status}"
    return f"runs, and gave no answer within {variation.elapsed_ms / 1000:.1f} s"
