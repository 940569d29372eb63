"""All rules together: everything is looked at, nothing stops at the first failure, nothing is vacuous."""

from __future__ import annotations

from dataclasses import replace

from facts import EXPECTED, RUNNING, STATIC, settings
from seatrial.model.facts import Facts
from seatrial.model.verdict import State
from seatrial.verify import RUNNING_CHECKS, STATIC_CHECKS, holds, judge

GOOD = Facts(static=STATIC, running=RUNNING)


def test_good_image_passes_every_rule() -> None:
    verdicts = judge(GOOD, EXPECTED)
    assert len(verdicts) == len(STATIC_CHECKS) + len(RUNNING_CHECKS) + 1
    assert {verdict.state for verdict in verdicts} == {State.PASS}
    assert all(verdict.reason and not verdict.fix for verdict in verdicts)
    assert holds(verdicts)


def test_ids_are_unique_and_dotted() -> None:
    ids = [verdict.id for verdict in judge(GOOD, EXPECTED)]
    assert len(set(ids)) == len(ids)
    assert all(part.islower() for name in ids for part in name.split("."))


def test_all_failures_are_reported_together() -> None:
    bad = Facts(
        static=replace(STATIC, config=settings(User="0"), content_bytes=10**9),
        running=replace(RUNNING, spans=(), ended_early=1),
    )
    failed = {verdict.id for verdict in judge(bad, EXPECTED) if verdict.state is State.FAIL}
    assert {"image.user", "image.size", "trial.starts", "trial.spans", "trial.sql-spans"} <= failed
    assert not holds(judge(bad, EXPECTED))


def test_unknown_is_never_a_pass() -> None:
    verdicts = judge(Facts(static=STATIC, running=None), EXPECTED)
    assert verdicts[-1].id == "trial.starts"
    assert not holds(verdicts)


def test_no_verdicts_hold_nothing() -> None:
    assert not holds(())
