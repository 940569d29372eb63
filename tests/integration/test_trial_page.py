"""The page in a real browser: narrow and wide, light and dark, by keyboard, and by axe-core's rules."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chromium import Page
from paper_outcomes import ATTACK, GOOD, NOTHING, RICH
from seatrial.formats.jsonvalue import as_list
from seatrial.model.outcome import TrialOutcome
from seatrial.papers.page import page_text

AXE = Path(__file__).parents[1] / "npm/node_modules/axe-core/axe.min.js"
OUTCOMES = {"good": GOOD, "rich": RICH, "attack": ATTACK, "nothing": NOTHING}
LOOKS = [(360, "light"), (360, "dark"), (1600, "light"), (1600, "dark")]

# Violations as sentences. What axe cannot tell by itself (text over a drawing) is not among them.
JUDGE = """axe.run().then(found => found.violations.flatMap(one =>
  one.nodes.map(node => `${one.id}: ${node.target.join(' ')}: ${node.failureSummary}`)))"""


def written(outcome: TrialOutcome, place: Path) -> Path:
    """Write a page; return its file."""
    page = place / "page.html"
    page.write_text(page_text(outcome, "0.1.0"))
    return page


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_page_is_readable_and_quiet(
    name: str, width: int, scheme: str, chromium: Page, tmp_path: Path
) -> None:
    chromium.problems.clear()
    chromium.open(written(OUTCOMES[name], tmp_path), width=width, scheme=scheme)
    for state in ("closed", "open"):
        assert chromium.evaluate("document.documentElement.scrollWidth") == width, state
        chromium.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert chromium.problems == []
    if kept := os.environ.get("SEATRIAL_KEEP_SCREENSHOTS"):
        chromium.screenshot(Path(kept) / f"{name}-{width}-{scheme}.png")


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
@pytest.mark.parametrize("name", OUTCOMES)
def test_page_is_clean_by_axe(name: str, width: int, scheme: str, chromium: Page, tmp_path: Path) -> None:
    if not AXE.exists():
        pytest.skip("needs axe-core (npm ci --prefix tests/npm)")
    chromium.open(written(OUTCOMES[name], tmp_path), width=width, scheme=scheme)
    chromium.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    chromium.evaluate(AXE.read_text())
    assert as_list(chromium.evaluate(JUDGE)) == []


def test_axe_would_see_a_page_that_nobody_can_read(chromium: Page, tmp_path: Path) -> None:
    if not AXE.exists():
        pytest.skip("needs axe-core (npm ci --prefix tests/npm)")
    chromium.open(written(GOOD, tmp_path), width=1600, scheme="light")
    chromium.evaluate("document.querySelectorAll('p').forEach(one => one.style.color = '#ddd')")
    chromium.evaluate(AXE.read_text())
    assert "color-contrast" in str(chromium.evaluate(JUDGE))


def test_colours_follow_the_readers_scheme(chromium: Page, tmp_path: Path) -> None:
    page, colours = written(GOOD, tmp_path), []
    for scheme in ("light", "dark"):
        chromium.open(page, width=1600, scheme=scheme)
        colours.append(chromium.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert colours == ["rgb(251, 251, 249)", "rgb(16, 22, 27)"]


def test_verdicts_are_filtered_by_keyboard_alone(chromium: Page, tmp_path: Path) -> None:
    chromium.open(written(RICH, tmp_path), width=1600, scheme="light")
    shown = "[...document.querySelectorAll('.verdict')].filter(one => one.offsetParent).length"
    counts = {
        state: chromium.evaluate(f"document.querySelectorAll('.verdict.{state}').length")
        for state in ("fail", "unknown")
    }
    assert chromium.evaluate(shown) == len(RICH.verdicts)
    for _ in range(12):
        chromium.press("Tab", 9)
        if chromium.evaluate("document.activeElement.id") == "pick-all":
            break
    assert chromium.evaluate("document.activeElement.id") == "pick-all"
    outline = "getComputedStyle(document.activeElement.nextElementSibling).outlineStyle"
    assert chromium.evaluate(outline) == "solid"
    for state, count in counts.items():
        chromium.press("ArrowRight", 39)
        assert chromium.evaluate(shown) == count, state


def test_keyboard_opens_a_span(chromium: Page, tmp_path: Path) -> None:
    chromium.open(written(RICH, tmp_path), width=360, scheme="light")
    chromium.evaluate("document.querySelector('.span summary').focus()")
    chromium.press("Enter", 13, "\r")
    assert chromium.evaluate("document.querySelector('.span').open") is True
