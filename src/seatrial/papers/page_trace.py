"""Traces on the page as waterfalls: spans in each other, to scale, attributes behind each."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from seatrial.model.facts import Exchange, RunningFacts, Span
from seatrial.papers.markup import Markup, element
from seatrial.papers.page_parts import bar, counted, pairs, section

_MOST_TRACES: Final = 12
_MOST_SPANS: Final = 300
_DEEPEST: Final = 12


def trace_section(running: RunningFacts) -> Markup:
    """Return the section: the traces of the requests that were made, in their order, then others."""
    traces: dict[str, list[Span]] = defaultdict(list)
    for span in running.spans:
        traces[span.trace_id].append(span)
    if not traces:
        return section("trace", "Traces", element("p", "No span came."))
    asked = {one.trace_id: one for one in running.exchanges if one.trace_id}
    order = [*(name for name in asked if name in traces), *(name for name in traces if name not in asked)]
    shown = [_trace(name, traces[name], asked.get(name)) for name in order[:_MOST_TRACES]]
    if len(order) > _MOST_TRACES:
        shown.append(
            element("p", f"{counted(len(order) - _MOST_TRACES, 'more trace')} in the facts.", class_="soft")
        )
    untraced = sum(one.trace_id not in traces for one in running.exchanges if one.status)
    words = f"{counted(len(running.spans), 'span')} in {counted(len(traces), 'trace')}."
    if untraced:
        words += f" {counted(untraced, 'answered request')} left no span."
    return section("trace", "Traces", element("p", words, class_="soft"), *shown)


def _trace(trace_id: str, spans: list[Span], asked: Exchange | None) -> Markup:
    title = f"{asked.method} {asked.path}" if asked else "not asked for by the trial"
    answer = f"{asked.status or asked.error}, {asked.elapsed_ms:.1f} ms; " if asked else ""
    start, end = min(span.start_ns for span in spans), max(span.end_ns for span in spans)
    tree = _Tree(spans, start_ns=start, length_ns=max(end - start, 1))
    left = len(spans) - tree.count
    return element(
        "article",
        element("h3", title),
        element("p", answer, "trace ", element("code", trace_id), class_="soft"),
        tree.markup,
        element("p", f"{counted(left, 'more span')} in the facts.", class_="soft") if left else Markup(),
        class_="trace",
    )


class _Tree:
    """A trace's spans under their parents, at most so many and so deep: what came is not trusted."""

    def __init__(self, spans: list[Span], *, start_ns: int, length_ns: int) -> None:
        self.count = 0
        self._start_ns = start_ns
        self._length_ns = length_ns
        self._children: dict[str, list[Span]] = defaultdict(list)
        ids = {span.span_id for span in spans}
        for span in sorted(spans, key=lambda one: (one.start_ns, -one.end_ns, one.span_id)):
            parent = span.parent_id if span.parent_id in ids and span.parent_id != span.span_id else ""
            self._children[parent].append(span)
        self.markup = self._level("", 0)

    def _level(self, parent: str, depth: int) -> Markup:
        items = []
        for span in self._children[parent]:
            if self.count >= _MOST_SPANS or depth >= _DEEPEST:
                break
            self.count += 1
            items.append(element("li", self._span(span, depth), self._level(span.span_id, depth + 1)))
        return element("ol", *items) if items else Markup()

    def _span(self, span: Span, depth: int) -> Markup:
        took_ms = (span.end_ns - span.start_ns) / 1e6
        start = (span.start_ns - self._start_ns) / self._length_ns
        after_ms = (span.start_ns - self._start_ns) / 1e6
        is_error = span.status == "error"
        details = [("starts after", f"{after_ms:.2f} ms"), ("span", span.span_id), ("scope", span.scope)]
        if span.status != "unset":
            details.append(("status", f"{span.status} {span.status_message}".strip()))
        return element(
            "details",
            element(
                "summary",
                element(
                    "span",
                    span.name,
                    " ",
                    element("span", f"{span.kind}, error" if is_error else span.kind, class_="kind"),
                    class_=f"name d{depth}",
                ),
                bar(start, (span.end_ns - span.start_ns) / self._length_ns, is_error=is_error),
                element("span", f"{took_ms:.2f} ms", class_="amount"),
            ),
            pairs(
                [*((name, value) for name, value in details if value), *span.attributes], class_="attributes"
            ),
            class_="span",
        )
