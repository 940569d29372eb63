"""A running service in full: requests, traces as trees, health probes, the end."""

from __future__ import annotations

from http import HTTPStatus
from itertools import groupby
from typing import Final

from seatrial.model.facts import Exchange, RunningFacts, Span

_SHOWN_TRACES: Final = 3
_LONGEST_TEXT: Final = 70


def running_lines(running: RunningFacts) -> list[str]:
    """Return what the service did, one line a thing, with its traces as trees."""
    lines = [f"trial    {running.engine}"]
    if running.time_to_listen_ms is not None:
        ports = ", ".join(map(str, running.listening))
        lines.append(f"         listening on {ports} after {running.time_to_listen_ms:.0f} ms")
    lines += [f"         {line}" for line in _exchange_lines(running.exchanges)]
    lines += [f"         {line}" for line in _trace_lines(running)]
    lines += [
        f"         health, {probe.situation}: exit {probe.exit_code} ({probe.elapsed_ms:.0f} ms)"
        + (f" {probe.output.strip().splitlines()[-1]}" if probe.output.strip() else "")
        for probe in running.probes
    ]
    if running.shutdown:
        lines.append(
            f"         {running.shutdown.signal}: exit {running.shutdown.exit_code} after "
            f"{running.shutdown.elapsed_ms:.0f} ms"
        )
    return lines


def _exchange_lines(exchanges: tuple[Exchange, ...]) -> list[str]:
    """Return one line for the same request with the same answer, however often; and what is to be done."""
    lines = []
    for (method, path, answer), same in groupby(exchanges, _question):
        times_ms = [exchange.elapsed_ms for exchange in same]
        count = f", {len(times_ms)} times" if len(times_ms) > 1 else ""
        took = " to ".join(f"{one:.1f}" for one in sorted({min(times_ms), max(times_ms)}))
        lines.append(f"{method} {path} -> {answer}{count} ({took} ms)")
    if exchanges and all(one.status == HTTPStatus.NOT_FOUND for one in exchanges):
        lines.append('it knows none of these paths: name some that it does, [trial] requests = ["GET /PATH"]')
    return lines


def _question(exchange: Exchange) -> tuple[str, str, str]:
    answer = str(exchange.status or exchange.error)
    if exchange.method == "GET" and exchange.status == HTTPStatus.OK and not exchange.body_excerpt:
        # What a stand-in for an embedded interface looks like, and a page whose files were not there.
        answer += ", an empty body"
    return exchange.method, exchange.path, answer


def _trace_lines(running: RunningFacts) -> list[str]:
    """Return the traces of the requests that were made, as trees; the richest ones first."""
    asked = {exchange.trace_id for exchange in running.exchanges if exchange.trace_id}
    traces: dict[str, list[Span]] = {}
    for span in running.spans:
        if span.trace_id in asked:
            traces.setdefault(span.trace_id, []).append(span)
    different: dict[tuple[tuple[str, str], ...], str] = {}
    for trace_id, spans in traces.items():
        different.setdefault(_shape(spans), trace_id)
    lines = []
    for trace_id in sorted(different.values(), key=lambda one: -len(traces[one]))[:_SHOWN_TRACES]:
        spans = traces[trace_id]
        lines.append(f"trace {trace_id}")
        ids = {span.span_id for span in spans}
        for root in (span for span in spans if span.parent_id not in ids):
            lines += _tree(root, spans, "", is_last=True)
    return lines


def _shape(spans: list[Span]) -> tuple[tuple[str, str], ...]:
    """Return what two traces of the same request have in common."""
    return tuple(sorted((span.name, _what(span)) for span in spans))


def _what(span: Span) -> str:
    values = dict(span.attributes)
    return values.get("db.query.text") or values.get("http.response.status_code", "")


def _tree(span: Span, spans: list[Span], indent: str, *, is_last: bool) -> list[str]:
    took = (span.end_ns - span.start_ns) / 1e6
    lines = [
        f"{indent}{'└─' if is_last else '├─'} {span.name}  {took:.2f} ms  {_short(_what(span))}".rstrip()
    ]
    children = sorted((one for one in spans if one.parent_id == span.span_id), key=lambda one: one.start_ns)
    deeper = indent + ("   " if is_last else "│  ")
    for index, child in enumerate(children):
        lines += _tree(child, spans, deeper, is_last=index == len(children) - 1)
    return lines


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
