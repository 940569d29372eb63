"""A running service in full: requests, traces as trees, health probes, the end."""

from __future__ import annotations

from typing import Final

from seatrial.model.facts import RunningFacts, Span

_SHOWN_TRACES: Final = 3
_LONGEST_TEXT: Final = 70


def running_lines(running: RunningFacts) -> list[str]:
    """Return what the service did, one line a thing, with its traces as trees."""
    lines = [f"trial    {running.engine}"]
    if running.time_to_listen_ms is not None:
        ports = ", ".join(map(str, running.listening))
        lines.append(f"         listening on {ports} after {running.time_to_listen_ms:.0f} ms")
    lines += [
        f"         {exchange.method} {exchange.path} -> {exchange.status or exchange.error} "
        f"({exchange.elapsed_ms:.1f} ms)"
        for exchange in running.exchanges
    ]
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


def _trace_lines(running: RunningFacts) -> list[str]:
    """Return the traces of the requests that were made, as trees; the richest ones first."""
    asked = {exchange.trace_id for exchange in running.exchanges if exchange.trace_id}
    traces: dict[str, list[Span]] = {}
    for span in running.spans:
        if span.trace_id in asked:
            traces.setdefault(span.trace_id, []).append(span)
    lines = []
    for trace_id, spans in sorted(traces.items(), key=lambda item: -len(item[1]))[:_SHOWN_TRACES]:
        lines.append(f"trace {trace_id}")
        ids = {span.span_id for span in spans}
        for root in (span for span in spans if span.parent_id not in ids):
            lines += _tree(root, spans, "", is_last=True)
    return lines


def _tree(span: Span, spans: list[Span], indent: str, *, is_last: bool) -> list[str]:
    values = dict(span.attributes)
    what = values.get("db.query.text") or values.get("http.response.status_code", "")
    took = (span.end_ns - span.start_ns) / 1e6
    lines = [f"{indent}{'└─' if is_last else '├─'} {span.name}  {took:.2f} ms  {_short(what)}".rstrip()]
    children = sorted((one for one in spans if one.parent_id == span.span_id), key=lambda one: one.start_ns)
    deeper = indent + ("   " if is_last else "│  ")
    for index, child in enumerate(children):
        lines += _tree(child, spans, deeper, is_last=index == len(children) - 1)
    return lines


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "…"
