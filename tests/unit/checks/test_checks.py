"""Each rule: passes on the good facts, fails on the one changed fact, and says unknown when it is blind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from facts import ELF, EXCHANGE, EXPECTED, GO, RUNNING, STATIC, path, settings, span
from seatrial.checks import (
    binary,
    image_entrypoint,
    image_files,
    image_healthcheck,
    image_size,
    image_user,
    trial_health,
    trial_sigterm,
    trial_spans,
    trial_start,
)
from seatrial.model.facts import Probe, ProcessFacts, RunningFacts, Shutdown, StaticFacts
from seatrial.model.verdict import Expectations, Severity, State, Verdict

NOTHING = Expectations(is_static=False, has_healthcheck=False, is_run=False)
StaticCheck = Callable[[StaticFacts, Expectations], Verdict]
RunningCheck = Callable[[RunningFacts, Expectations], Verdict]

DYNAMIC = replace(ELF, interpreter="/lib64/ld-linux-x86-64.so.2", needed=("libc.so.6",))
SHELL_CHECK = {"Test": ["CMD-SHELL", "curl localhost"], "StartPeriod": 1}
NO_PERIOD = {"Test": ["CMD", "/server", "--health-check"]}
WIDE_OPEN = (path("d", "directory", 0o777),)


@pytest.mark.parametrize(
    ("check", "facts"),
    [
        (image_user.check, replace(STATIC, config=settings(User=None))),
        (image_user.check, replace(STATIC, config=settings(User="nonroot"))),
        (image_user.check, replace(STATIC, config=settings(User="0:0"))),
        (image_user.check, replace(STATIC, config=settings(User="00"))),
        (image_user.check, replace(STATIC, config=settings(User="1000"))),
        (image_user.check, replace(STATIC, config={})),
        (image_entrypoint.check, replace(STATIC, config=settings(Entrypoint=None))),
        (image_entrypoint.check, replace(STATIC, config=settings(Entrypoint=["/bin/sh", "-c", "/server"]))),
        (image_entrypoint.check, replace(STATIC, executable="")),
        (image_entrypoint.check, replace(STATIC, paths=())),
        (image_entrypoint.check, replace(STATIC, paths=(path("server", mode=0o700),))),
        (image_files.check_no_shell, replace(STATIC, paths=(path("bin/sh", "symlink", 0o777),))),
        (image_files.check_no_shell, replace(STATIC, paths=(path("usr/bin/busybox", mode=0o755),))),
        (image_files.check_no_setuid, replace(STATIC, paths=(path("bin/su", mode=0o4755),))),
        (image_files.check_no_setuid, replace(STATIC, paths=(path("bin/wall", mode=0o2755),))),
        (image_files.check_no_world_writable, replace(STATIC, paths=(path("etc/x", mode=0o666),))),
        (image_files.check_no_world_writable, replace(STATIC, paths=WIDE_OPEN)),
        (image_files.check_well_formed, replace(STATIC, problems=("a device",))),
        (image_size.check, replace(STATIC, content_bytes=50_000_001)),
        (image_healthcheck.check, replace(STATIC, config=settings(Healthcheck=None))),
        (image_healthcheck.check, replace(STATIC, config=settings(Healthcheck={"Test": ["NONE"]}))),
        (image_healthcheck.check, replace(STATIC, config=settings(Healthcheck=SHELL_CHECK))),
        (image_healthcheck.check, replace(STATIC, config=settings(Healthcheck=NO_PERIOD))),
        (binary.check_static, replace(STATIC, elf=DYNAMIC)),
        (binary.check_woven, replace(STATIC, go=replace(GO, weaver=""))),
        (binary.check_woven, replace(STATIC, go=replace(GO, has_woven_statements=False))),
        (binary.check_stripped, replace(STATIC, elf=replace(ELF, has_symbol_table=True))),
    ],
)
def test_static_rule_passes_until_its_fact_changes(check: StaticCheck, facts: StaticFacts) -> None:
    assert check(STATIC, EXPECTED).state is State.PASS
    verdict = check(facts, EXPECTED)
    assert verdict.state is State.FAIL
    assert verdict.reason
    assert verdict.fix


PROCESS = RUNNING.process
assert PROCESS is not None


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("dial tcp [::1]:5432: connect: connection refused", 'services = ["postgres"]'),
        ("open config.yaml: no such file or directory", "[image]"),
        ("config file not found: ~/wtfd.conf", "[image]"),
        ("Usage:\n  svc [command]", "arguments"),
        ("panic: boom", "environment"),
    ],
)
def test_advice_fits_what_the_service_complained_of(said: str, advice: str) -> None:
    facts = replace(RUNNING, time_to_listen_ms=None, ended_early=1, log_lines=tuple(said.splitlines()))
    assert advice in trial_start.check_starts(facts, EXPECTED).fix


def test_a_service_that_has_its_database_is_not_told_to_take_one() -> None:
    said = ("main.initPostgres(0x21)", "panic: first .: file does not exist")
    facts = replace(RUNNING, time_to_listen_ms=None, ended_early=2, log_lines=said, services=("postgres",))
    assert "[image]" in trial_start.check_starts(facts, EXPECTED).fix


def test_advice_for_an_empty_database() -> None:
    said = 'pq: relation "topics" does not exist'
    failed = replace(EXCHANGE, status=500)
    for facts in (
        replace(RUNNING, exchanges=(failed,), log_lines=(said,)),
        replace(RUNNING, exchanges=(replace(failed, body_excerpt=said),)),
    ):
        assert "tables are not there" in trial_start.check_answers(facts, EXPECTED).fix


def process(**changes: int) -> RunningFacts:
    made = ProcessFacts(
        uid=changes.get("uid", 65532),
        gid=65532,
        effective_capabilities=changes.get("capabilities", 0),
        has_no_new_privileges=bool(changes.get("no_new", 1)),
        seccomp_mode=0,
        rss_bytes=1,
    )
    return replace(RUNNING, process=made)


def probes(up: int, down: int) -> RunningFacts:
    made = tuple(
        Probe(situation=situation, exit_code=code, elapsed_ms=1.0, output="")
        for situation, code in (("up", up), ("database stopped", down))
    )
    return replace(RUNNING, probes=made)


NO_ANSWER = replace(EXCHANGE, status=0, error="TimeoutError: timed out")
ORPHAN = (span(), span("client", "02", "99", db_system="postgresql"))
CIRCLE = (
    span(),
    span("client", "02", "03", db_system="x"),
    span("internal", "03", "02"),
)


@pytest.mark.parametrize(
    ("check", "facts"),
    [
        (trial_start.check_starts, replace(RUNNING, ended_early=7)),
        (trial_start.check_starts, replace(RUNNING, ended_early=-11)),
        (trial_start.check_starts, replace(RUNNING, time_to_listen_ms=None)),
        (trial_start.check_answers, replace(RUNNING, exchanges=(NO_ANSWER,))),
        (trial_start.check_answers, replace(RUNNING, exchanges=(EXCHANGE, replace(EXCHANGE, status=500)))),
        (trial_start.check_reachable, replace(RUNNING, is_reachable=False)),
        (trial_start.check_user, process(uid=0)),
        (trial_start.check_user, process(uid=1000)),
        (trial_start.check_user, process(capabilities=0x400)),
        (trial_start.check_user, process(no_new=0)),
        (trial_spans.check_spans, replace(RUNNING, spans=())),
        (trial_spans.check_spans, replace(RUNNING, spans=(replace(span(), trace_id="ff" * 16),))),
        (trial_spans.check_spans, replace(RUNNING, spans=(span("client"),))),
        (
            trial_spans.check_spans,
            replace(RUNNING, exchanges=(EXCHANGE, replace(EXCHANGE, trace_id="ee" * 16))),
        ),
        (trial_spans.check_sql_spans, replace(RUNNING, spans=(span(),))),
        (trial_spans.check_sql_spans, replace(RUNNING, spans=ORPHAN)),
        (trial_spans.check_sql_spans, replace(RUNNING, spans=CIRCLE)),
        (trial_spans.check_log_trace_ids, replace(RUNNING, log_lines=("no trace here",))),
        (trial_health.check_up, probes(1, 1)),
        (trial_health.check_down, probes(0, 0)),
        (trial_health.check_down, probes(0, 2)),
        (trial_health.check_down, probes(0, -9)),
        (trial_sigterm.check, replace(RUNNING, shutdown=Shutdown(exit_code=None, elapsed_ms=10_000))),
        (trial_sigterm.check, replace(RUNNING, shutdown=Shutdown(exit_code=2, elapsed_ms=1))),
        (trial_sigterm.check, replace(RUNNING, shutdown=Shutdown(exit_code=3, elapsed_ms=1))),
        (trial_sigterm.check, replace(RUNNING, shutdown=Shutdown(exit_code=-15, elapsed_ms=1))),
        (trial_sigterm.check, replace(RUNNING, shutdown=Shutdown(exit_code=0, elapsed_ms=10_001))),
    ],
)
def test_running_rule_passes_until_its_fact_changes(check: RunningCheck, facts: RunningFacts) -> None:
    assert check(RUNNING, EXPECTED).state is State.PASS
    verdict = check(facts, EXPECTED)
    assert verdict.state is State.FAIL
    assert verdict.reason
    assert verdict.fix


BLIND = replace(
    RUNNING,
    exchanges=(),
    spans=(),
    probes=(),
    process=None,
    shutdown=None,
    log_lines=(),
    is_reachable=None,
    services=(),
)


@pytest.mark.parametrize(
    "check",
    [
        trial_start.check_answers,
        trial_start.check_user,
        trial_spans.check_spans,
        trial_spans.check_sql_spans,
        trial_health.check_up,
        trial_health.check_down,
        trial_sigterm.check,
    ],
)
def test_blind_rule_says_unknown_and_blocks_only_what_was_promised(check: RunningCheck) -> None:
    verdict = check(BLIND, EXPECTED)
    assert verdict.state is State.UNKNOWN
    assert verdict.is_blocking
    assert not check(BLIND, NOTHING).is_blocking


@pytest.mark.parametrize("check", [binary.check_static, binary.check_woven])
def test_unreadable_program_is_unknown(check: StaticCheck) -> None:
    facts = replace(STATIC, elf=None, go=None)
    assert check(facts, EXPECTED).state is State.UNKNOWN
    assert check(facts, EXPECTED).is_blocking
    assert not check(facts, NOTHING).is_blocking


def test_last_words_of_a_crash_are_in_the_reason() -> None:
    facts = replace(
        RUNNING, time_to_listen_ms=None, ended_early=7, log_lines=("starting", "panic: no configuration")
    )
    verdict = trial_start.check_starts(facts, EXPECTED)
    assert "exit code 7" in verdict.reason
    assert "panic: no configuration" in verdict.reason
    assert "[trial] environment" in verdict.fix
    assert "services" in verdict.fix


def test_not_started_at_all_blocks_when_it_was_promised() -> None:
    assert trial_start.check_starts(None, EXPECTED).state is State.UNKNOWN
    assert trial_start.check_starts(None, EXPECTED).is_blocking
    assert not trial_start.check_starts(None, NOTHING).is_blocking


def test_size_at_the_limit_passes_and_over_it_names_the_largest() -> None:
    assert image_size.check(replace(STATIC, content_bytes=50_000_000), EXPECTED).state is State.PASS
    assert "server" in image_size.check(replace(STATIC, content_bytes=60_000_000), EXPECTED).reason
    assert image_size.check(STATIC, NOTHING).severity is Severity.INFO


def test_any_user_but_root_will_do_when_none_is_named() -> None:
    expected = replace(EXPECTED, user="")
    facts = replace(STATIC, config=settings(User="1000"))
    assert image_user.check(facts, expected).state is State.PASS
    assert trial_start.check_user(process(uid=1000), expected).state is State.PASS
    assert trial_start.check_user(process(uid=0), expected).state is State.FAIL


def test_database_under_an_inner_span_still_counts() -> None:
    spans = (span(), span("internal", "03", "01"), span("client", "02", "03", db_system="postgresql"))
    assert trial_spans.check_sql_spans(replace(RUNNING, spans=spans), EXPECTED).state is State.PASS


def test_unpromised_database_is_only_told() -> None:
    expected = replace(EXPECTED, has_database=None)
    verdict = trial_spans.check_sql_spans(replace(RUNNING, spans=(span(),)), expected)
    assert (verdict.state, verdict.severity) == (State.UNKNOWN, Severity.INFO)


def test_seen_database_must_be_asked_even_when_nobody_promised_one() -> None:
    assert trial_health.check_down(probes(0, 0), replace(EXPECTED, has_database=None)).is_blocking
    assert not trial_health.check_down(probes(0, 0), replace(EXPECTED, has_database=False)).is_blocking


def test_sticky_directory_and_symlinks_are_not_world_writable() -> None:
    paths = (path("tmp", "directory", 0o1777), path("l", "symlink", 0o777))
    assert image_files.check_no_world_writable(replace(STATIC, paths=paths), EXPECTED).state is State.PASS


def test_shell_that_cannot_be_started_is_no_shell() -> None:
    paths = (path("usr/share/doc/bash", "directory", 0o755), path("etc/sh", mode=0o644))
    assert image_files.check_no_shell(replace(STATIC, paths=paths), EXPECTED).state is State.PASS


@pytest.mark.parametrize(
    ("exit_code", "is_blocking"), [(None, True), (1, True), (3, True), (2, False), (-15, False)]
)
def test_sigterm_left_to_its_default_is_told_and_does_not_block(
    exit_code: int | None, is_blocking: bool
) -> None:
    facts = replace(RUNNING, shutdown=Shutdown(exit_code=exit_code, elapsed_ms=5.0))
    assert trial_sigterm.check(facts, EXPECTED).is_blocking is is_blocking
