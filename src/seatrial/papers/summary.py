"""Verdicts as Markdown for a CI job's summary page (GitHub Flavored Markdown)."""

from __future__ import annotations

import html
import re
from typing import Final

from seatrial.model.outcome import TrialOutcome
from seatrial.model.verdict import State, Verdict
from seatrial.papers.wording import blocking, printable, sum_words, worst_first

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+!|~$@:-])")
_MARKS: Final = {State.PASS: "✓ holds", State.FAIL: "✗ failed", State.UNKNOWN: "? unknown"}
_MOST_LINES: Final = 12


def summary_text(outcome: TrialOutcome) -> str:
    """Return a section: a heading, what stops the image with its fix, and the rest folded away."""
    stops = blocking(outcome)
    rest = tuple(verdict for verdict in worst_first(outcome.verdicts) if not verdict.is_blocking)
    mark = "✓" if outcome.holds else "✗"
    lines = [f"### {mark} {_text(outcome.image)}: {sum_words(outcome)}", ""]
    lines += [*_facts_lines(outcome), ""]
    lines += [f"> {_text(note)}" for note in outcome.notes]
    if stops:
        lines += ["", "| verdict | what was seen | what to do | reference |", "|-|-|-|-|"]
        lines += [f"{_row(verdict)} {_text(verdict.fix)} | {_text(verdict.reference)} |" for verdict in stops]
    if rest:
        holds = sum(verdict.state is State.PASS for verdict in rest)
        told = len(rest) - holds
        title = f"{holds} hold" + (f", {told} only told" if told else "")
        lines += ["", f"<details><summary>{title}</summary>", ""]
        lines += [
            "| verdict | what was seen |",
            "|-|-|",
            *(_row(verdict) for verdict in rest),
            "",
            "</details>",
        ]
    return "\n".join(lines) + "\n\n"


def _row(verdict: Verdict) -> str:
    return f"| {_MARKS[verdict.state]} **{_text(verdict.id)}** | {_text(verdict.reason)} |"


def _facts_lines(outcome: TrialOutcome) -> list[str]:
    facts = outcome.facts
    if facts is None:
        return []
    words = [
        f"`{printable(facts.static.digest)}`",
        f"{facts.static.content_bytes / 1e6:.1f} MB in files",
        f"{facts.static.compressed_bytes / 1e6:.1f} MB to pull",
    ]
    if facts.running:
        words.append(_text(facts.running.engine))
        if facts.running.time_to_listen_ms is not None:
            words.append(f"listening after {facts.running.time_to_listen_ms:.0f} ms")
    return [" · ".join(words)]


def _text(text: str) -> str:
    """Return text that a table cell shows as it is: no markup of it works, line ends are breaks."""
    lines = printable(text).split("\n")
    shown = lines[:_MOST_LINES] + (["…"] if len(lines) > _MOST_LINES else [])
    return "<br>".join(_SPECIAL.sub(r"\\\1", html.escape(line, quote=False)) for line in shown)
