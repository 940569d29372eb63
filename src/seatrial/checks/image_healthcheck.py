"""The image has a health command that can be run in it."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule
from seatrial.checks.settings import process_settings, table, texts
from seatrial.model.facts import StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

RULE: Final = Rule(id="image.healthcheck", severity=Severity.MEDIUM, reference="CIS Docker 4.6")

_FIX: Final = 'set HEALTHCHECK CMD ["/server", "--health-check"], with a start period'


def check(facts: StaticFacts, expected: Expectations) -> Verdict:
    """Look at Docker's Healthcheck: exec form, as there is no shell, and a start period."""
    rule = RULE.when(expected.has_healthcheck)
    settings = table(process_settings(facts), "Healthcheck")
    test = texts(settings, "Test")
    if not test or test[0] == "NONE":
        if not expected.has_healthcheck:
            return rule.unknown("the service has no health command, so the image has no health check")
        return rule.fails("the image has no health check", _FIX)
    if test[0] != "CMD" or len(test) < 2:
        return rule.fails("the health check needs a shell, which the image does not have", _FIX)
    period = settings.get("StartPeriod")
    if not isinstance(period, int) or period <= 0:
        return rule.fails("the health check has no start period", _FIX)
    return rule.passes(f"{' '.join(test[1:])}, after a start period of {period / 1e9:g} s")
