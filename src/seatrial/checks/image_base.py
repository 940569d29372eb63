"""The distribution under the program still gets security fixes."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule
from seatrial.checks.support_dates import distribution_end
from seatrial.model.facts import StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

RULE: Final = Rule(
    id="image.base-supported", severity=Severity.MEDIUM, reference="NIST SP 800-190, 4.1.1; CIS Docker 4.2"
)


def check(facts: StaticFacts, expected: Expectations) -> Verdict:
    """Compare the distribution's end of support with ``today``."""
    released = dict(facts.os_release)
    name = released.get("PRETTY_NAME") or released.get("ID", "")
    if not facts.os_release:
        return RULE.passes("holds no distribution that could go without fixes")
    ends = distribution_end(released.get("ID", ""), released.get("VERSION_ID", ""))
    if ends is None:
        return RULE.when(False).unknown(
            f"the end of support of {name or 'its distribution'} is not known here"
        )
    if not expected.today:
        return RULE.when(False).unknown(f"{name} is supported until {max(ends)}; nobody said what day it is")
    full, long_term = ends
    if expected.today <= full:
        return RULE.passes(f"{name} is supported until {full}")
    if expected.today <= long_term:
        return RULE.passes(f"{name} gets fixes by Debian LTS until {long_term}; full support ended on {full}")
    return RULE.fails(
        f"{name} gets no fixes since {max(ends)}", "build on a newer release of the distribution"
    )
