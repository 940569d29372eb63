"""An image is started, driven, probed and stopped; every way in which a service can fail is a fact."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from images import base_entries, directory, file, write_image
from seatrial.errors import UntrustedInput
from seatrial.model.facts import RunningFacts
from seatrial.model.image import ImageConfig
from seatrial.model.trial import TrialPlan, TrialRequest, parse_request
from seatrial.observe.running import observe_running

pytestmark = pytest.mark.sandbox

PLAN = TrialPlan(start_timeout_s=30.0, stop_timeout_s=10.0)


def run(image: Path, *modes: str, plan: TrialPlan = PLAN) -> RunningFacts:
    environment = (("TRIAL_MODE", ",".join(modes)), *plan.environment)
    return observe_running(
        image, replace(plan, environment=environment), search_path=os.environ.get("PATH", "")
    )


def test_whole_trial_of_a_good_service(trial_image: Path) -> None:
    requests = (TrialRequest(), parse_request('POST /orders {"a": 1}'))
    facts = run(trial_image, plan=replace(PLAN, requests=requests, service_name="orders"))
    assert facts.listening == (8080,)
    assert facts.is_reachable is True
    assert facts.time_to_listen_ms is not None
    assert facts.process is not None
    assert (facts.process.uid, facts.process.gid) == (65532, 65532)
    assert facts.process.effective_capabilities == 0
    assert facts.process.has_no_new_privileges
    assert [one.status for one in facts.exchanges] == [200, 200]
    assert facts.exchanges[1].body_excerpt == 'POST /orders {"a": 1}'
    asked = {one.trace_id for one in facts.exchanges}
    servers = [span for span in facts.spans if span.kind == "server" and span.trace_id in asked]
    assert {span.trace_id for span in servers} == asked
    assert {span.service_name for span in facts.spans} == {"orders"}
    children = [span for span in facts.spans if span.kind == "client" and span.trace_id in asked]
    assert {span.parent_id for span in children} == {span.span_id for span in servers}
    assert [(probe.situation, probe.exit_code) for probe in facts.probes] == [
        ("up", 0),
        ("database stopped", 1),
        ("database back", 0),
    ]
    assert facts.services == ("sqlite",)
    assert facts.has_health_flag is True
    assert facts.shutdown is not None
    assert facts.shutdown.exit_code == 0
    assert facts.ended_early is None
    assert "stopped" in facts.log_lines
    assert facts.problems == ()


def test_crash_at_start_keeps_its_words(trial_image: Path) -> None:
    facts = run(trial_image, "crash")
    assert facts.ended_early == 7
    assert facts.time_to_listen_ms is None
    assert facts.log_lines[-1] == "panic: no configuration"
    assert (facts.exchanges, facts.probes, facts.shutdown, facts.process) == ((), (), None, None)


def test_late_listener_is_waited_for(trial_image: Path) -> None:
    facts = run(trial_image, "late")
    assert facts.time_to_listen_ms is not None
    assert facts.time_to_listen_ms >= 700
    assert facts.exchanges[0].status == 200


def test_service_that_never_listens_is_told(trial_image: Path) -> None:
    facts = run(trial_image, "late", plan=replace(PLAN, start_timeout_s=0.3))
    assert facts.time_to_listen_ms is None
    assert "nothing listened" in facts.problems[0]


def test_ignored_sigterm_means_killed(trial_image: Path) -> None:
    facts = run(trial_image, "ignore-sigterm", plan=replace(PLAN, stop_timeout_s=0.5))
    assert facts.shutdown is not None
    assert facts.shutdown.exit_code is None
    assert facts.shutdown.elapsed_ms >= 500


def test_exit_code_after_sigterm_is_kept(trial_image: Path) -> None:
    facts = run(trial_image, "exit-3")
    assert facts.shutdown is not None
    assert facts.shutdown.exit_code == 3


def test_spans_that_only_the_end_brings_are_seen(trial_image: Path) -> None:
    facts = run(trial_image, "late-spans")
    traced = {span.trace_id for span in facts.spans if span.kind == "server"}
    assert {one.trace_id for one in facts.exchanges} <= traced


def test_silent_service_has_no_spans(trial_image: Path) -> None:
    facts = run(trial_image, "silent")
    assert facts.spans == ()
    assert facts.exchanges[0].status == 200


def test_service_that_never_answers_is_asked_once(trial_image: Path) -> None:
    plan = replace(PLAN, request_timeout_s=0.3, health_timeout_s=0.5)
    facts = run(trial_image, "hang", plan=plan)
    assert len(facts.exchanges) == 1
    assert (facts.exchanges[0].status, facts.exchanges[0].error) == (0, "TimeoutError: timed out")
    assert facts.probes[0].exit_code != 0


def test_port_that_speaks_http_is_found_among_others(trial_image: Path) -> None:
    facts = run(trial_image, "two-ports")
    assert facts.listening == (7070, 8080)
    assert facts.exchanges[0].status == 200


def test_port_that_knows_the_path_is_driven(trial_image: Path) -> None:
    facts = run(trial_image, "debug-port")
    assert facts.listening == (6060, 8080)
    assert [one.status for one in facts.exchanges] == [200, 200, 200]


def test_loopback_listener_is_not_reachable(trial_image: Path) -> None:
    facts = run(trial_image, "loopback")
    assert facts.exchanges[0].status == 200
    assert facts.is_reachable is False


def test_much_output_neither_blocks_nor_grows(trial_image: Path) -> None:
    facts = run(trial_image, "chatty")
    assert len(facts.log_lines) == 2000
    assert facts.log_lines[-1] == "stopped"


def test_without_a_database_nothing_is_stopped(trial_image: Path) -> None:
    facts = run(trial_image, "no-sqlite")
    assert [probe.situation for probe in facts.probes] == ["up"]
    assert facts.services == ()


def test_requests_are_the_same_in_every_trial(trial_image: Path) -> None:
    first, second = run(trial_image), run(trial_image)
    assert [one.trace_id for one in first.exchanges] == [one.trace_id for one in second.exchanges]


def test_health_flag_is_found_when_the_image_names_none(trial_service: Path, tmp_path: Path) -> None:
    layers = [base_entries(), [file("server", trial_service, mode=0o755)]]
    image = write_image(tmp_path / "image", layers, has_healthcheck=False)
    facts = run(image)
    assert facts.has_health_flag is True
    assert [probe.exit_code for probe in facts.probes] == [0, 1, 0]
    without = run(image, "ignore-flags")
    assert without.has_health_flag is False
    assert without.probes == ()


def test_environment_is_the_images_then_ours_then_the_plans(trial_service: Path, tmp_path: Path) -> None:
    layers = [base_entries(), [file("server", trial_service, mode=0o755)]]
    image = write_image(tmp_path / "image", layers, environment=("TRIAL_MODE=crash", "OTHER=x"))
    assert observe_running(image, PLAN, search_path="").ended_early == 7
    assert run(image).ended_early is None


def test_root_image_is_run_as_nobody_special_and_that_is_told(trial_service: Path, tmp_path: Path) -> None:
    config = ImageConfig(architecture="amd64", entrypoint=("/server",), user="")
    layers = [base_entries(), [file("server", trial_service, mode=0o755)]]
    facts = run(write_image(tmp_path / "image", layers, config=config), "ignore-flags")
    assert facts.process is not None
    assert facts.process.uid == 65532
    assert any("user is 'root'" in limit for limit in facts.limits)


def test_file_of_roots_cannot_be_executed(trial_service: Path, tmp_path: Path) -> None:
    layers = [base_entries(), [file("server", trial_service, mode=0o700)]]
    facts = run(write_image(tmp_path / "image", layers))
    assert facts.ended_early is not None
    assert "Permission denied" in facts.log_lines[-1]


def test_layers_are_put_upon_each_other(trial_service: Path, tmp_path: Path) -> None:
    layers = [
        base_entries(),
        [directory("opt"), file("opt/server", b"not this one", mode=0o755)],
        [directory("opt"), file("opt/server", trial_service, mode=0o755)],
    ]
    config = ImageConfig(
        architecture="amd64", entrypoint=("server",), env=("PATH=/opt",), working_dir="/data/x"
    )
    facts = run(write_image(tmp_path / "image", layers, config=config), "ignore-flags")
    assert facts.exchanges[0].status == 200


def test_changed_layer_is_never_run(trial_image: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "image"
    shutil.copytree(trial_image, copy)
    largest = max((copy / "blobs/sha256").iterdir(), key=lambda blob: blob.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[-9] ^= 1
    largest.write_bytes(content)
    with pytest.raises(UntrustedInput):
        run(copy)
