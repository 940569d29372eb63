"""What a check is called and how much it matters; makes its verdicts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from seatrial.model.verdict import Severity, State, Verdict


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One check's identity. See ``Verdict`` for the fields."""

    id: str
    severity: Severity
    reference: str = ""

    def when(self, is_promised: bool) -> Rule:
        """Return the rule, or its ``info`` form when nobody promised what it looks at."""
        return self if is_promised else replace(self, severity=Severity.INFO)

    def passes(self, reason: str) -> Verdict:
        """It was looked at and it holds."""
        return self._verdict(State.PASS, reason, "")

    def fails(self, reason: str, fix: str) -> Verdict:
        """It was looked at and it does not hold."""
        return self._verdict(State.FAIL, reason, fix)

    def unknown(self, reason: str, fix: str = "") -> Verdict:
        """It could not be looked at."""
        return self._verdict(State.UNKNOWN, reason, fix)

    def _verdict(self, state: State, reason: str, fix: str) -> Verdict:
        return Verdict(
            id=self.id, state=state, severity=self.severity, reason=reason, fix=fix, reference=self.reference
        )


def sample(names: list[str], most: int = 3) -> str:
    """Return the first names and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
