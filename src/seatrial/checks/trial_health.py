"""The health command tells the truth: 0 while all is well, 1 when the database is gone, 0 when it is back."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule
from seatrial.checks.trial_start import NEEDS_POSTGRES
from seatrial.model.facts import DATABASE_BACK, DATABASE_STOPPED, WHILE_UP, Probe, RunningFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

_HEALTHCHECK: Final = "Dockerfile reference, HEALTHCHECK"
UP: Final = Rule(id="trial.health-up", severity=Severity.HIGH, reference=f"{_HEALTHCHECK}: 0 is healthy")
DOWN: Final = Rule(
    id="trial.health-down", severity=Severity.HIGH, reference=f"{_HEALTHCHECK}: 1 is unhealthy"
)
BACK: Final = Rule(
    id="trial.health-back", severity=Severity.MEDIUM, reference=f"{_HEALTHCHECK}: 0 is healthy"
)
IN_TIME: Final = Rule(
    id="trial.health-in-time", severity=Severity.MEDIUM, reference=f"{_HEALTHCHECK}: start period"
)
FAST: Final = Rule(id="trial.health-fast", severity=Severity.INFO, reference=f"{_HEALTHCHECK}: timeout")
SERVICES: Final = Rule(id="trial.health-services", severity=Severity.INFO)

_DATABASE_SITUATIONS: Final = (WHILE_UP, DATABASE_STOPPED, DATABASE_BACK)
_SLOW_MS: Final = 1000.0
_KILLED: Final = -9
_NO_COMMAND: Final = "the service has no health command"


def check_up(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look at the exit code while everything was up."""
    rule = UP.when(expected.has_healthcheck and expected.is_run)
    probe = _probe(facts, WHILE_UP)
    if probe is None and not expected.has_healthcheck:
        return rule.unknown(_NO_COMMAND)
    if probe is None:
        return rule.unknown("the health command was not run")
    if probe.exit_code == 0:
        return rule.passes(f"healthy in {probe.elapsed_ms:.0f} ms")
    is_without_database = "postgres" in probe.output and "postgres" not in facts.services
    return rule.fails(
        f"the health command says {_said(probe)} while the service is up",
        NEEDS_POSTGRES
        if is_without_database
        else "it must exit with 0 within its timeout when the service and its database answer",
    )


def check_down(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look at the exit code while the database was stopped."""
    probe = _probe(facts, DATABASE_STOPPED)
    if probe is None:
        rule = DOWN.when(bool(expected.has_database) and expected.has_healthcheck and expected.is_run)
        if not expected.has_healthcheck:
            return rule.unknown(_NO_COMMAND)
        return rule.unknown(
            "no database was seen that could be stopped",
            'name it under [trial] services in seatrial.toml, such as ["postgres"]',
        )
    rule = DOWN.when(expected.has_healthcheck and expected.has_database is not False)
    database = _database(facts)
    if probe.exit_code == 1:
        return rule.passes(f"unhealthy once {database} was stopped, told in {probe.elapsed_ms:.0f} ms")
    return rule.fails(
        f"the health command says {_said(probe)} while {database} is stopped",
        "it must ask the database, and exit with 1 when there is no answer (see docs/health-check.md)",
    )


def check_back(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look at the exit code once the database was there again."""
    up, stopped, back = (
        _probe(facts, situation) for situation in (WHILE_UP, DATABASE_STOPPED, DATABASE_BACK)
    )
    rule = BACK.when(expected.has_healthcheck and expected.has_database is not False and back is not None)
    if back is None:
        return rule.unknown("no database was stopped and started again")
    if up is None or up.exit_code != 0 or stopped is None or stopped.exit_code == 0:
        return rule.when(False).unknown("it was not healthy first, or did not become unhealthy")
    database = _database(facts)
    if back.exit_code == 0:
        return rule.passes(f"healthy again once {database} was back")
    return rule.fails(
        f"the health command still says {_said(back)} seconds after {database} is back",
        "open connections again after they broke (database/sql and pgx pools do), and ask anew each time",
    )


def check_in_time(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Compare the time to the first healthy answer with the image's start period."""
    rule = IN_TIME.when(expected.has_healthcheck and expected.is_run and facts.health_start_ms > 0)
    took_ms, granted_ms = _healthy_after_ms(facts), facts.health_start_ms
    if took_ms is None:
        # Whether that is a failure, trial.health-up says.
        return rule.when(False).unknown("it was not seen to become healthy")
    if not granted_ms:
        return rule.passes(f"healthy {took_ms:.0f} ms after its start; the image names no start period")
    if took_ms <= granted_ms:
        return rule.passes(
            f"healthy {took_ms:.0f} ms after its start, within its start period of {granted_ms:.0f} ms"
        )
    return rule.fails(
        f"healthy only {took_ms:.0f} ms after its start; its start period is {granted_ms:.0f} ms",
        "listen sooner, or give it a longer start period: [health] start_period",
    )


def check_fast(facts: RunningFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as the others
    """Look at how long the probes took; one that was killed took too long in any case."""
    if not facts.probes:
        return FAST.unknown("the health command was not run")
    slowest = max(facts.probes, key=lambda probe: (probe.exit_code == _KILLED, probe.elapsed_ms))
    when = f"{slowest.elapsed_ms:.0f} ms ({slowest.situation})"
    if slowest.exit_code == _KILLED:
        return FAST.fails(f"it was killed after {when}", "give each thing that it asks a deadline")
    if slowest.elapsed_ms > _SLOW_MS:
        return FAST.fails(f"the slowest probe took {when}", "give each thing that it asks a deadline")
    return FAST.passes(f"the slowest probe took {when}")


def check_services(facts: RunningFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as the others
    """Tell what the health command says without each other service; which of them decide is for the user."""
    others = [
        probe for probe in facts.probes if probe.situation not in (WHILE_UP, DATABASE_STOPPED, DATABASE_BACK)
    ]
    if not others:
        return SERVICES.unknown("no other service was stopped")
    words = ", ".join(f"{probe.situation}: {probe.exit_code}" for probe in others)
    blind = [probe.situation.removesuffix(" stopped") for probe in others if probe.exit_code == 0]
    if not blind:
        return SERVICES.passes(words)
    return SERVICES.fails(
        f"{words}: it does not ask {', '.join(blind)}",
        "ask it, too, where the service cannot work without it (see docs/health-check.md)",
    )


def _healthy_after_ms(facts: RunningFacts) -> float | None:
    """Return the time to the first 0, without what the trial spent waiting for an answer that never came.

    The health command is run after the first request.
    """
    took_ms, first = facts.time_to_healthy_ms, facts.exchanges[:1]
    if took_ms is None or not first or first[0].status:
        return took_ms
    return max(took_ms - first[0].elapsed_ms, 0.0)


def _probe(facts: RunningFacts, situation: str) -> Probe | None:
    return next((probe for probe in facts.probes if probe.situation == situation), None)


def _database(facts: RunningFacts) -> str:
    return facts.services[0] if facts.services else "database"


def _said(probe: Probe) -> str:
    words = probe.output.strip().rpartition("\n")[2]
    if probe.exit_code == _KILLED:
        return f"nothing for {probe.elapsed_ms:.0f} ms, and was killed"
    return f"{probe.exit_code} ({words})" if words else str(probe.exit_code)
