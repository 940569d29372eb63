"""The verdicts on the page: what stops the image on top with its fix, and a filter that needs no script."""

from __future__ import annotations

from collections import Counter
from typing import Final

from seatrial.model.outcome import TrialOutcome
from seatrial.model.verdict import State, Verdict
from seatrial.papers.markup import Markup, element, joined, void
from seatrial.papers.page_parts import section
from seatrial.papers.wording import worst_first

_WORDS: Final = {State.FAIL: "✗ failed", State.UNKNOWN: "? unknown", State.PASS: "✓ holds"}
_CHOICES: Final = ((State.FAIL, "Failed"), (State.UNKNOWN, "Unknown"), (State.PASS, "Holds"))


def verdicts_section(outcome: TrialOutcome) -> Markup:
    """Return the section."""
    if not outcome.verdicts:
        return section("verdicts", "Verdicts", element("p", "Nothing was looked at, which is no pass."))
    verdicts = (_verdict(verdict) for verdict in worst_first(outcome.verdicts))
    return section("verdicts", "Verdicts", _filter(outcome), element("ol", *verdicts, class_="verdicts"))


def _filter(outcome: TrialOutcome) -> Markup:
    counts = Counter(verdict.state for verdict in outcome.verdicts)
    choices = [("all", f"All {len(outcome.verdicts)}")]
    choices += [(str(state), f"{word} {counts[state]}") for state, word in _CHOICES if counts[state]]
    return element(
        "fieldset",
        element("legend", "Show"),
        *(
            element(
                "label",
                void("input", type="radio", name="pick", id=f"pick-{name}", checked=name == "all"),
                element("span", words),
                class_="pick",
            )
            for name, words in choices
        ),
    )


def _verdict(verdict: Verdict) -> Markup:
    stops = " stops" if verdict.is_blocking else ""
    # What a service printed stands below the sentence that quotes it.
    sentence, _, quoted = verdict.reason.partition("\n")
    reference = element("span", f"· {verdict.reference}", class_="reference") if verdict.reference else ""
    said = [element("p", sentence, " ", reference)]
    if quoted:
        label = f"What was printed, {verdict.id}"
        said.append(element("pre", quoted, tabindex="0", role="region", aria_label=label))
    if verdict.fix:
        said.append(element("p", element("strong", "Fix "), verdict.fix, class_="fix"))
    severity = f" {verdict.severity}"
    return element(
        "li",
        element("div", _WORDS[verdict.state], element("span", severity, class_="severity"), class_="state"),
        element("h3", verdict.id),
        element("div", joined(*said), class_="said"),
        class_=f"verdict {verdict.state}{stops}",
    )
