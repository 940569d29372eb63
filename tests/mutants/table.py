"""The table: one line a mutant, what was claimed, what was noticed; and the sums."""

from __future__ import annotations

from collections import Counter

from mutants.mutant import Mutant
from mutants.trying import Finding, Noticed, false_alarms, unfounded
from seatrial.model.outcome import TrialOutcome

_LONGEST_REASON = 150
MARK = "<!-- below: make mutants RECORD=docs/mutants.md -->"
_ALARM = "false alarm: "


def table_lines(mutants: tuple[Mutant, ...], findings: dict[str, Finding]) -> list[str]:
    """Return the table in Markdown, which also reads well in a terminal."""
    lines = ["| mutant | what was changed | claimed by | | as the user reads it |", "|-|-|-|-|-|"]
    for mutant in mutants:
        finding = findings[mutant.name]
        claims = ", ".join(mutant.claims)
        cells = (mutant.name, mutant.change, claims, str(finding.noticed), shortened(finding.reason))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def fault_lines(
    mutants: tuple[Mutant, ...], findings: dict[str, Finding], good: dict[str, TrialOutcome]
) -> list[str]:
    """Return a line for each thing that should not be: missed mutants, empty claims and false alarms."""
    lines = [f"missed: {one.name}: {claim}" for one in findings.values() for claim in one.missed]
    lines += [
        f"empty claim: {mutant.name}: the good image does not pass {claim} either"
        for mutant in mutants
        for claim in unfounded(mutant, good[mutant.service])
    ]
    lines += [f"does not follow: {one.name}: {name}" for one in findings.values() for name in one.silent]
    lines += [f"{_ALARM}{one.name}: {stray}" for one in findings.values() for stray in one.strays]
    lines += [
        f"{_ALARM}the good image, with {service or 'SQLite'}: {told}"
        for service, outcome in good.items()
        for told in false_alarms(outcome)
    ]
    return lines


def sums_line(findings: dict[str, Finding], faults: list[str]) -> str:
    """Return the sums in one line."""
    counts = Counter(finding.noticed for finding in findings.values())
    alarms = sum(line.startswith(_ALARM) for line in faults)
    return (
        f"{len(findings)} mutants: {counts[Noticed.CAUGHT]} caught, {counts[Noticed.TOLD]} told, "
        f"{counts[Noticed.MISSED]} missed; {alarms} false alarms"
    )


def recorded(document: str, table: list[str]) -> str:
    """Return a document with this table below its mark, in place of what was there."""
    above, mark, _ = document.partition(MARK)
    assert mark, f"the document has no line {MARK}"
    return above + mark + "\n\n" + "\n".join(table) + "\n"


def shortened(reason: str) -> str:
    """Return a reason in one line, not too long."""
    line = " ".join(reason.split())
    return line if len(line) <= _LONGEST_REASON else line[: _LONGEST_REASON - 1] + "…"
