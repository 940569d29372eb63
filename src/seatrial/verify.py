"""Facts + expectations -> verdicts. Every rule is looked at; none stops the others."""

from __future__ import annotations

from seatrial.model.facts import Facts
from seatrial.model.verdict import Expectations, Verdict


def judge(facts: Facts, expected: Expectations) -> tuple[Verdict, ...]:
    """Return one verdict for each rule, in a fixed order; never empty.

    A rule that could not look says ``unknown``; severity ``info`` where nothing was promised.
    """
    raise NotImplementedError


def holds(verdicts: tuple[Verdict, ...]) -> bool:
    """Return whether an image with these verdicts may be delivered: at least one, and none blocking."""
    return bool(verdicts) and not any(verdict.is_blocking for verdict in verdicts)
