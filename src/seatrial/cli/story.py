"""The outcome of a build as a short, readable story, and as the object of --json."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import PurePath

from seatrial.model.facts import RunningFacts, Span
from seatrial.model.outcome import Outcome
from seatrial.model.plan import Plan
from seatrial.model.verdict import State, Verdict

_MARKS = {State.PASS: "✓", State.FAIL: "✗", State.UNKNOWN: "?"}
_SHOWN_TRACES = 3
_LONGEST_TEXT = 70


def outcome_json(outcome: Outcome, *, cached: bool) -> dict[str, object]:
    """Return the documented object (docs/configuration.md, "build --json")."""
    image, built = outcome.image, outcome.built
    return {
        "image": {
            "digest": image.digest,
            "path": str(outcome.delivered[0].path),
            "reference": image.reference,
            "size_bytes": image.size_bytes,
            "compressed_bytes": image.compressed_bytes,
            "outputs": [
                {
                    "path": str(one.path),
                    "form": one.form,
                    "size_bytes": one.size_bytes,
                    "is_proven": one.is_proven,
                }
                for one in outcome.delivered
            ],
        },
        "binary": {
            "sha256": built.sha256,
            "size_bytes": built.size_bytes,
            "is_static": built.is_static,
            "is_woven": built.is_woven,
            "hidden_modules": list(built.modules_hidden),
        },
        "cached": cached,
        "verdicts": [_verdict_json(verdict) for verdict in outcome.verdicts],
        "trial": _running_json(outcome.facts.running if outcome.facts else None),
        "warnings": list(outcome.warnings),
    }


def plan_json(plan: Plan) -> object:
    """Return the plan as plain values; the list of input files is counted, not printed."""
    values = asdict(plan)
    project = values["project"]
    project["inputs"] = len(project["inputs"])
    project["input_directories"] = len(project["input_directories"])
    return _plain(values)


def outcome_text(outcome: Outcome, *, is_verbose: bool) -> str:
    """Return the story: what failed first, then what was built, what it did, and where it is."""
    lines: list[str] = []
    blocking = [verdict for verdict in outcome.verdicts if verdict.is_blocking]
    for verdict in blocking:
        lines += [f"{_MARKS[verdict.state]} {verdict.id}: {verdict.reason}", *_indented(verdict.fix)]
    image, built = outcome.image, outcome.built
    words = ["woven" if built.is_woven else "not woven", "static" if built.is_static else "dynamic"]
    lines.append(f"image    {image.reference}  {image.digest}")
    lines.append(
        f"size     {_size(image.size_bytes)} in files, {_size(image.compressed_bytes)} to pull; "
        f"program {_size(built.size_bytes)}, {', '.join(words)}"
    )
    if outcome.facts and outcome.facts.running:
        lines += _trial_lines(outcome.facts.running)
    shown = [verdict for verdict in outcome.verdicts if not verdict.is_blocking]
    passed = sum(verdict.state is State.PASS for verdict in outcome.verdicts)
    if is_verbose:
        lines += [f"{_MARKS[verdict.state]} {verdict.id}: {verdict.reason}" for verdict in shown]
    if outcome.verdicts:
        lines.append(f"verdicts {passed} of {len(outcome.verdicts)} hold")
    for output in outcome.delivered:
        lines.append(f"{'written' if output.is_proven else 'kept as'}  {output.path}")
    return "\n".join(lines) + "\n"


def _trial_lines(running: RunningFacts) -> list[str]:
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
            f"         SIGTERM: exit {running.shutdown.exit_code} after {running.shutdown.elapsed_ms:.0f} ms"
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


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines()]


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _verdict_json(verdict: Verdict) -> dict[str, object]:
    return {
        "id": verdict.id,
        "state": str(verdict.state),
        "severity": str(verdict.severity),
        "reason": verdict.reason,
        "fix": verdict.fix,
        "reference": verdict.reference,
    }


def _running_json(running: RunningFacts | None) -> object:
    return _plain(asdict(running)) if running else None


def _plain(value: object) -> object:
    """Turn paths, enums and tuples into what JSON has."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, PurePath) else value
