"""The health command tells the truth: 0 while all is well, 1 when the database is gone."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule
from seatrial.model.facts import Probe, RunningFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

UP: Final = Rule(
    id="trial.health-up", severity=Severity.HIGH, reference="Dockerfile reference, HEALTHCHECK: 0 is healthy"
)
DOWN: Final = Rule(
    id="trial.health-down",
    severity=Severity.HIGH,
    reference="Dockerfile reference, HEALTHCHECK: 1 is unhealthy",
)

_NO_COMMAND: Final = "the service has no health command"


def check_up(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look at the exit code while everything was up."""
    rule = UP.when(expected.has_healthcheck and expected.is_run)
    probe = _probe(facts, "up")
    if probe is None and not expected.has_healthcheck:
        return rule.unknown(_NO_COMMAND)
    if probe is None:
        return rule.unknown("the health command was not run")
    if probe.exit_code == 0:
        return rule.passes(f"healthy in {probe.elapsed_ms:.0f} ms")
    return rule.fails(
        f"the health command says {_said(probe)} while the service is up",
        "it must exit with 0 within its timeout when the service and its database answer",
    )


def check_down(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look at the exit code while the database was stopped."""
    probe = _probe(facts, "database stopped")
    if probe is None:
        rule = DOWN.when(bool(expected.has_database) and expected.has_healthcheck and expected.is_run)
        if not expected.has_healthcheck:
            return rule.unknown(_NO_COMMAND)
        return rule.unknown(
            "no database was seen that could be stopped",
            'name it under [trial] services in seatrial.toml, such as ["postgres"]',
        )
    rule = DOWN.when(expected.has_healthcheck and expected.has_database is not False)
    database = ", ".join(facts.services) or "database"
    if probe.exit_code == 1:
        return rule.passes(f"unhealthy once {database} was stopped, told in {probe.elapsed_ms:.0f} ms")
    return rule.fails(
        f"the health command says {_said(probe)} while {database} is stopped",
        "it must ask the database, and exit with 1 when there is no answer (see docs/health-check.md)",
    )


def _probe(facts: RunningFacts, situation: str) -> Probe | None:
    return next((probe for probe in facts.probes if probe.situation == situation), None)


def _said(probe: Probe) -> str:
    words = probe.output.strip().rpartition("\n")[2]
    return f"{probe.exit_code} ({words})" if words else str(probe.exit_code)
