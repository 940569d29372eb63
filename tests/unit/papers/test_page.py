"""The page holds everything, fetches nothing, and lets nothing of an image run."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from facts import span
from paper_outcomes import ATTACK, EVERY, GOOD, RICH, RICH_FACTS, STOPPED
from seatrial.model.facts import Span
from seatrial.model.outcome import TrialOutcome
from seatrial.papers.page import page_text

VOID = {"meta", "link", "input", "wbr"}


class Reader(HTMLParser):
    """Checks that elements are closed in order, and gathers tags, attributes, ids and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("outcome", EVERY)
def test_page_is_well_formed_and_fetches_nothing(outcome: TrialOutcome) -> None:
    read = Reader(page_text(outcome, "0.1.0"))
    assert read.open == []
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in read.tags:
        assert tag not in {"script", "iframe", "img", "object", "form", "base"}
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:,"))


@pytest.mark.parametrize("outcome", EVERY)
def test_headings_go_down_one_level_at_a_time(outcome: TrialOutcome) -> None:
    levels = [int(tag[1]) for tag, _ in Reader(page_text(outcome, "0.1.0")).tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    assert levels.count(1) == 1


def test_policy_allows_the_style_sheet_of_this_page_only() -> None:
    text = page_text(GOOD, "0.1.0")
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src &#x27;none&#x27;; style-src &#x27;sha256-{digest}&#x27;" in text


def test_hostile_text_is_text() -> None:
    text = page_text(ATTACK, "0.1.0")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "\x1b" not in text
    text.encode()


def test_same_outcome_gives_the_same_bytes() -> None:
    assert page_text(RICH, "0.1.0") == page_text(RICH, "0.1.0")


def test_verdicts_come_with_fix_and_reference_and_worst_first() -> None:
    text = page_text(STOPPED, "0.1.0")
    order = [text.index(f"<h3>{name}</h3>") for name in ("image.user", "trial.spans", "image.size")]
    assert order == sorted(order)
    assert "<strong>Fix </strong>set USER 65532:65532" in text
    assert "· CIS Docker 4.1" in text


def test_each_part_of_the_facts_is_told() -> None:
    words = "".join(Reader(page_text(RICH, "0.1.0")).text)
    for expected in (
        "first answer",
        "INSERT order_items",
        "duplicate key",
        "modernc.org/sqlite",
        "tzdata 2026b-0+deb13u1",
        "removed or replaced by a layer above",
        "seatrial.dev/weave",
        "no memory controller here",
        "4 of 4 were answered",
        "no /sys, and no network but the loopback",
        "unix @seatrial-health",
        '"n":29',
    ):
        assert expected in words, expected


def _page_of(*spans: Span) -> str:
    assert RICH_FACTS.running is not None
    running = replace(RICH_FACTS.running, spans=spans)
    return page_text(replace(RICH, facts=replace(RICH_FACTS, running=running)), "0.1.0")


def test_trace_that_goes_in_a_circle_or_down_forever_has_an_end() -> None:
    circle = (span(span_id="01", parent_id="02"), span(span_id="02", parent_id="01"))
    assert "2 more spans in the facts" in _page_of(*circle)
    assert '<span class="name d0">' in _page_of(span(span_id="01", parent_id="01"))
    deep = tuple(span(span_id=f"{n:04}", parent_id=f"{n - 1:04}") for n in range(5000))
    assert "4988 more spans in the facts" in _page_of(*deep)
    many = tuple(span(span_id=f"{n:04}") for n in range(1000))
    assert "700 more spans in the facts" in _page_of(*many)
