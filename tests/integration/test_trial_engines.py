"""The trial in a real Docker engine: run as strictly, told as truly, and nothing left there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from builds import GO_CACHE, NO_NAMESPACES, SERVER, heed_ctrl_c, write_service
from engines import DockerEngine
from images import base_entries, file, write_image
from seatrial.checks.trial_variations import check_read_only
from seatrial.errors import MachineError, MissingTool
from seatrial.model.facts import RunningFacts
from seatrial.model.image import ImageConfig
from seatrial.model.trial import TrialPlan, TrialRequest
from seatrial.model.verdict import Expectations, State
from seatrial.observe.engines import observe_running_in_engine

pytestmark = pytest.mark.engine

PLAN = TrialPlan(requests=(TrialRequest(), TrialRequest(path="/second")), start_timeout_s=30.0)


def run(
    engine: DockerEngine, image: Path, scratch: Path, *modes: str, plan: TrialPlan = PLAN
) -> RunningFacts:
    modes_variable = (("TRIAL_MODE", ",".join(modes)),)
    return observe_running_in_engine(
        image,
        TrialPlan(**{**vars(plan), "environment": (*plan.environment, *modes_variable)}),
        engine="docker",
        env={**os.environ, "DOCKER_HOST": engine.address},
        scratch=scratch,
    )


def left_over(engine: DockerEngine) -> str:
    """Return what of ours the engine still has."""
    names = ("ps", "--all", "--format", "{{.Names}}"), ("image", "ls", "--format", "{{.Repository}}")
    return "\n".join(engine.docker(*words) for words in names)


@pytest.fixture(autouse=True)
def _nothing_stays(docker_engine: DockerEngine) -> Iterator[None]:
    yield
    assert "seatrial-trial" not in left_over(docker_engine)


def assert_varied(facts: RunningFacts) -> None:
    """It bears all changes at once: no run of one alone was needed, and none is of the trial proper."""
    varied = {one.name: (one.was_tried, one.status) for one in facts.variations}
    assert varied.pop("limited memory") in {(True, 200), (False, 0)}  # not every kernel can
    assert varied == {"no collector": (True, 200), "writable root": (True, 200)}
    (together,) = {one.elapsed_ms for one in facts.variations if one.was_tried}
    assert together > 0
    assert {span.trace_id for span in facts.spans} == {one.trace_id for one in facts.exchanges}


def test_good_service_is_seen_from_start_to_end(
    docker_engine: DockerEngine, trial_image: Path, tmp_path: Path
) -> None:
    facts = run(docker_engine, trial_image, tmp_path)
    assert facts.engine.startswith("docker ")
    assert [one.status for one in facts.exchanges] == [200, 200]
    assert facts.listening == (8080,)
    assert facts.time_to_listen_ms is not None
    assert 0 <= facts.time_to_listen_ms < 10_000
    assert facts.process is not None
    assert (facts.process.uid, facts.process.effective_capabilities) == (65532, 0)
    assert facts.process.has_no_new_privileges
    assert facts.process.seccomp_mode == 2
    servers = {span.trace_id for span in facts.spans if span.kind == "server"}
    assert servers == {one.trace_id for one in facts.exchanges}
    assert facts.time_to_healthy_ms is not None
    assert [(one.situation, one.exit_code) for one in facts.probes] == [("up", 0)]
    assert facts.shutdown is not None
    assert facts.shutdown.exit_code == 0
    assert facts.ended_early is None
    assert facts.is_reachable is True
    assert facts.log_lines[-1] == "stopped"
    assert facts.limits
    assert facts.problems == ()
    assert_varied(facts)
    assert facts.writes == ()
    assert list(tmp_path.iterdir()) == []


def test_crash_keeps_its_words(docker_engine: DockerEngine, trial_image: Path, tmp_path: Path) -> None:
    facts = run(docker_engine, trial_image, tmp_path, "crash")
    assert facts.ended_early == 7
    assert facts.exchanges == ()
    assert facts.time_to_listen_ms is None
    assert facts.log_lines


def test_service_that_needs_what_a_variation_takes_is_told_which(
    docker_engine: DockerEngine, trial_image: Path, tmp_path: Path
) -> None:
    facts = run(docker_engine, trial_image, tmp_path, "needs-collector", "writes")
    assert facts.exchanges[0].status == 200
    varied = {one.name: one for one in facts.variations}
    assert (varied["no collector"].status, varied["no collector"].ended_early) == (0, 9)
    assert any("no collector:" in line for line in varied["no collector"].log_tail)
    # Each of the others is tried alone: there its collector is missing, too.
    assert varied["writable root"].ended_early == 9
    assert facts.writes == ("/home/nonroot/state",)


def test_root_that_cannot_be_written_to_is_found_to_be_the_cause(
    docker_engine: DockerEngine, trial_image: Path, tmp_path: Path
) -> None:
    facts = run(docker_engine, trial_image, tmp_path, "needs-writes")
    assert facts.ended_early == 6
    assert [(one.name, one.status) for one in facts.variations] == [("writable root", 200)]
    assert facts.writes == ("/home/nonroot/state",)
    assert check_read_only(facts, Expectations()).state is State.FAIL


def test_loopback_listener_is_not_reachable(
    docker_engine: DockerEngine, trial_image: Path, tmp_path: Path
) -> None:
    plan = TrialPlan(start_timeout_s=2.0)
    facts = run(docker_engine, trial_image, tmp_path, "loopback", plan=plan)
    assert facts.exchanges == ()
    assert facts.is_reachable is False


def test_image_that_exposes_nothing_is_asked_on_usual_ports(
    docker_engine: DockerEngine, trial_service: Path, tmp_path: Path
) -> None:
    config = ImageConfig(architecture="amd64", entrypoint=("/server",))
    layers = [base_entries(), [file("server", trial_service, mode=0o755)]]
    image = write_image(tmp_path / "image", layers, config=config)
    facts = run(docker_engine, image, tmp_path)
    assert facts.exchanges[0].status == 200
    assert any("exposes no port" in limit for limit in facts.limits)
    assert facts.probes == ()


def test_podman_shows_what_docker_does(trial_image: Path, tmp_path: Path) -> None:
    if shutil.which("podman") is None or os.geteuid() != 0:
        pytest.skip("needs podman and root (apt-get install podman runc)")
    # As on a machine whose podman has run nothing yet: its bridge comes with the first container.
    subprocess.run(("ip", "link", "delete", "cni-podman0"), capture_output=True, check=False)
    facts = observe_running_in_engine(trial_image, PLAN, engine="podman", env=os.environ, scratch=tmp_path)
    assert facts.engine.startswith("podman ")
    assert [one.status for one in facts.exchanges] == [200, 200]
    assert facts.listening == (8080,)
    assert facts.process is not None
    assert (facts.process.uid, facts.process.effective_capabilities) == (65532, 0)
    assert {span.trace_id for span in facts.spans} == {one.trace_id for one in facts.exchanges}
    assert [(one.situation, one.exit_code) for one in facts.probes] == [("up", 0)]
    assert facts.shutdown is not None
    assert facts.shutdown.exit_code == 0
    assert_varied(facts)
    assert facts.writes == ()
    for words in (("ps", "--all"), ("image", "ls")):
        done = subprocess.run(("podman", *words), capture_output=True, text=True, check=True)
        assert "seatrial-trial" not in done.stdout


def test_without_namespaces_the_engine_is_taken_and_that_is_told(
    docker_engine: DockerEngine, trial_image: Path, tmp_path: Path
) -> None:
    """In a user namespace that allows no other, as containers often are."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare (apt-get install util-linux)")
    found = {}
    for engine in ("auto", "sandbox"):
        tool = seatrial(
            docker_engine,
            *("trial", str(trial_image), "--engine", engine, "--json", "--facts", "facts.json"),
            cwd=tmp_path,
            prefix=NO_NAMESPACES,
        )
        output, words = tool.communicate(timeout=120)
        found[engine] = (tool.returncode, json.loads(output), words)
    assert found["sandbox"][0] == 4
    facts = json.loads((tmp_path / "facts.json").read_text())["facts"]["running"]
    assert facts["engine"].startswith("docker ")
    assert facts["limits"][0].startswith("the sandbox cannot be had here: ")
    assert [one["status"] for one in facts["exchanges"]] == [200, 200, 200]
    assert found["auto"][1]["engine"] == facts["engine"]


def test_a_build_tries_its_image_where_a_trial_would(docker_engine: DockerEngine, tmp_path: Path) -> None:
    """Without namespaces of its own, as in many CI containers, a build has what `seatrial trial` has."""
    server = SERVER.replace("--health-check", "--unused")  # asked for its own flag, it would have to be run
    service = write_service(tmp_path / "svc", {"main.go": server})
    words = ("build", str(service), "--instrument", "none", "--base", "scratch", "--json")
    facts = ("--facts", "facts.json", "-o", str(tmp_path / "out"))
    tool = seatrial(docker_engine, *words, *facts, cwd=tmp_path, prefix=NO_NAMESPACES)
    output, told = tool.communicate(timeout=300)
    # /proc shows the engine's users as 65534 from in here, so one verdict fails; the run is what counts.
    serious = [one["id"] for one in json.loads(output)["verdicts"] if is_serious(one)]
    assert (tool.returncode, serious) == (1, ["trial.user"]), output + told
    running = json.loads((tmp_path / "facts.json").read_text())["facts"]["running"]
    assert running["engine"].startswith("docker ")
    assert running["limits"][0].startswith("the sandbox cannot be had here: ")
    assert [one["status"] for one in running["exchanges"]][:1] == [204]


def is_serious(verdict: dict[str, str]) -> bool:
    return verdict["state"] == "fail" and verdict["severity"] != "info"


def test_services_beside_it_are_refused(trial_image: Path, tmp_path: Path) -> None:
    plan = TrialPlan(services=("postgres",))
    with pytest.raises(MachineError, match="need the sandbox"):
        observe_running_in_engine(trial_image, plan, engine="docker", env=os.environ, scratch=tmp_path)


def test_engine_that_is_not_there_is_told(trial_image: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingTool):
        observe_running_in_engine(trial_image, PLAN, engine="podman", env={"PATH": ""}, scratch=tmp_path)
    away = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    with pytest.raises(MachineError, match="docker does not answer"):
        observe_running_in_engine(trial_image, PLAN, engine="docker", env=away, scratch=tmp_path)


def seatrial(
    engine: DockerEngine, *arguments: str, cwd: Path, prefix: tuple[str, ...] = ()
) -> subprocess.Popen[str]:
    """Start the command against this engine."""
    return subprocess.Popen(
        (*prefix, sys.executable, "-m", "seatrial", *arguments),
        cwd=cwd,
        env={
            **os.environ,
            "DOCKER_HOST": engine.address,
            "GOCACHE": str(GO_CACHE),
            "XDG_CACHE_HOME": str(cwd / "cache"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,  # noqa: PLW1509 - no thread runs here
    )


def test_image_of_the_engines_store_is_tried_there(
    docker_engine: DockerEngine, trial_image: Path, tmp_path: Path
) -> None:
    """From the store and back into the engine; the user's own image of that name stays."""
    archive = tmp_path / "image.tar"
    _docker_archive(trial_image, archive, "store-test:1")
    docker_engine.docker("load", "--input", str(archive))
    try:
        for name in ("docker:store-test:1", "store-test:1"):
            tool = seatrial(docker_engine, "trial", name, "--engine", "docker", "--json", cwd=tmp_path)
            output, words = tool.communicate(timeout=120)
            assert tool.returncode == 0, output + words
            assert json.loads(output)["engine"].startswith("docker ")
        assert docker_engine.docker("image", "ls", "--quiet", "store-test:1")
        assert list((tmp_path / "cache/seatrial/saved").iterdir()) == []
        absent = seatrial(docker_engine, "trial", "docker:absent:1", cwd=tmp_path)
        assert "no local engine holds this image" in absent.communicate(timeout=60)[1]
        assert absent.returncode == 2
    finally:
        docker_engine.docker("image", "rm", "store-test:1")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_interrupted_trial_leaves_nothing(
    docker_engine: DockerEngine, trial_image: Path, tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "seatrial.toml").write_text('[trial]\nenvironment = {TRIAL_MODE = "hang"}\n')
    tool = seatrial(docker_engine, "trial", str(trial_image), "--engine", "docker", cwd=tmp_path)
    deadline = time.monotonic() + 60
    while "seatrial-trial" not in docker_engine.docker("ps", "--format", "{{.Names}}"):
        assert time.monotonic() < deadline
        assert tool.poll() is None
        time.sleep(0.1)
    tool.send_signal(number)
    assert tool.wait(60) in {130, 143}
    assert "seatrial-trial" not in left_over(docker_engine)
    tool.communicate()


def _docker_archive(layout: Path, archive: Path, tag: str) -> None:
    """Write what ``docker save`` would, for an engine that cannot load a layout."""
    import tarfile

    index = json.loads((layout / "index.json").read_text())
    blobs = layout / "blobs/sha256"
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_text())
    names = [manifest["config"]["digest"][7:], *(layer["digest"][7:] for layer in manifest["layers"])]
    listed = [{"Config": names[0], "RepoTags": [tag], "Layers": names[1:]}]
    (archive.parent / "manifest.json").write_text(json.dumps(listed))
    with tarfile.open(archive, "w") as tar:
        tar.add(archive.parent / "manifest.json", "manifest.json")
        for name in names:
            tar.add(blobs / name, name)
