"""Verdicts as lines and as JSON; failed ones carry what to do."""

from __future__ import annotations

from typing import Final

from seatrial.model.verdict import State, Verdict
from seatrial.papers.wording import worst_first

_MARKS: Final = {State.PASS: "✓", State.FAIL: "✗", State.UNKNOWN: "?"}


def verdict_line(verdict: Verdict) -> str:
    """Return one verdict as a line."""
    return f"{_MARKS[verdict.state]} {verdict.id}: {verdict.reason}"


def failed_lines(verdicts: tuple[Verdict, ...]) -> list[str]:
    """Return the verdicts that stop an image, each with its fix below: failed ones, then unknown ones."""
    lines = []
    for verdict in worst_first(verdicts):
        if verdict.is_blocking:
            lines += [verdict_line(verdict), *(f"    {line}" for line in verdict.fix.splitlines())]
    return lines


def verdict_json(verdict: Verdict) -> dict[str, object]:
    """Return the documented object (docs/configuration.md, "verdicts[]")."""
    return {
        "id": verdict.id,
        "state": str(verdict.state),
        "severity": str(verdict.severity),
        "reason": verdict.reason,
        "fix": verdict.fix,
        "reference": verdict.reference,
    }


def size(count: int) -> str:
    """Return bytes in megabytes (10^6)."""
    return f"{count / 1e6:.1f} MB"
