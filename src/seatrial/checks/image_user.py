"""The image names a numeric user that is not root."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule
from seatrial.checks.settings import process_settings, text
from seatrial.model.facts import StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

RULE: Final = Rule(
    id="image.user",
    severity=Severity.HIGH,
    reference="CIS Docker 4.1; Kubernetes runAsNonRoot needs a number",
)


def check(facts: StaticFacts, expected: Expectations) -> Verdict:
    """Look at the configuration's User."""
    user = text(process_settings(facts), "User")
    number = user.partition(":")[0]
    fix = f"set USER {expected.user or '65532'}:{expected.user or '65532'}"
    if not user:
        return RULE.fails("the image names no user, so it runs as root", fix)
    if not number.isdecimal():
        return RULE.fails(f"the user {user!r} is a name, which nobody can verify from outside", fix)
    if int(number) == 0:
        return RULE.fails("the image runs as root", fix)
    if expected.user and number != expected.user:
        return RULE.fails(f"the user is {user}, not {expected.user}", fix)
    return RULE.passes(f"runs as {user}")
