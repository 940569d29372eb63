"""The outcome of a trial as a story of some ten lines, and as the object of --json."""

from __future__ import annotations

from collections import Counter

from seatrial.cli.running_story import running_lines
from seatrial.cli.verdict_story import failed_lines, size, verdict_json, verdict_line
from seatrial.model.facts import Facts, RunningFacts, StaticFacts
from seatrial.model.outcome import TrialOutcome
from seatrial.papers.facts_json import plain
from seatrial.papers.wording import printable, sum_words

_SHOWN_LIMITS = 3


def trial_json(outcome: TrialOutcome) -> dict[str, object]:
    """Return the documented object (docs/trial.md, "One object")."""
    facts = outcome.facts
    return {
        "image": outcome.image,
        "digest": facts.static.digest if facts else "",
        "holds": outcome.holds,
        "engine": facts.running.engine if facts and facts.running else "",
        "notes": list(outcome.notes),
        "verdicts": [verdict_json(verdict) for verdict in outcome.verdicts],
        "facts": plain(facts) if facts else None,
    }


def trial_text(outcome: TrialOutcome, *, is_verbose: bool) -> str:
    """Return the story: what failed first, then what the image is and what it did."""
    lines = failed_lines(outcome.verdicts)
    digest = f"  {outcome.facts.static.digest}" if outcome.facts else ""
    lines.append(f"image    {outcome.image}{digest}")
    if outcome.facts:
        lines += _facts_lines(outcome.facts, is_verbose=is_verbose)
    lines += [f"note     {note}" for note in outcome.notes]
    if is_verbose:
        lines += [verdict_line(verdict) for verdict in outcome.verdicts if not verdict.is_blocking]
    lines.append(f"outcome  {sum_words(outcome)}")
    return printable("\n".join(lines)) + "\n"


def _facts_lines(facts: Facts, *, is_verbose: bool) -> list[str]:
    lines = [f"size     {_static_words(facts.static)}"]
    running = facts.running
    if running is None:
        return lines
    lines += running_lines(running) if is_verbose else _short_lines(running)
    if running.limits:
        shown = running.limits if is_verbose else running.limits[:_SHOWN_LIMITS]
        more = len(running.limits) - len(shown)
        lines.append(f"unseen   {'; '.join(shown)}{f'; and {more} more (-v)' if more else ''}")
    return lines


def _static_words(static: StaticFacts) -> str:
    layers = len(static.layer_sizes_bytes)
    sizes = f"{size(static.content_bytes)} in files, {size(static.compressed_bytes)} to pull"
    words = [f"{sizes}, {layers} layer{'' if layers == 1 else 's'}"]
    if static.elf:
        words.append("static" if static.elf.is_static else "dynamic")
    if static.go:
        words.append(static.go.go_version)
        words.append(f"woven by Orchestrion {static.go.weaver}" if static.go.is_woven else "not woven")
    return "; ".join((words[0], ", ".join(words[1:]))) if words[1:] else words[0]


def _short_lines(running: RunningFacts) -> list[str]:
    lines = [f"engine   {running.engine}"]
    if running.time_to_listen_ms is not None:
        ports = ", ".join(map(str, running.listening))
        healthy = running.time_to_healthy_ms
        after = f", healthy after {healthy:.0f} ms" if healthy is not None else ""
        lines.append(f"start    listening on {ports} after {running.time_to_listen_ms:.0f} ms{after}")
    if running.exchanges:
        lines.append(f"asked    {_exchange_words(running)}")
    if running.spans:
        kinds = Counter(span.kind for span in running.spans)
        words = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        lines.append(f"spans    {len(running.spans)} ({words})")
    if running.probes:
        said = (f"{one.situation}: exit {one.exit_code} ({one.elapsed_ms:.0f} ms)" for one in running.probes)
        lines.append(f"health   {'; '.join(said)}")
    if running.shutdown:
        code = running.shutdown.exit_code
        how = "had to be killed" if code is None else f"exit {code}"
        lines.append(f"stop     {running.shutdown.signal}: {how} after {running.shutdown.elapsed_ms:.0f} ms")
    return lines


def _exchange_words(running: RunningFacts) -> str:
    """Return each different request once, with how often and its last answer."""
    counts = Counter((one.method, one.path) for one in running.exchanges)
    last = {(one.method, one.path): one for one in running.exchanges}
    words = []
    for (method, path), count in counts.items():
        one = last[method, path]
        times = f" x{count}" if count > 1 else ""
        words.append(f"{method} {path}{times} -> {one.status or one.error} ({one.elapsed_ms:.1f} ms)")
    shown = words[:3]
    return "; ".join(shown) + (f"; and {len(words) - 3} more (-v)" if len(words) > 3 else "")
