"""What ``seatrial build`` tells of a running service: each thing once."""

from __future__ import annotations

from dataclasses import replace

from facts import EXCHANGE, RUNNING, span
from seatrial.cli.running_story import running_lines
from seatrial.model.facts import Exchange, RunningFacts, Span

KNOWS_NONE = '         it knows none of these paths: name some that it does, [trial] requests = ["GET /PATH"]'


def _with(*exchanges: Exchange, spans: tuple[Span, ...] = ()) -> RunningFacts:
    return replace(RUNNING, exchanges=exchanges, spans=spans)


def test_the_same_answer_to_the_same_request_is_one_line() -> None:
    times_ms = (2.0, 0.5, 1.0)
    asked = (replace(EXCHANGE, elapsed_ms=took, body_excerpt="[]") for took in times_ms)
    lines = running_lines(_with(*asked, replace(EXCHANGE, status=500)))
    assert "         GET /orders -> 200, 3 times (0.5 to 2.0 ms)" in lines
    assert "         GET /orders -> 500 (1.0 ms)" in lines


def test_traces_that_look_the_same_are_shown_once() -> None:
    numbers = range(3)
    asked = [replace(EXCHANGE, trace_id=f"{number:032x}") for number in numbers]
    spans = [
        replace(span(db_query_text=text), trace_id=f"{number:032x}")
        for number, text in zip(numbers, ("SELECT 1", "SELECT 1", "SELECT 2"), strict=True)
    ]
    found = [line.strip() for line in running_lines(_with(*asked, spans=tuple(spans)))]
    assert [line for line in found if line.startswith("trace ")] == [f"trace {0:032x}", f"trace {2:032x}"]


def test_only_unknown_paths_are_no_more_than_a_start() -> None:
    lost = replace(EXCHANGE, status=404)
    assert KNOWS_NONE in running_lines(_with(lost, lost))
    assert KNOWS_NONE not in running_lines(_with(lost, EXCHANGE))
    assert KNOWS_NONE not in running_lines(_with())


def test_page_of_nothing_is_told() -> None:
    assert "         GET /orders -> 200, an empty body (1.0 ms)" in running_lines(_with(EXCHANGE))
    post = replace(EXCHANGE, method="POST")
    assert "         POST /orders -> 200 (1.0 ms)" in running_lines(_with(post))
    gone = replace(EXCHANGE, status=204)
    assert "         GET /orders -> 204 (1.0 ms)" in running_lines(_with(gone))
