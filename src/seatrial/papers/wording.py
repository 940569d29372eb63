"""What all papers say in the same way: the order of verdicts, their sum, and text that is safe to print."""

from __future__ import annotations

import re
from typing import Final

from seatrial.model.outcome import TrialOutcome
from seatrial.model.verdict import Severity, State, Verdict

# What XML 1.0 has no character for, and what turns the direction of the text beside it (Trojan Source).
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def printable(text: str) -> str:
    """Return text with what no paper can hold replaced by U+FFFD; tabs and line ends stay."""
    return _UNSAFE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def worst_first(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """Return verdicts in the order in which they are read: what stops the image, what is told, what holds."""
    return tuple(sorted(verdicts, key=_rank))


def blocking(outcome: TrialOutcome) -> tuple[Verdict, ...]:
    """Return the verdicts that stop the image, worst first."""
    return tuple(verdict for verdict in worst_first(outcome.verdicts) if verdict.is_blocking)


def sum_words(outcome: TrialOutcome) -> str:
    """Return one sentence on the whole."""
    count, stops = len(outcome.verdicts), len(blocking(outcome))
    holds = sum(verdict.state is State.PASS for verdict in outcome.verdicts)
    if not count:
        return "nothing was looked at"
    if stops:
        return f"{stops} of {count} verdicts stop{'s' if stops == 1 else ''} this image"
    return f"{holds} of {count} verdicts hold, and none stops this image"


def advice(verdict: Verdict) -> str:
    """Return the reason, the fix and the reference, one below the other."""
    reference = f"Reference: {verdict.reference}" if verdict.reference else ""
    fix = f"Fix: {verdict.fix}" if verdict.fix else ""
    return "\n".join(part for part in (verdict.reason, fix, reference) if part)


def _rank(verdict: Verdict) -> tuple[bool, bool, bool, int]:
    is_pass = verdict.state is State.PASS
    severity = 0 if is_pass else -tuple(Severity).index(verdict.severity)
    return (is_pass, not verdict.is_blocking, verdict.state is State.UNKNOWN, severity)
