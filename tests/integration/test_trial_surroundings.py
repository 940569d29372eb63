"""The service in other surroundings: no collector, a root to write to, little memory, its services gone."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from facts import EXPECTED
from images import base_entries, file, write_image
from seatrial.checks.trial_logs import check_json
from seatrial.checks.trial_spans import check_sql_spans
from seatrial.errors import MachineError
from seatrial.model.facts import RunningFacts, Variation
from seatrial.model.image import Healthcheck, ImageConfig
from seatrial.model.trial import ServiceProgram, TrialPlan, TrialRequest
from seatrial.model.verdict import Expectations, State
from seatrial.observe.running import observe_running

pytestmark = pytest.mark.sandbox

PLAN = TrialPlan(start_timeout_s=30.0)
REDIS = "/usr/bin/redis-server"


def run(image: Path, *modes: str, plan: TrialPlan = PLAN) -> RunningFacts:
    environment = (("TRIAL_MODE", ",".join(modes)), *plan.environment)
    return observe_running(image, replace(plan, environment=environment), search_path=os.environ["PATH"])


def named(facts: RunningFacts, name: str) -> Variation:
    return next(one for one in facts.variations if one.name == name)


def test_good_service_bears_everything_in_one_run(trial_image: Path) -> None:
    facts = run(trial_image)
    names = ["no collector", "writable root", "limited memory"]
    assert [one.name for one in facts.variations] == names
    for one in facts.variations:
        if one.was_tried:
            assert (one.status, one.ended_early) == (200, None)
            assert "together with" in one.note
    assert named(facts, "no collector").elapsed_ms == named(facts, "writable root").elapsed_ms
    assert facts.writes == ()


def test_what_it_writes_when_it_may_is_listed(trial_image: Path) -> None:
    facts = run(trial_image, "writes")
    assert facts.writes == ("/home/nonroot/state",)
    assert facts.exchanges[0].status == 200


def test_service_that_needs_a_root_to_write_to_is_found_out(trial_image: Path) -> None:
    facts = run(trial_image, "needs-writes")
    assert facts.ended_early == 6
    assert "read-only file system" in facts.log_lines[-1]
    (variation,) = facts.variations
    assert (variation.name, variation.status) == ("writable root", 200)
    assert facts.writes == ("/home/nonroot/state",)


def test_service_that_fails_anyway_fails_with_a_writable_root(trial_image: Path) -> None:
    facts = run(trial_image, "crash")
    (variation,) = facts.variations
    assert (variation.name, variation.status, variation.ended_early) == ("writable root", 0, 7)
    assert "panic: no configuration" in variation.log_tail


def test_need_of_a_collector_is_told_apart(trial_image: Path) -> None:
    facts = run(trial_image, "needs-collector")
    assert facts.exchanges[0].status == 200
    assert (named(facts, "no collector").status, named(facts, "no collector").ended_early) == (0, 9)
    assert "no collector" in named(facts, "no collector").log_tail[-1]
    assert named(facts, "limited memory").status in {0, 200}
    assert "together" not in named(facts, "no collector").note


def test_service_that_hangs_without_a_collector_does_not_hang_the_trial(trial_image: Path) -> None:
    began_s = time.monotonic()
    facts = run(trial_image, "awaits-collector", plan=replace(PLAN, request_timeout_s=600.0))
    assert time.monotonic() - began_s < 60
    assert facts.exchanges[0].status == 200
    assert (named(facts, "no collector").status, named(facts, "no collector").ended_early) == (0, None)


def test_hunger_is_told_apart(trial_image: Path) -> None:
    facts = run(trial_image, "hungry")
    memory = named(facts, "limited memory")
    if not memory.was_tried:
        pytest.skip("no control group can be made here")
    # The limit follows what it holds at rest: it is never failed for that alone.
    assert (memory.status, memory.ended_early) == (200, None)
    assert int(memory.note.split()[0]) > 600


def test_peak_over_the_limit_is_killed(trial_image: Path) -> None:
    facts = run(trial_image, "gulps")
    memory = named(facts, "limited memory")
    if not memory.was_tried:
        pytest.skip("no control group can be made here")
    assert (memory.status, memory.ended_early) == (0, -9)
    assert memory.note == "128 MiB"
    assert named(facts, "no collector").status == 200
    assert named(facts, "writable root").status == 200


def test_timeline_is_in_order(trial_image: Path) -> None:
    facts = run(trial_image)
    assert [event for event, _ in facts.timeline] == [
        "unpacked",
        "started",
        "listening",
        "first answer",
        "healthy",
    ]
    moments = [moment for _, moment in facts.timeline]
    assert moments == sorted(moments)
    assert facts.time_to_healthy_ms is not None
    assert facts.time_to_listen_ms is not None
    assert facts.time_to_healthy_ms > facts.time_to_listen_ms


def test_process_is_looked_at_while_it_rests(trial_image: Path) -> None:
    process = run(trial_image).process
    assert process is not None
    assert process.bounding_capabilities == 0
    assert process.seccomp_mode == 2
    assert process.threads > 1
    assert process.open_files == ("/tmp/trial.db",)
    assert "tcp6 [::]:8080 listening" in process.sockets
    assert "tcp to 127.0.0.1:4318 connected" in process.sockets
    assert 1 << 20 < process.rss_bytes < 100 << 20


def test_server_below_another_process_is_looked_at_too(trial_image: Path) -> None:
    alone, wrapped = run(trial_image), run(trial_image, "wrapped")
    assert wrapped.process is not None
    assert alone.process is not None
    assert wrapped.process.open_files == ("/tmp/trial.db",)
    assert "tcp6 [::]:8080 listening" in wrapped.process.sockets
    assert wrapped.process.rss_bytes > alone.process.rss_bytes
    assert wrapped.shutdown is not None
    assert (wrapped.shutdown.exit_code, wrapped.shutdown.finished) == (0, 3)


def test_late_health_is_waited_for(trial_image: Path) -> None:
    facts = run(trial_image, "health-late")
    assert facts.time_to_healthy_ms is not None
    assert facts.time_to_healthy_ms >= 300
    assert (facts.probes[0].situation, facts.probes[0].exit_code) == ("up", 0)


def test_health_that_sees_nothing_is_seen(trial_image: Path) -> None:
    facts = run(trial_image, "health-blind")
    assert [probe.exit_code for probe in facts.probes] == [0, 0, 0]


def test_health_that_never_comes_back_is_waited_for_and_told(trial_image: Path) -> None:
    facts = run(trial_image, "health-stuck")
    assert [probe.exit_code for probe in facts.probes] == [0, 1, 1]


def test_probe_ends_within_the_images_own_timeout(trial_service: Path, tmp_path: Path) -> None:
    config = ImageConfig(
        architecture="amd64",
        entrypoint=("/server",),
        healthcheck=Healthcheck(argv=("/server", "--health-check"), timeout_s=0.3, start_period_s=2.5),
    )
    layers = [base_entries(), [file("server", trial_service, mode=0o755)]]
    facts = run(write_image(tmp_path / "image", layers, config=config), "health-hangs")
    assert facts.probes[0].exit_code == -9
    assert 300 <= facts.probes[0].elapsed_ms < 5000
    assert facts.health_start_ms == 2500


def test_requests_in_flight_are_answered(trial_image: Path) -> None:
    shutdown = run(trial_image).shutdown
    assert shutdown is not None
    assert (shutdown.in_flight, shutdown.finished, shutdown.has_flushed) == (3, 3, True)


@pytest.mark.parametrize("mode", ["forget-requests", "exit-now"])
def test_requests_that_are_cut_off_are_counted(trial_image: Path, mode: str) -> None:
    shutdown = run(trial_image, mode).shutdown
    assert shutdown is not None
    assert (shutdown.exit_code, shutdown.in_flight, shutdown.finished) == (0, 3, 0)


def test_lost_spans_are_noticed(trial_image: Path) -> None:
    shutdown = run(trial_image, "lose-spans").shutdown
    assert shutdown is not None
    assert (shutdown.exit_code, shutdown.finished, shutdown.has_flushed) == (0, 3, False)


def test_connections_that_are_not_kept_hold_nothing(trial_image: Path) -> None:
    shutdown = run(trial_image, "one-by-one").shutdown
    assert shutdown is not None
    assert (shutdown.exit_code, shutdown.in_flight) == (0, 0)


def test_front_page_leads_to_a_few_harmless_pages(trial_image: Path) -> None:
    facts = run(trial_image, "links")
    assert [(one.path, one.found_by) for one in facts.exchanges if one.found_by] == [
        ("/orders", "link"),
        ("/about?x=1", "link"),
    ]


def test_named_requests_are_all_that_is_asked(trial_image: Path) -> None:
    headers = (("authorization", "Bearer x"),)
    requests = (
        TrialRequest(),
        TrialRequest(path="/auth", headers=headers),
        TrialRequest(path="/auth", status=401),
    )
    facts = run(trial_image, "links", plan=replace(PLAN, requests=requests))
    assert [(one.status, one.expected_status) for one in facts.exchanges] == [(200, 0), (200, 0), (401, 401)]


def test_login_before_every_page_leaves_sql_spans_unknown(trial_image: Path) -> None:
    facts = run(
        trial_image, "login", plan=replace(PLAN, requests=(TrialRequest(), TrialRequest(path="/orders")))
    )
    assert [one.status for one in facts.exchanges] == [401, 401]
    expected = Expectations(has_spans=True, has_database=True)
    verdict = check_sql_spans(facts, expected)
    assert (verdict.state, verdict.is_blocking) == (State.UNKNOWN, False)
    assert "401" in verdict.reason


def test_log_in_json_is_seen_as_such(trial_image: Path) -> None:
    assert check_json(run(trial_image), EXPECTED).state is State.FAIL
    requests = (TrialRequest(),) * 9
    verdict = check_json(
        run(trial_image, "json-logs", "silent", plan=replace(PLAN, requests=requests)), EXPECTED
    )
    assert verdict.state is State.PASS
    assert "JSON objects" in verdict.reason


@pytest.fixture
def redis() -> ServiceProgram:
    if shutil.which(REDIS) is None:
        pytest.skip("needs redis-server")
    argv = (REDIS, "--port", "6379", "--bind", "127.0.0.1", "--dir", "{data}", "--save", "")
    return ServiceProgram(name="redis", run=argv, port=6379)


def test_any_program_of_this_machine_is_a_service(trial_image: Path, redis: ServiceProgram) -> None:
    plan = replace(PLAN, programs=(redis,), environment=(("REDIS", "{redis.host}:{redis.port}"),))
    facts = run(trial_image, "needs-redis", plan=plan)
    assert facts.exchanges[0].body_excerpt == "+PONG\r\n", facts.log_lines
    assert facts.services == ("sqlite", "redis")
    assert facts.listening == (8080,)
    assert ("redis stopped", 1) in [(probe.situation, probe.exit_code) for probe in facts.probes]
    alone = named(facts, "no database")
    assert (alone.status, alone.ended_early, alone.note) == (0, 8, "without redis")
    assert "no redis" in alone.log_tail[-1]
    assert named(facts, "no collector").status == 200


def test_service_that_goes_on_without_its_services_is_seen(trial_image: Path, redis: ServiceProgram) -> None:
    facts = run(trial_image, plan=replace(PLAN, programs=(redis,)))
    assert (named(facts, "no database").status, named(facts, "no database").ended_early) == (200, None)
    assert ("redis stopped", 0) in [(probe.situation, probe.exit_code) for probe in facts.probes]


@pytest.mark.parametrize(
    ("argv", "words"),
    [(("/usr/bin/redis-server", "--no-such-option"), "redis ended"), (("/nothing",), "ended")],
)
def test_service_that_does_not_start_is_an_error_with_its_words(
    trial_image: Path, redis: ServiceProgram, argv: tuple[str, ...], words: str
) -> None:
    plan = replace(PLAN, programs=(replace(redis, run=argv),))
    with pytest.raises(MachineError, match=words) as failed:
        run(trial_image, plan=plan)
    assert failed.value.hint
