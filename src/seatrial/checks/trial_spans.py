"""The service tells of what it did: spans of each request and of its SQL, trace ids in its log."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule, sample
from seatrial.model.facts import RunningFacts, Span
from seatrial.model.verdict import Expectations, Severity, Verdict

SPANS: Final = Rule(
    id="trial.spans",
    severity=Severity.HIGH,
    reference="W3C Trace Context; OpenTelemetry semantic conventions, HTTP server",
)
SQL_SPANS: Final = Rule(
    id="trial.sql-spans",
    severity=Severity.HIGH,
    reference="OpenTelemetry semantic conventions, database client",
)
LOG_TRACE_IDS: Final = Rule(id="trial.logs-have-trace-ids", severity=Severity.INFO)

_DEEPEST_TRACE: Final = 1000
_TURNED_AWAY: Final = (401, 403)


def check_spans(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look for a server span in the trace of every request that was answered."""
    rule = SPANS.when(expected.has_spans)
    answered = [exchange for exchange in facts.exchanges if exchange.status and not exchange.found_by]
    if not answered:
        return rule.unknown("no request was answered")
    traced = {span.trace_id for span in facts.spans if span.kind == "server"}
    missing = [f"{one.method} {one.path}" for one in answered if one.trace_id not in traced]
    if not missing:
        return rule.passes(f"a server span for each of {len(answered)} requests")
    if not facts.spans:
        problem = f" ({facts.problems[0]})" if facts.problems else ""
        return rule.fails(
            f"no span came{problem}",
            "see that it is woven (binary.woven), and that it exports to OTEL_EXPORTER_OTLP_ENDPOINT as "
            "http/protobuf",
        )
    return rule.fails(
        f"no server span continues the trace of {sample(missing)}; {len(facts.spans)} spans came",
        "the service must take up the traceparent header; integrations must hold net/http",
    )


def check_sql_spans(facts: RunningFacts, expected: Expectations) -> Verdict:
    """Look for a database span under a server span of a request that was made.

    A request that never came to the database says nothing of the spans: the database saw no statement,
    or no request needed it, or a login stands before it. Nor do those of other times, such as of
    migrations: only one made while a request was handled, and not under its span, has lost its way.
    """
    rule = SQL_SPANS.when(bool(expected.has_database) and expected.has_spans)
    driven = {exchange.trace_id for exchange in facts.exchanges if exchange.status}
    if not driven:
        return rule.unknown("no request was answered")
    database = [span for span in facts.spans if span.is_database]
    by_id = {(span.trace_id, span.span_id): span for span in facts.spans}
    linked = [span for span in database if span.trace_id in driven and _has_server_above(span, by_id)]
    if linked:
        return rule.passes(
            f"{len(linked)} database spans under the requests' own, such as {linked[0].name!r}"
        )
    fix = "name a request under [trial] requests that reads the database, and pass its context to the queries"
    lost = _made_during(database, [span for span in facts.spans if span.trace_id in driven])
    if lost:
        return rule.fails(
            f"{len(lost)} database spans while requests were handled, none of them under a request's span",
            fix,
        )
    excuse = _why_none_was_due(facts)
    if excuse:
        return rule.when(False).unknown(f"no database span of a request came: {excuse}", fix)
    if expected.has_database:
        return rule.fails(f"no database span of a request came{_how_it_was_asked(facts)}", fix)
    return rule.unknown(
        "no database span of a request came; it is not known whether there should be one", fix
    )


def check_log_trace_ids(facts: RunningFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as the others
    """Look for the requests' trace ids in what the service printed."""
    driven = [exchange.trace_id for exchange in facts.exchanges if exchange.status]
    if not driven or not facts.log_lines:
        return LOG_TRACE_IDS.unknown("nothing was printed, or no request was answered")
    text = "\n".join(facts.log_lines)
    found = sum(trace_id in text for trace_id in driven)
    if found:
        return LOG_TRACE_IDS.passes(f"the log names the trace of {found} of {len(driven)} requests")
    return LOG_TRACE_IDS.fails(
        "no log line names a request's trace", "log with a context: slog.InfoContext(r.Context(), …)"
    )


def _made_during(database: list[Span], driven: list[Span]) -> list[Span]:
    """Return the database spans that began while a request was handled."""
    times = [(span.start_ns, span.end_ns) for span in driven if span.kind == "server"]
    return [one for one in database if any(began <= one.start_ns <= ended for began, ended in times)]


def _why_none_was_due(facts: RunningFacts) -> str:
    """Return why the requests cannot have read the database; "" when they may have."""
    if facts.statements == 0:
        return "the requests did not ask the database"
    if facts.database_request == "":
        return "the requests did not ask the database: each was answered while it was locked"
    if _how_it_was_asked(facts):
        return ""
    answered = [exchange for exchange in facts.exchanges if exchange.status]
    turned_away = [
        exchange for exchange in answered if exchange.status in _TURNED_AWAY or 300 <= exchange.status < 400
    ]
    if len(turned_away) == len(answered):
        statuses = ", ".join(str(status) for status in sorted({exchange.status for exchange in turned_away}))
        return f"every request was turned away or sent elsewhere ({statuses})"
    return ""


def _how_it_was_asked(facts: RunningFacts) -> str:
    if facts.statements:
        return f"; the database got {facts.statements} statements"
    if facts.database_request:
        return f"; {facts.database_request} needs the database: locked, it leads to another answer or none"
    return ""


def _has_server_above(span: Span, by_id: dict[tuple[str, str], Span]) -> bool:
    """Follow the parents; a trace that goes in a circle ends at a limit."""
    current: Span | None = span
    for _ in range(_DEEPEST_TRACE):
        if current is None:
            return False
        if current.kind == "server":
            return True
        current = by_id.get((current.trace_id, current.parent_id))
    return False
