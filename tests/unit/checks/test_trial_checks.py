"""Rules of the trial that judge more than one run: the end, the health command's whole story, variations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from facts import EXCHANGE, EXPECTED, RUNNING, span, variation
from seatrial.checks import (
    trial_health,
    trial_logs,
    trial_sigterm,
    trial_spans,
    trial_start,
    trial_variations,
)
from seatrial.model.facts import Exchange, Probe, RunningFacts, Shutdown, Variation
from seatrial.model.verdict import Expectations, Severity, State, Verdict

Check = Callable[[RunningFacts, Expectations], Verdict]
UNPROMISED = replace(EXPECTED, has_spans=False, has_healthcheck=False, is_run=False)


def ended(code: int | None, finished: int = 3, has_flushed: bool | None = True) -> RunningFacts:
    shutdown = Shutdown(
        exit_code=code, elapsed_ms=5.0, in_flight=3, finished=finished, has_flushed=has_flushed
    )
    return replace(RUNNING, shutdown=shutdown)


def probed(situation: str, code: int, elapsed_ms: float = 5.0) -> RunningFacts:
    changed = Probe(situation=situation, exit_code=code, elapsed_ms=elapsed_ms, output="")
    return replace(
        RUNNING,
        probes=tuple(changed if probe.situation == situation else probe for probe in RUNNING.probes),
    )


def varied(name: str, status: int = 0, ended_early: int | None = None, **changes: str) -> RunningFacts:
    changed = variation(name, status, ended_early, **changes)
    return replace(
        RUNNING, variations=tuple(changed if one.name == name else one for one in RUNNING.variations)
    )


def exchange(status: int, *, expected: int = 0, found_by: str = "") -> Exchange:
    return replace(EXCHANGE, status=status, expected_status=expected, found_by=found_by)


NEVER_SERVED = replace(RUNNING, exchanges=(), ended_early=6, time_to_listen_ms=None)


@pytest.mark.parametrize(
    ("check", "facts", "severity"),
    [
        (trial_health.check_back, probed("database back", 1), Severity.MEDIUM),
        (trial_health.check_in_time, replace(RUNNING, time_to_healthy_ms=10_001.0), Severity.MEDIUM),
        (trial_health.check_fast, probed("up", 0, 1001.0), Severity.INFO),
        (trial_health.check_fast, probed("database stopped", -9, 900.0), Severity.INFO),
        (trial_health.check_services, probed("redis stopped", 0), Severity.INFO),
        (trial_sigterm.check_in_flight, ended(0, finished=2), Severity.INFO),
        (trial_sigterm.check_in_flight, ended(2, finished=0), Severity.INFO),
        (trial_sigterm.check_in_flight, ended(-15, finished=0), Severity.INFO),
        (trial_sigterm.check_flush, ended(0, has_flushed=False), Severity.MEDIUM),
        (trial_sigterm.check_flush, ended(2, finished=0, has_flushed=False), Severity.INFO),
        (trial_variations.check_no_collector, varied("no collector", ended_early=1), Severity.MEDIUM),
        (trial_variations.check_no_collector, varied("no collector"), Severity.MEDIUM),
        (trial_variations.check_no_collector, varied("no collector", 500), Severity.MEDIUM),
        (trial_variations.check_no_database, varied("no database", ended_early=1), Severity.INFO),
        (trial_variations.check_memory, varied("limited memory", ended_early=-9, note="1"), Severity.INFO),
        (trial_variations.check_read_only, NEVER_SERVED, Severity.MEDIUM),
        (trial_variations.check_writes, replace(RUNNING, writes=("/home/nonroot/state",)), Severity.INFO),
        (trial_logs.check_json, replace(RUNNING, log_lines=("started", "{}")), Severity.INFO),
        (trial_logs.check_json, replace(RUNNING, log_lines=('{"cut', "[1]")), Severity.INFO),
        (
            trial_start.check_answers,
            replace(RUNNING, exchanges=(exchange(200, expected=401),)),
            Severity.HIGH,
        ),
        (
            trial_start.check_answers,
            replace(RUNNING, exchanges=(exchange(404, expected=200),)),
            Severity.HIGH,
        ),
    ],
)
def test_rule_passes_until_its_fact_changes(check: Check, facts: RunningFacts, severity: Severity) -> None:
    assert check(RUNNING, EXPECTED).state is State.PASS
    verdict = check(facts, EXPECTED)
    assert (verdict.state, verdict.severity) == (State.FAIL, severity)
    assert verdict.reason
    assert verdict.fix


BLIND = replace(
    RUNNING,
    exchanges=(),
    spans=(),
    probes=(),
    shutdown=None,
    ended_early=1,
    log_lines=(),
    variations=(),
    writes=None,
    time_to_healthy_ms=None,
)


@pytest.mark.parametrize(
    "check",
    [
        trial_health.check_back,
        trial_health.check_in_time,
        trial_health.check_fast,
        trial_health.check_services,
        trial_sigterm.check_in_flight,
        trial_sigterm.check_flush,
        trial_variations.check_no_collector,
        trial_variations.check_no_database,
        trial_variations.check_memory,
        trial_variations.check_read_only,
        trial_variations.check_writes,
        trial_logs.check_json,
    ],
)
@pytest.mark.parametrize("expected", [EXPECTED, UNPROMISED])
def test_what_was_not_seen_is_unknown_and_told_only(check: Check, expected: Expectations) -> None:
    """The rule that made it impossible to look (trial.starts, trial.health-up) blocks, these do not."""
    verdict = check(BLIND, expected)
    assert verdict.state is State.UNKNOWN
    assert not verdict.is_blocking


@pytest.mark.parametrize(
    ("check", "facts"),
    [
        (trial_health.check_back, probed("database back", 1)),
        (trial_health.check_in_time, replace(RUNNING, time_to_healthy_ms=10_001.0)),
        (trial_sigterm.check_in_flight, ended(0, finished=0)),
        (trial_sigterm.check_flush, ended(0, has_flushed=False)),
        (trial_variations.check_no_collector, varied("no collector", ended_early=1)),
        (trial_variations.check_read_only, NEVER_SERVED),
    ],
)
def test_what_nobody_promised_is_told_and_does_not_block(check: Check, facts: RunningFacts) -> None:
    assert not check(facts, UNPROMISED).is_blocking


def test_health_that_was_never_right_says_nothing_of_coming_back() -> None:
    facts = probed("database stopped", 0)
    assert trial_health.check_back(facts, EXPECTED).state is State.UNKNOWN


def test_start_without_a_start_period_is_told() -> None:
    verdict = trial_health.check_in_time(replace(RUNNING, health_start_ms=0.0), EXPECTED)
    assert verdict.state is State.PASS
    assert "no start period" in verdict.reason


def test_probe_that_was_killed_is_told_as_such() -> None:
    assert "was killed" in trial_health.check_down(probed("database stopped", -9), EXPECTED).reason


def test_expected_status_of_an_error_is_an_answer() -> None:
    facts = replace(RUNNING, exchanges=(exchange(503, expected=503), exchange(401, expected=401)))
    assert trial_start.check_answers(facts, EXPECTED).state is State.PASS


def test_what_the_trial_found_by_itself_is_told_and_not_held_against_it() -> None:
    facts = replace(RUNNING, exchanges=(EXCHANGE, exchange(500, found_by="link")))
    verdict = trial_start.check_answers(facts, EXPECTED)
    assert verdict.state is State.PASS
    assert "500" in verdict.reason
    untraced = replace(exchange(200, found_by="link"), trace_id="ee" * 16)
    facts = replace(RUNNING, exchanges=(EXCHANGE, untraced))
    assert trial_spans.check_spans(facts, EXPECTED).state is State.PASS


@pytest.mark.parametrize(
    ("statuses", "statements", "state"),
    [
        ((401, 403), None, State.UNKNOWN),
        ((302,), None, State.UNKNOWN),
        ((200, 302), None, State.FAIL),
        ((200,), None, State.FAIL),
        ((404,), None, State.FAIL),
        ((200,), 0, State.UNKNOWN),
        ((200,), 3, State.FAIL),
        ((401,), 3, State.FAIL),
    ],
)
def test_missing_sql_spans_count_where_the_database_was_asked(
    statuses: tuple[int, ...], statements: int | None, state: State
) -> None:
    facts = replace(
        RUNNING,
        exchanges=tuple(exchange(status) for status in statuses),
        spans=(span(),),
        statements=statements,
    )
    verdict = trial_spans.check_sql_spans(facts, EXPECTED)
    assert verdict.state is state
    assert verdict.is_blocking is (state is State.FAIL)


@pytest.mark.parametrize(
    ("status", "database_request", "state", "words"),
    [
        (200, "", State.UNKNOWN, "did not ask the database: each was answered while it was locked"),
        (200, "GET /orders", State.FAIL, "GET /orders needs the database"),
        (401, "GET /orders", State.FAIL, "GET /orders needs the database"),
        (302, None, State.UNKNOWN, "sent elsewhere (302)"),
        (200, None, State.FAIL, "no database span of a request came"),
    ],
)
def test_missing_sql_spans_count_where_a_locked_database_held_a_request_up(
    status: int, database_request: str | None, state: State, words: str
) -> None:
    facts = replace(
        RUNNING, exchanges=(exchange(status),), spans=(span(),), database_request=database_request
    )
    verdict = trial_spans.check_sql_spans(facts, EXPECTED)
    assert verdict.state is state
    assert words in verdict.reason
    assert verdict.is_blocking is (state is State.FAIL)


def test_database_spans_of_no_request_fail_whatever_was_answered() -> None:
    orphan = span("client", "02", "99", db_system="postgresql")
    facts = replace(RUNNING, exchanges=(exchange(401),), spans=(span(), orphan), statements=0)
    assert trial_spans.check_sql_spans(facts, EXPECTED).state is State.FAIL


def test_database_spans_of_other_times_are_no_lost_ones() -> None:
    """A service that migrates its database at the start has spans of that, whatever its requests do."""
    migration = replace(span("client", "02", "99", db_system="sqlite"), start_ns=100, end_ns=101)
    facts = replace(RUNNING, exchanges=(exchange(302),), spans=(span(), migration))
    assert trial_spans.check_sql_spans(facts, EXPECTED).state is State.UNKNOWN
    answered = replace(facts, exchanges=(exchange(200),))
    assert trial_spans.check_sql_spans(answered, EXPECTED).state is State.FAIL


def test_root_that_cannot_be_written_to_is_named_as_the_cause() -> None:
    facts = replace(NEVER_SERVED, writes=("/home/nonroot/state",))
    verdict = trial_start.check_starts(facts, EXPECTED)
    assert "/home/nonroot/state" in verdict.fix
    assert "/home/nonroot/state" in trial_variations.check_read_only(facts, EXPECTED).reason


def test_run_that_could_not_be_made_is_unknown_with_its_reason() -> None:
    untried = Variation(
        name="limited memory",
        was_tried=False,
        status=0,
        ended_early=None,
        elapsed_ms=0.0,
        note="no control group can be made here",
    )
    verdict = trial_variations.check_memory(replace(RUNNING, variations=(untried,)), EXPECTED)
    assert verdict.state is State.UNKNOWN
    assert "control group" in verdict.reason


def test_last_words_without_a_database_are_told() -> None:
    said = replace(variation("no database", 0, 1, note="without postgres"), log_tail=("no postgres here",))
    verdict = trial_variations.check_no_database(replace(RUNNING, variations=(said,)), EXPECTED)
    assert verdict.state is State.PASS
    assert "no postgres here" in verdict.reason
    traced = replace(said, log_tail=PANIC[:-1])
    verdict = trial_variations.check_no_database(replace(RUNNING, variations=(traced,)), EXPECTED)
    assert verdict.reason.endswith(
        "saying 'panic: error pinging database: dial tcp: lookup db: no such host'"
    )


def test_woven_words_are_not_the_services_last_ones() -> None:
    woven = "seatrial: tracing: spans are not reaching http://127.0.0.1:4318/v1/traces (said once)"
    said = replace(variation("no database", 0, 1, note="without postgres"), log_tail=(woven, ""))
    verdict = trial_variations.check_no_database(replace(RUNNING, variations=(said,)), EXPECTED)
    assert verdict.state is State.FAIL


@pytest.mark.parametrize("check", [trial_variations.check_no_collector, trial_variations.check_memory])
def test_service_that_never_served_is_not_held_to_what_it_lacks(check: Check) -> None:
    names = ("no collector", "limited memory")
    broken = replace(RUNNING, variations=tuple(variation(name, 500) for name in names))
    assert check(broken, EXPECTED).state is State.FAIL
    without = check(replace(broken, exchanges=(exchange(500),)), EXPECTED)
    assert (without.state, without.severity) == (State.UNKNOWN, Severity.INFO)


def test_service_that_ended_later_is_not_said_to_need_a_writable_root() -> None:
    verdict = trial_variations.check_read_only(replace(RUNNING, ended_early=3), EXPECTED)
    assert (verdict.state, verdict.severity) == (State.UNKNOWN, Severity.INFO)


def test_time_that_the_trial_waited_is_not_the_services() -> None:
    late = replace(RUNNING, time_to_healthy_ms=10_100.0)
    assert trial_health.check_in_time(late, EXPECTED).state is State.FAIL
    waited = replace(late, exchanges=(replace(EXCHANGE, status=0, elapsed_ms=10_000.0),))
    assert trial_health.check_in_time(waited, EXPECTED).state is State.PASS


def test_panic_at_the_end_is_not_taken_for_a_signal_left_alone() -> None:
    alone = ended(2)
    assert trial_sigterm.check(alone, EXPECTED).severity is Severity.INFO
    panicked = replace(alone, log_lines=("panic: close of closed channel", "goroutine 1 [running]:"))
    verdict = trial_sigterm.check(panicked, EXPECTED)
    assert (verdict.state, verdict.severity) == (State.FAIL, Severity.HIGH)


def test_stop_signal_is_the_images_own() -> None:
    quits = Shutdown(exit_code=-3, elapsed_ms=5.0, signal="SIGQUIT")
    verdict = trial_sigterm.check(replace(RUNNING, shutdown=quits), EXPECTED)
    assert verdict.severity is Severity.INFO
    assert "SIGQUIT ended it at once" in verdict.reason
    other = trial_sigterm.check(replace(RUNNING, shutdown=replace(quits, signal="SIGTERM")), EXPECTED)
    assert other.severity is Severity.HIGH


@pytest.mark.parametrize("check", [trial_sigterm.check, trial_sigterm.check_in_flight])
def test_a_graceful_stop_counts_where_it_was_promised(check: Check) -> None:
    promised = replace(EXPECTED, is_graceful=True)
    unhandled = replace(RUNNING, shutdown=ended(2, finished=0).shutdown)
    assert check(RUNNING, promised).state is State.PASS
    assert check(unhandled, promised).is_blocking
    assert not check(unhandled, EXPECTED).is_blocking


PANIC = (
    "2026-11-28T15:03:53Z\tpanic\tmain.go:70\tmain.main\terror pinging database: dial tcp: lookup db: none",
    "main.main",
    "\t/src/main.go:70",
    "runtime.main",
    "\t/usr/local/go/src/runtime/proc.go:285",
    "panic: error pinging database: dial tcp: lookup db: no such host",
    "",
    "goroutine 1 [running]:",
    "go.uber.org/zap.(*Logger).Panic(0x2b43e6e357c0?, {0x2b43e6e25700?, 0x75?}, {0x2b43e70cd540, 0x1, 0x1})",
    "\tgo.uber.org/zap@v1.28.0/logger.go:285 +0x4b",
    "main.main()",
    "\texample.com/svc/main.go:70 +0x25f",
    "goroutine 7 [select, 2 minutes]:",
    "created by net/http.(*Server).Serve in goroutine 1",
    "\tnet/http/server.go:3454 +0x485",
    "exit status 2",
)


def test_last_words_are_not_a_stack_trace() -> None:
    """What a program says before it panics is the cause; the frames after it are more than is shown."""
    verdict = trial_start.check_starts(replace(NEVER_SERVED, log_lines=PANIC), EXPECTED)
    said = verdict.reason.split("Its last lines:\n")[1].split("\n")
    assert said == [f"  {PANIC[0]}", f"  {PANIC[5]}", f"  {PANIC[-1]}"]
    assert 'services = ["postgres"]' in verdict.fix
    coloured = replace(NEVER_SERVED, log_lines=("\x1b[31;1m oh no \x1b[0m",))
    assert trial_start.check_starts(coloured, EXPECTED).reason.endswith(":\n   oh no ")
    alone = trial_start.check_starts(replace(NEVER_SERVED, log_lines=("main.go:3: x" * 50,)), EXPECTED)
    assert alone.reason.endswith("…")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cannot connect to the database", "services"),
        ("could not reach db", "services"),
        ("unable to open database file: no such file or directory", "files"),
        ("database/schema.sql: file does not exist", "files"),
    ],
)
def test_advice_follows_what_was_complained_of(line: str, words: str) -> None:
    verdict = trial_start.check_starts(replace(NEVER_SERVED, services=(), log_lines=(line,)), EXPECTED)
    assert f"{words} = " in verdict.fix
    assert ("services = " in verdict.fix) is (words == "services")


def test_unhealthy_without_its_database_is_told_how_to_get_one() -> None:
    """A service that starts without PostgreSQL, and rightly says that it is not well."""
    said = "unhealthy: postgresql: dial tcp [::1]:5432: connect: connection refused"
    probes = (replace(RUNNING.probes[0], exit_code=1, output=said),)
    alone = replace(RUNNING, probes=probes, services=())
    assert 'services = ["postgres"]' in trial_health.check_up(alone, EXPECTED).fix
    beside = replace(alone, services=("postgres",))
    assert "services" not in trial_health.check_up(beside, EXPECTED).fix


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("db err: unable to open database file", "below /tmp"),
        ('ERROR: relation "orders" does not exist', "tables"),
        ("dial tcp 127.0.0.1:5432: connection refused", 'services = ["postgres"]'),
        ("oh no", "environment"),
    ],
)
def test_database_that_took_no_statement_is_no_answer(line: str, words: str) -> None:
    """A service may say 404 of a database that it could not open."""
    statement = span("client", "02", "01", db_system_name="sqlite", db_query_text="SELECT 1")
    failed = replace(statement, span_id="03", status="error")
    facts = replace(RUNNING, exchanges=(exchange(404),), spans=(span(), failed, failed), log_lines=(line,))
    verdict = trial_start.check_answers(facts, EXPECTED)
    assert (verdict.state, verdict.is_blocking) == (State.FAIL, True)
    assert (
        "answered (404), but each of 2 database statements under them failed, such as 'SELECT'"
        in verdict.reason
    )
    assert words in verdict.fix
    assert line in verdict.reason
    elsewhere = replace(
        failed, trace_id="f" * 32
    )  # as one of a background job, when the database was stopped
    assert trial_start.check_answers(replace(facts, spans=(elsewhere,)), EXPECTED).state is State.PASS
    some = replace(facts, spans=(span(), failed, statement))
    assert trial_start.check_answers(some, EXPECTED).state is State.PASS


def test_loopback_only_is_told_of_flags_too() -> None:
    fix = trial_start.check_reachable(replace(RUNNING, is_reachable=False), EXPECTED).fix
    assert "[image] arguments" in fix
    assert "environment" in fix
