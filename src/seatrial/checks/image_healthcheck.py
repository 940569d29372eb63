"""The image has a health command that can be run in it, at sane times."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule
from seatrial.checks.settings import process_settings, table, texts
from seatrial.model.facts import StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

RULE: Final = Rule(
    id="image.healthcheck",
    severity=Severity.MEDIUM,
    reference="CIS Docker 4.6; Dockerfile reference, HEALTHCHECK",
)

_FIX: Final = 'set HEALTHCHECK CMD ["/server", "--health-check"], with a start period'
_SHELLS: Final = ("bin/sh", "usr/bin/sh")
_NS_PER_S: Final = 1_000_000_000
_DEFAULT_S: Final = 30.0  # Docker's, for interval and timeout
_LONGEST_INTERVAL_S: Final = 300.0
_LONGEST_START_S: Final = 1800.0
_MOST_RETRIES: Final = 20


def check(facts: StaticFacts, expected: Expectations) -> Verdict:
    """Look at Docker's Healthcheck: a program that is there, a start period, an interval and a timeout."""
    rule = RULE.when(expected.has_healthcheck)
    settings = table(process_settings(facts), "Healthcheck")
    test = texts(settings, "Test")
    if not test or test[0] == "NONE":
        if not expected.has_healthcheck:
            return rule.unknown("the service has no health command, so the image has no health check")
        return rule.fails("the image has no health check", _FIX)
    fault = _command_fault(facts, test) or _times_fault(settings) or _patience_fault(settings)
    if fault:
        return rule.fails(fault, _FIX)
    return rule.passes(
        f"{' '.join(test[1:])}, after a start period of {_seconds(settings, 'StartPeriod'):g} s"
    )


def _command_fault(facts: StaticFacts, test: tuple[str, ...]) -> str:
    if test[0] not in {"CMD", "CMD-SHELL"} or len(test) < 2:
        return f"the health check is neither CMD nor CMD-SHELL with a command: {' '.join(test)}"
    if test[0] == "CMD-SHELL":
        has_shell = any(path.path in _SHELLS for path in facts.paths)
        return "" if has_shell else "the health check needs a shell, which the image does not have"
    return "" if facts.health_program else f"the health check's {test[1]} is not in the image"


def _times_fault(settings: dict[str, object]) -> str:
    """Return what is wrong with the times; 0 or absent is the engine's default."""
    interval = _seconds(settings, "Interval") or _DEFAULT_S
    timeout = _seconds(settings, "Timeout") or _DEFAULT_S
    if _seconds(settings, "StartPeriod") <= 0:
        return "the health check has no start period, so a slow start counts as a failure"
    if interval > _LONGEST_INTERVAL_S:
        return f"the health check runs only every {interval:g} s"
    if interval < 1:
        return f"the health check runs every {interval:g} s, more often than it can tell anything"
    if timeout > max(interval, _DEFAULT_S):
        return f"the health check may take {timeout:g} s, longer than its interval of {interval:g} s"
    return ""


def _patience_fault(settings: dict[str, object]) -> str:
    """Return why a failure would not count for very long."""
    start_period, retries = _seconds(settings, "StartPeriod"), settings.get("Retries")
    if start_period > _LONGEST_START_S:
        return f"the health check's start period of {start_period:g} s hides failures for as long"
    if isinstance(retries, int) and retries > _MOST_RETRIES:
        return f"the health check has to fail {retries} times before it counts"
    return ""


def _seconds(settings: dict[str, object], key: str) -> float:
    value = settings.get(key)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value / _NS_PER_S if is_number and isinstance(value, int) else 0.0
