"""A trial as one page: no network, no script, nothing but what is in it."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

from seatrial.model.facts import Facts
from seatrial.model.outcome import TrialOutcome
from seatrial.papers.markup import Markup, element, joined, literal, void
from seatrial.papers.page_papers import log_section, papers_section
from seatrial.papers.page_run import run_section, start_section
from seatrial.papers.page_size import size_section
from seatrial.papers.page_trace import trace_section
from seatrial.papers.page_verdicts import verdicts_section
from seatrial.papers.wording import sum_words

_STYLE: Final = Path(__file__).with_name("page.css")


def page_text(outcome: TrialOutcome, version: str) -> str:
    """Return the whole document (HTML). version: of Seatrial. The same outcome gives the same bytes.

    Its own policy forbids everything but its style sheet (Content Security Policy, Level 3).
    """
    style = _STYLE.read_text()
    sections = _sections(outcome)
    body = element(
        "body",
        element("a", "Skip to the verdicts", class_="skip", href="#verdicts"),
        _header(outcome),
        _navigation(sections),
        element("main", *(section for _, _, section in sections)),
        element("footer", f"Written by Seatrial {version} from what was observed; nothing here was fetched."),
    )
    document = element("html", _head(outcome, style), body, lang="en")
    return f"<!DOCTYPE html>\n{document}\n"


def _head(outcome: TrialOutcome, style: str) -> Markup:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    return element(
        "head",
        void("meta", charset="utf-8"),
        void("meta", http_equiv="Content-Security-Policy", content=policy),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="color-scheme", content="light dark"),
        void("meta", name="referrer", content="no-referrer"),
        void("link", rel="icon", href="data:,"),
        element("title", f"{'Passed' if outcome.holds else 'Stopped'}: {outcome.image}, sea trial"),
        element("style", literal(style)),
    )


def _sections(outcome: TrialOutcome) -> list[tuple[str, str, Markup]]:
    """Return (anchor, title, content) of each section that has something to say."""
    found = [("verdicts", "Verdicts", verdicts_section(outcome))]
    facts = outcome.facts
    if facts is None:
        return found
    if facts.running:
        found += [
            ("start", "Start-up", start_section(facts.running)),
            ("trace", "Traces", trace_section(facts.running)),
            ("run", "Under way", run_section(facts.running)),
        ]
    found += [
        ("size", "Size", size_section(facts.static)),
        ("papers", "Papers", papers_section(facts)),
    ]
    if facts.running:
        found.append(("log", "Log", log_section(facts.running)))
    return found


def _header(outcome: TrialOutcome) -> Markup:
    mark, word = ("✓", "passed") if outcome.holds else ("✗", "stopped")
    return element(
        "header",
        element("p", "Report of a sea trial", class_="eyebrow"),
        element("h1", _breakable(outcome.image or "an image")),
        element("p", outcome.facts.static.digest, class_="mono soft digest") if outcome.facts else Markup(),
        element(
            "div",
            element("span", f"{mark} {word}", class_=f"stamp {word}"),
            element("span", sum_words(outcome).capitalize()),
            class_="outcome",
        ),
        *(element("p", note) for note in outcome.notes),
        _figures(outcome.facts) if outcome.facts else Markup(),
    )


def _breakable(name: str) -> Markup:
    """Return a name that breaks after its separators before it breaks anywhere."""
    words = re.split(r"(?<=[/:@])", name)
    return joined(*(part for word in words for part in (word, void("wbr"))))


def _figures(facts: Facts) -> Markup:
    """Return the few numbers that are looked for first."""
    static, running = facts.static, facts.running
    found = [
        ("In files", f"{static.content_bytes / 1e6:.1f}", "MB"),
        ("To pull", f"{static.compressed_bytes / 1e6:.1f}", "MB"),
        ("Layers", str(len(static.layer_sizes_bytes)), ""),
    ]
    if running and running.time_to_listen_ms is not None:
        found.append(("Listening after", f"{running.time_to_listen_ms:.0f}", "ms"))
    if running and running.time_to_healthy_ms is not None:
        found.append(("Healthy after", f"{running.time_to_healthy_ms:.0f}", "ms"))
    if running and running.process:
        found.append(("Memory at rest", f"{running.process.rss_bytes / 1e6:.1f}", "MB"))
    if running and running.shutdown:
        found.append((f"Ended after {running.shutdown.signal}", f"{running.shutdown.elapsed_ms:.0f}", "ms"))
    return element(
        "dl",
        *(
            element("div", element("dt", name), element("dd", value, " ", element("small", unit)))
            for name, value, unit in found
        ),
        class_="figures",
    )


def _navigation(sections: list[tuple[str, str, Markup]]) -> Markup:
    links = (element("li", element("a", title, href=f"#{anchor}")) for anchor, title, _ in sections)
    return element(
        "nav", element("div", element("ul", joined(*links)), class_="strip"), aria_label="Sections"
    )
