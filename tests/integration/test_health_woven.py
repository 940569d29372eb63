"""--health-check as it is woven in: against real databases, in the sandbox and in Docker."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from builds import Seatrial
from databases import PASSWORD, Database
from engines import PROJECTS, DockerEngine
from seatrial.model.trial import TrialPlan, parse_request
from seatrial.observe.running import observe_running

pytestmark = pytest.mark.go
SERVICE = PROJECTS / "health-service"


@dataclass(frozen=True, kw_only=True)
class Built:
    """What one build gave: the same image twice, and the program in it."""

    layout: Path
    tar: Path
    program: Path


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Of one probe. line: what it printed."""

    code: int
    line: str
    took_s: float


class Running:
    """The service as a process of this machine."""

    def __init__(self, program: Path, log: Path, environment: dict[str, str]) -> None:
        self.program = program
        self._log = log
        self._environment = {"ADDRESS": "127.0.0.1:0", "OTEL_SDK_DISABLED": "true"} | environment
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                (str(program),), env=self._environment, stdout=output, stderr=output
            )

    def probe(self, form: str = "") -> Answer:
        """Run the program a second time, as Docker does."""
        began = time.monotonic()
        flag = "--health-check" + form
        done = subprocess.run(
            (str(self.program), flag), capture_output=True, text=True, timeout=30, check=False
        )
        assert done.stderr == ""
        return Answer(code=done.returncode, line=done.stdout.rstrip("\n"), took_s=time.monotonic() - began)

    def probe_until(self, code: int, limit_s: float = 10.0) -> Answer:
        """Probe until the answer is this one; fail when it does not come."""
        end = time.monotonic() + limit_s
        while (found := self.probe()).code != code:
            assert time.monotonic() < end, found
            time.sleep(0.05)
        return found

    def get(self, path: str) -> None:
        """Make one request that must succeed."""
        with urllib.request.urlopen(f"http://{self.address()}{path}", timeout=10) as answer:
            assert answer.status == 200

    def address(self) -> str:
        """Return where it listens, once it does."""
        end = time.monotonic() + 20
        while "listening address=" not in (text := self.log()):
            assert self.process.poll() is None, text
            assert time.monotonic() < end, text
            time.sleep(0.01)
        return text.split("listening address=")[1].split()[0]

    def log(self) -> str:
        return self._log.read_text()

    def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait(10)


class Start(Protocol):
    """Starts the service with these variables."""

    def __call__(self, program: Path = ..., /, **environment: str) -> Running: ...


def build(place: Path, settings: str) -> Built:
    place.mkdir(parents=True, exist_ok=True)
    (place / "seatrial.toml").write_text(settings)
    found = Built(layout=place / "image", tar=place / "image.tar", program=place / "server")
    words = ("--config", str(place / "seatrial.toml"), "--no-trial", "--base", "scratch", "-t", "health:test")
    done = Seatrial()("build", str(SERVICE), *words, "-o", str(found.layout), "-o", str(found.tar))
    assert done.code == 0, done.stderr
    for blob in (found.layout / "blobs/sha256").iterdir():
        if blob.read_bytes()[:2] == b"\x1f\x8b":
            with tarfile.open(blob) as layer:
                if "server" in layer.getnames():
                    layer.extract("server", place, filter="data")
    return found


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The service, woven, with two seconds for a check."""
    return build(tmp_path_factory.mktemp("health"), '[health]\ntimeout = "2s"\n')


@pytest.fixture
def start(built: Built, tmp_path: Path) -> Iterator[Start]:
    """Start the service under a path of its own, which its probe socket is named after."""
    started: list[Running] = []

    def begin(program: Path = built.program, /, **environment: str) -> Running:
        own = tmp_path / f"server-{len(started)}"
        shutil.copy(program, own)
        started.append(Running(own, tmp_path / f"log-{len(started)}", environment))
        return started[-1]

    yield begin
    for service in started:
        service.end()


def test_databases_up_hung_back_stopped_and_back(start: Start, postgres: Database) -> None:
    service = start(POOL=postgres.url(), SQL=postgres.url())
    up = service.probe_until(0)
    assert up.line.startswith("healthy: postgresql ")
    assert ", postgresql-2 " in up.line
    assert f", listener {service.address()} " in up.line
    postgres.freeze()
    for _ in range(3):  # the third meets what the first began
        hung = service.probe()
        assert hung.code == 1
        assert hung.took_s < 3
        assert "postgresql: no answer within" in hung.line
        # A connection that an earlier probe gave up on may be met before a new one is tried.
        assert re.search("postgresql-2: (no answer within|driver: bad connection)", hung.line), hung.line
        assert "of 3 connections in use" in hung.line
    postgres.thaw()
    service.probe_until(0)
    service.get("/touch")
    postgres.stop()
    stopped = service.probe()
    assert stopped.code == 1
    assert stopped.line.startswith("unhealthy: postgresql: ")
    assert "connection refused" in stopped.line
    assert PASSWORD not in stopped.line
    assert service.probe("=live").code == 0
    postgres.start()
    assert service.probe().code == 0


def test_wrong_password_is_unhealthy_and_never_told(start: Start, postgres: Database) -> None:
    service = start(POOL=postgres.url("hunter2"), SQL=postgres.url("hunter2"))
    service.address()
    found = service.probe()
    assert found.code == 1
    assert found.line.count("password authentication failed") == 2
    assert "hunter2" not in found.line + service.probe("=json").line


def test_exhausted_pool_is_unhealthy_until_a_connection_is_free(start: Start, postgres: Database) -> None:
    service = start(POOL=postgres.url(), SQL=postgres.url())
    service.get("/hold")
    found = service.probe()
    assert found.code == 1
    for name in ("postgresql", "postgresql-2"):
        assert f"{name}: no free connection within" in found.line
    assert found.line.count("3 of 3 in use") == 2
    service.get("/release")
    service.probe_until(0)


@pytest.mark.parametrize("options", ["", "?_pragma=journal_mode(WAL)"])
def test_sqlite_file_that_was_removed_or_replaced(start: Start, tmp_path: Path, options: str) -> None:
    file = tmp_path / "data" / "shop.db"
    file.parent.mkdir()
    service = start(SQLITE=f"file:{file}{options}")
    assert service.probe_until(0).line.startswith("healthy: sqlite ")
    kept = file.rename(file.with_name("kept"))
    gone = service.probe()
    assert gone.code == 1
    assert "unhealthy: sqlite: " in gone.line
    assert str(file) in gone.line
    assert not file.exists()  # the check itself made no new one
    shutil.copy(kept, file)
    kept.unlink()
    replaced = service.probe()
    assert replaced.code == 1, "what the service holds is not what is in the directory"
    assert "removed or replaced" in replaced.line


def test_database_in_memory_has_no_file_to_lose(start: Start) -> None:
    service = start(SQLITE=":memory:")
    service.probe_until(0)
    assert service.probe().code == 0
    service.get("/touch")


def test_service_is_starting_until_it_listens(start: Start) -> None:
    service = start(DELAY="700ms")
    found = service.probe()
    while "no running service" in found.line:
        found = service.probe()
    assert (found.code, found.line) == (1, "starting: no listener yet")
    service.probe_until(0)


def test_service_that_ended_or_hangs(start: Start) -> None:
    service = start()
    service.probe_until(0)
    service.process.send_signal(signal.SIGSTOP)
    hung = service.probe()
    assert hung.code == 1
    assert "the service does not answer within" in hung.line
    service.process.send_signal(signal.SIGCONT)
    assert service.probe_until(0)
    service.process.kill()
    service.process.wait(10)
    dead = service.probe()
    assert dead.code == 1
    assert dead.line.startswith("unhealthy: no running service")


def test_probes_leave_no_span_and_no_log_line(start: Start, postgres: Database, tmp_path: Path) -> None:
    traced = {"OTEL_SDK_DISABLED": "false", "OTEL_TRACES_EXPORTER": "console"}
    databases = {"POOL": postgres.url(), "SQL": postgres.url(), "SQLITE": str(tmp_path / "shop.db")}
    service = start(TLS="127.0.0.1:0", **traced, **databases)
    service.probe_until(0)
    before = service.log()
    for form in ("", "=json", "=live") * 2:
        assert service.probe(form).code == 0
    assert service.log() == before
    assert "request path=" not in before
    assert "TLS" not in before
    service.get("/touch")
    end = time.monotonic() + 5
    while "GET /touch" not in service.log():
        assert time.monotonic() < end, service.log()
        time.sleep(0.01)
    assert service.log().removeprefix(before).count('"SELECT"') >= 3  # its own statements are still seen


def test_json_says_it_in_parts(start: Start, tmp_path: Path) -> None:
    service = start(SQLITE=str(tmp_path / "shop.db"))
    service.probe_until(0)
    found = json.loads(service.probe("=json").line)
    assert found["status"] == "healthy"
    assert [(part["kind"], part["status"]) for part in found["checks"]] == [
        ("process", "healthy"),
        ("database", "healthy"),
        ("listener", "healthy"),
    ]
    assert all(part["latency_ms"] >= 0 for part in found["checks"])
    unknown = service.probe("=all")
    assert (unknown.code, unknown.line) == (1, "unhealthy: --health-check=all is not known: json or live")


def test_settings_add_checks_and_take_weight_off(start: Start, tmp_path: Path, postgres: Database) -> None:
    settings = """[health]
http = "/ready"
informational = ["postgresql"]
checks = {cache = "tcp://$CACHE", none = "$NONE"}
"""
    program = build(tmp_path / "more", settings).program
    traced = {"OTEL_SDK_DISABLED": "false", "OTEL_TRACES_EXPORTER": "console"}
    address = f"127.0.0.1:{postgres.port}"
    service = start(program, CACHE=address, SQL=postgres.url(), SQLITE=str(tmp_path / "x.db"), **traced)
    found = service.probe_until(0)
    assert "cache " in found.line
    assert "/ready " in found.line
    assert "none skipped (NONE is not set)" in found.line
    assert "path=/ready" in service.log()  # the service's own middleware sees it
    time.sleep(0.3)
    assert "GET /ready" not in service.log()
    assert '"SELECT"' not in service.log()  # nor are the statements of its handler traced
    postgres.stop()
    parts = {part["name"]: part for part in json.loads(service.probe("=json").line)["checks"]}
    assert parts["postgresql"]["informational"]
    assert (parts["postgresql"]["status"], parts["cache"]["status"]) == ("unhealthy", "unhealthy")


@pytest.mark.sandbox
def test_in_the_sandbox_with_its_database_and_without(built: Built) -> None:
    plan = TrialPlan(
        services=("postgres",),
        environment=(("SQL", "{postgres.url}"), ("POOL", "{postgres.url}")),
        requests=(parse_request("GET /touch"),),
        health_argv=("/server", "--health-check"),
    )
    facts = observe_running(built.layout, plan, search_path=os.environ["PATH"])
    assert [(probe.situation, probe.exit_code) for probe in facts.probes][:2] == [
        ("up", 0),
        ("database stopped", 1),
    ]
    assert facts.probes[0].output.startswith("healthy: postgresql ")
    assert "connection refused" in facts.probes[1].output
    names = {span.name for span in facts.spans}
    assert "GET /touch" in names
    assert not any("ping" in name.lower() for name in names)


HARDENED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
CONTAINER = (
    *("--tmpfs", "/data:mode=1777", "-e", "SQLITE=/data/shop.db", "-e", "OTEL_SDK_DISABLED=true"),
    *("--health-interval", "500ms", "--health-retries", "1", "--health-start-period", "10s"),
)


def test_in_docker_to_healthy_and_to_unhealthy(built: Built, docker_engine: DockerEngine) -> None:
    docker_engine.docker("load", "-i", str(built.tar))
    run = ("run", "-d", *HARDENED, *CONTAINER)
    first = docker_engine.docker(*run, "--network", "none", "health:test").strip()
    shared = ("--network", f"container:{first}", "-e", "ADDRESS=:8081")
    second = docker_engine.docker(*run, *shared, "health:test").strip()
    try:
        assert until(docker_engine, first, "healthy").startswith("healthy: sqlite ")
        assert ":8081" in until(docker_engine, second, "healthy")
        for user, code in (("0", 0), ("65532", 0), ("1000", 1)):
            probe = ("exec", "-u", user, first, "/server", "--health-check")
            asked = docker_engine.try_docker(*probe)
            assert asked.returncode == code, (user, asked.stdout)
        pid = docker_engine.docker("inspect", "-f", "{{.State.Pid}}", first).strip()
        Path(f"/proc/{pid}/root/data/shop.db").unlink()
        assert "sqlite: database file /data/shop.db" in until(docker_engine, first, "unhealthy")
        assert docker_engine.try_docker("exec", second, "/server", "--health-check").returncode == 0
    finally:
        docker_engine.docker("rm", "-f", first, second)


def until(engine: DockerEngine, name: str, state: str) -> str:
    """Wait for a container's state of health; return what its last probe printed."""
    end = time.monotonic() + 30
    while True:
        health = json.loads(engine.docker("inspect", "-f", "{{json .State.Health}}", name))
        if health["Status"] == state:
            return str(health["Log"][-1]["Output"])
        assert time.monotonic() < end, health
        time.sleep(0.1)


def test_what_a_probe_costs(
    start: Start, postgres: Database, record_property: Callable[[str, object], None]
) -> None:
    service = start(POOL=postgres.url(), SQL=postgres.url())
    service.probe_until(0)
    took = [service.probe() for _ in range(20)]
    assert {answer.code for answer in took} == {0}
    cost_ms = statistics.median(answer.took_s for answer in took) * 1000
    record_property("probe_ms", round(cost_ms, 1))
    sys.stderr.write(f"one probe, process and all: {cost_ms:.1f} ms (median of {len(took)})\n")
