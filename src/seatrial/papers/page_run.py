"""The running service on the page: its start as a timeline, then what it did."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.model.facts import ProcessFacts, RunningFacts
from seatrial.papers.markup import Markup, element, joined
from seatrial.papers.page_parts import bar, fold, pairs, plain_list, section, size, table


def start_section(running: RunningFacts) -> Markup:
    """Return what happened when; without a timeline in the facts, what can be told of it."""
    events = list(running.timeline)
    known = {name for name, _ in events}
    for name, at_ms in (("listening", running.time_to_listen_ms), ("healthy", running.time_to_healthy_ms)):
        if at_ms is not None and name not in known:
            events.append((name, at_ms))
    events.sort(key=lambda event: event[1])
    if not events:
        return section("start", "Start-up", element("p", "It never listened."))
    whole = max(at_ms for _, at_ms in events) or 1.0
    rows, before = [], 0.0
    for name, at_ms in events:
        rows.append(
            element(
                "li",
                element("span", name),
                bar(before / whole, (at_ms - before) / whole),
                element("span", f"{at_ms:.1f} ms", class_="amount"),
                class_="event",
            )
        )
        before = at_ms
    ports = ", ".join(map(str, running.listening))
    words = f"In {running.engine}" + (f"; listening on {ports}" if ports else "") + "."
    return section(
        "start", "Start-up", element("p", words, class_="soft"), element("ol", *rows, class_="rows")
    )


def run_section(running: RunningFacts) -> Markup:
    """Return requests, health, the process, the end, and what was tried once more with one thing changed."""
    return section("run", "Under way", joined(*_parts(running)))


def _parts(running: RunningFacts) -> Iterator[Markup]:
    if running.exchanges:
        rows = (
            (
                f"{one.method} {one.path}",
                one.found_by,
                str(one.status or one.error),
                f"{one.elapsed_ms:.1f} ms",
            )
            for one in running.exchanges
        )
        yield table("Requests, in their order", ("request", "found by", "answer", "took"), rows, amounts=1)
    if running.probes:
        said = (
            (one.situation, f"exit {one.exit_code}", one.output.strip()[-300:], f"{one.elapsed_ms:.0f} ms")
            for one in running.probes
        )
        yield table("The health command", ("while", "said", "printed", "took"), said, amounts=1)
    if running.variations:
        tried = (
            (
                one.name,
                _varied(one.was_tried, one.status, one.ended_early),
                one.note,
                f"{one.elapsed_ms:.0f} ms" if one.was_tried else "",
            )
            for one in running.variations
        )
        yield table(
            "Started once more, with one thing changed", ("with", "outcome", "note", "took"), tried, amounts=1
        )
    yield element("h3", "The process and its end")
    yield pairs([*(_process(running.process) if running.process else ()), *_end(running)])
    if running.process and running.process.open_files:
        files = running.process.open_files
        yield fold("Open files", str(len(files)), plain_list(files))
    if running.problems:
        yield fold("Problems", str(len(running.problems)), plain_list(running.problems))


def _varied(was_tried: bool, status: int, ended_early: int | None) -> str:
    if not was_tried:
        return "not tried"
    if ended_early is not None:
        return f"ended by itself with {ended_early}"
    return f"answered {status}" if status else "gave no answer"


def _process(process: ProcessFacts) -> Iterator[tuple[str, str]]:
    yield "user", f"{process.uid}:{process.gid}"
    yield (
        "capabilities",
        f"effective {process.effective_capabilities:#x}, bounding {process.bounding_capabilities:#x}",
    )
    yield "no new privileges", "yes" if process.has_no_new_privileges else "no"
    yield "system-call filter", {0: "none", 1: "strict", 2: "filter"}.get(process.seccomp_mode, "?")
    yield "memory at rest", size(process.rss_bytes)
    if process.threads:
        yield "threads", str(process.threads)
    if process.sockets:
        yield "sockets", "\n".join(process.sockets)


def _end(running: RunningFacts) -> Iterator[tuple[str, str]]:
    if running.writes is not None:
        yield "written outside /tmp", "\n".join(running.writes) or "nothing"
    if running.services:
        yield "services", ", ".join(running.services)
    if running.ended_early is not None:
        yield "ended by itself", f"exit {running.ended_early}"
    ended = running.shutdown
    if ended:
        code = "had to be killed" if ended.exit_code is None else f"exit {ended.exit_code}"
        yield ended.signal, f"{code}, {ended.elapsed_ms:.0f} ms"
        if ended.in_flight:
            yield "requests under way then", f"{ended.finished} of {ended.in_flight} were answered"
        if ended.has_flushed is not None:
            yield "their spans", "came before the end" if ended.has_flushed else "were lost"
