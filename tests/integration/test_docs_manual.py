"""docs/manual-instrumentation.md: its examples, plain and woven, by what a real collector gets of them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from builds import Seatrial, write_service
from seatrial.model.facts import Span
from seatrial.observe.collector import Collector

pytestmark = pytest.mark.go

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "manual-instrumentation.md"
EXAMPLES = DOCS / "examples/manual"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Service:
    """The examples as a running process, and the collector beside it."""

    def __init__(self, program: Path, log: Path) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.collector = Collector(listener)
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{listener.getsockname()[1]}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        self._log = log
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(
                (str(program),), env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        assert self.process.stdout is not None
        _, self.web, _, self.lines = self.process.stdout.readline().split()

    def ask(self, line: str) -> tuple[int, str]:
        """Make one request, such as "GET /orders/7"; return the status and what was answered."""
        method, path = line.split()
        request = urllib.request.Request(f"http://{self.web}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def say(self, line: str) -> str:
        """Ask the server that is not net/http's."""
        host, port = self.lines.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(line.encode() + b"\n")
            return connection.makefile().readline().strip()

    def end(self) -> tuple[Span, ...]:
        """Stop it, which flushes the spans; return all that came."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(10) == 0, self.errors()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.collector.close()
        return self.collector.spans

    def errors(self) -> str:
        return self._log.read_text()


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The examples as programs."""

    plain: Path
    woven: Path


def weave(source: Path, place: Path) -> Path:
    """Build a service by Seatrial, and return the program out of its image."""
    done = Seatrial()("build", str(source), "--no-trial", "--base", "scratch", "-o", str(place / "image"))
    assert done.code == 0, done.stderr
    for blob in (place / "image/blobs/sha256").iterdir():
        if blob.read_bytes()[:2] == b"\x1f\x8b":
            with tarfile.open(blob) as layer:
                if "server" in layer.getnames():
                    layer.extract("server", place, filter="data")
    return place / "server"


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Both, from the same files; the plain one by Go alone."""
    place = tmp_path_factory.mktemp("manual")
    source = shutil.copytree(EXAMPLES, place / "examples")
    environment = {**os.environ, "GOFLAGS": "-buildvcs=false", "GOWORK": "off", "GOPROXY": "off"}
    for words in (("vet", "."), ("build", "-o", str(place / "plain"), ".")):
        subprocess.run(("go", *words), cwd=source, env=environment, check=True, timeout=600)
    return Programs(plain=place / "plain", woven=weave(source, place))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[Path], Service]]:
    """Start a program, which is ended with the test."""
    started: list[Service] = []

    def begin(program: Path) -> Service:
        started.append(Service(program, tmp_path / "log"))
        return started[-1]

    yield begin
    for service in started:
        service.process.kill()
        service.process.wait(10)


Run = Callable[[Path], Service]


def named(spans: tuple[Span, ...], name: str) -> Span:
    """Return the one span of this name."""
    (found,) = (span for span in spans if span.name == name)
    return found


def wait_for(service: Service, name: str) -> None:
    """Wait for a span that is made on its own time."""
    assert service.collector.wait(lambda spans: any(span.name == name for span in spans), 10), name


def test_each_block_is_what_was_compiled() -> None:
    blocks = re.findall(r"^```go\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    files = {path.name: path.read_text() for path in EXAMPLES.glob("*.go")}
    shown = set()
    for block in blocks:
        (name,) = (name for name, text in files.items() if block in text)
        shown.add(name)
    assert shown == set(files) - {"main.go", "shapes.go"}


def test_plain_the_comments_do_nothing(programs: Programs, run: Run) -> None:
    service = run(programs.plain)
    assert service.ask("GET /orders/7") == (200, "900\n")
    assert service.ask("GET /orders/0") == (404, "no such order\n")
    assert service.ask("POST /orders?id=7")[0] == 202
    assert service.ask("GET /log")[0] == 204
    assert service.say("PRICE 7") == "900"
    assert service.end() == ()
    assert "trace_id=\n" in service.errors()
    version = subprocess.run(
        ("go", "version", "-m", str(programs.plain)), capture_output=True, text=True, check=True
    )
    assert "\tdep\t" not in version.stdout
    assert b"seatrial.dev" not in programs.plain.read_bytes()


def test_span_around_a_function_with_attributes_and_its_error(programs: Programs, run: Run) -> None:
    service = run(programs.woven)
    assert service.ask("GET /orders/7") == (200, "900\n")
    assert service.ask("GET /orders/0") == (404, "no such order\n")
    spans = service.end()
    servers = [span for span in spans if span.kind == "server"]
    good, bad = (span for span in spans if span.name == "price")
    assert [good.parent_id, bad.parent_id] == [span.span_id for span in servers]
    assert good.kind == "internal"
    assert dict(good.attributes) == {"order.lines": "2", "order.id": "7"}
    assert dict(servers[0].attributes)["order.total_cents"] == "900"
    assert (bad.status, dict(bad.attributes)) == ("error", {"error.type": "*errors.errorString"})
    assert (good.status, servers[1].status) == ("unset", "unset")


def test_job_begins_a_trace_of_its_own(programs: Programs, run: Run) -> None:
    service = run(programs.woven)
    service.ask("POST /expire")
    wait_for(service, "expire carts")
    spans = service.end()
    job, step = named(spans, "expire carts"), named(spans, "removeCarts")
    assert not job.parent_id
    assert dict(job.attributes) == {"job.name": "carts"}
    assert (step.parent_id, step.trace_id) == (job.span_id, job.trace_id)
    assert named(spans, "POST /expire").trace_id != job.trace_id


def test_trace_goes_over_a_queue(programs: Programs, run: Run) -> None:
    service = run(programs.woven)
    service.ask("POST /orders?id=7")
    wait_for(service, "process orders")
    spans = service.end()
    asked, sent, worked = (named(spans, name) for name in ("POST /orders", "send orders", "process orders"))
    assert [sent.parent_id, worked.parent_id] == [asked.span_id, sent.span_id]
    assert {asked.trace_id} == {sent.trace_id, worked.trace_id}
    assert (sent.kind, worked.kind) == ("producer", "consumer")
    assert dict(worked.attributes) == {"messaging.destination.name": "orders", "order.id": "7"}


def test_goroutine_that_outlives_its_request(programs: Programs, run: Run) -> None:
    service = run(programs.woven)
    service.ask("GET /audited")
    wait_for(service, "audit")
    spans = service.end()
    request, late = named(spans, "GET /audited"), named(spans, "audit")
    assert late.parent_id == request.span_id
    assert late.end_ns > request.end_ns
    assert dict(late.attributes) == {"audit.path": "/audited"}


def test_what_is_skipped_leaves_no_span(programs: Programs, run: Run) -> None:
    service = run(programs.woven)
    for _ in range(3):
        assert service.ask("GET /ping")[0] == 204
    assert service.ask("GET /warm")[0] == 204
    assert service.ask("GET /orders/7")[0] == 200
    assert [span.name for span in service.end()] == ["GET /warm", "price", "GET /orders/{id}"]


def test_logger_that_is_not_woven_can_name_the_trace(programs: Programs, run: Run) -> None:
    service = run(programs.woven)
    service.ask("GET /log")
    assert f"trace_id={named(service.end(), 'GET /log').trace_id}\n" in service.errors()


def test_server_that_is_not_net_http(programs: Programs, run: Run) -> None:
    service = run(programs.woven)
    assert service.say(f"PRICE 7 {PARENT}") == "900"
    assert service.say("PRICE 0") == "unknown"
    spans = service.end()
    first, second = (span for span in spans if span.name == "PRICE")
    assert first.kind == "server"
    assert f"00-{first.trace_id}-{first.parent_id}-01" == PARENT
    assert [span.parent_id for span in spans if span.name == "price"] == [first.span_id, second.span_id]
    assert not second.parent_id


def test_functions_of_every_shape(programs: Programs, run: Run) -> None:
    service = run(programs.woven)
    assert service.ask("GET /shapes")[0] == 204
    spans = service.end()
    parents = {span.span_id: span.name for span in spans}
    found = [(span.name, parents.get(span.parent_id), span.status) for span in spans]
    steps = (("a method", "unset"), ("generic", "unset"), ("generic", "error"), ("late error", "error"))
    assert found == [
        *((name, "literal", status) for name, status in steps),
        ("bare", "literal", "unset"),
        ("literal", "GET /shapes", "unset"),
        ("panicked", "spawned", "unset"),
        ("spawned", "GET /shapes", "unset"),
        ("GET /shapes", None, "unset"),
    ]
    assert dict(named(spans, "a method").attributes) == {"shop.kind": "corner shop"}


@pytest.mark.parametrize(
    ("directive", "words"),
    [
        ("//seatrial:span kind:batch\nfunc work() {}", "No_such_kind_as_batch_of_work"),
        (
            "//seatrial:attribute\nfunc work() {}",
            "//seatrial:attribute above func(ctx context.Context, key string, value any)",
        ),
    ],
)
def test_directive_that_cannot_be_stops_the_build(directive: str, words: str, tmp_path: Path) -> None:
    main = f"package main\n\nfunc main() {{ work() }}\n\n{directive}\n"
    root = write_service(tmp_path / "svc", {"main.go": main})
    done = Seatrial()("build", str(root), "--no-trial", "--base", "scratch", "-o", str(tmp_path / "o"))
    assert done.code == 3
    assert words in done.stderr
    assert not (tmp_path / "o").exists()
