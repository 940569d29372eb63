"""docs/manual-instrumentation.md: its examples, plain and woven, by what a real collector gets of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from builds import Seatrial, write_service
from woven_service import Run, named, wait_for, weave

pytestmark = pytest.mark.go

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "manual-instrumentation.md"
EXAMPLES = DOCS / "examples/manual"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The examples as programs."""

    plain: Path
    woven: Path


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """Both, from the same files; the plain one by Go alone."""
    place = tmp_path_factory.mktemp("manual")
    source = shutil.copytree(EXAMPLES, place / "examples")
    environment = {**os.environ, "GOFLAGS": "-buildvcs=false", "GOWORK": "off", "GOPROXY": "off"}
    for words in (("vet", "./..."), ("build", "-o", str(place / "plain"), ".")):
        subprocess.run(("go", *words), cwd=source, env=environment, check=True, timeout=600)
    return Programs(plain=place / "plain", woven=weave(source, place))


def test_each_block_is_what_was_compiled() -> None:
    blocks = re.findall(r"^```go\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    files = {path.name: path.read_text() for path in EXAMPLES.glob("*.go")}
    shown = set()
    for block in blocks:
        (name,) = (name for name, text in files.items() if block in text)
        shown.add(name)
    assert shown == set(files) - {"main.go"}


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
    # Each answers within its span, which ends after that.
    assert service.collector.wait(lambda spans: sum(span.name == "PRICE" for span in spans) == 2, 10)
    spans = service.end()
    servers = [span for span in spans if span.name == "PRICE"]
    assert {span.kind for span in servers} == {"server"}
    continued, begun = sorted(servers, key=lambda span: span.parent_id, reverse=True)
    assert f"00-{continued.trace_id}-{continued.parent_id}-01" == PARENT
    assert not begun.parent_id
    steps = {(span.trace_id, span.parent_id) for span in spans if span.name == "price"}
    assert steps == {(span.trace_id, span.span_id) for span in servers}


def test_functions_of_every_shape(programs: Programs, run: Run) -> None:
    service = run(programs.woven)
    assert service.ask("GET /shapes")[0] == 204
    wait_for(service, "spawned")  # its goroutine may end after the request
    spans = service.end()
    parents = {span.span_id: span.name for span in spans}
    found = [(span.name, parents.get(span.parent_id, "nothing"), span.status) for span in spans]
    steps = (("a method", "unset"), ("generic", "unset"), ("generic", "error"), ("late error", "error"))
    assert sorted(found) == sorted(
        (
            *((name, "literal", status) for name, status in steps),
            ("bare", "literal", "unset"),
            ("boxed", "literal", "unset"),
            ("literal", "GET /shapes", "unset"),
            ("panicked", "spawned", "unset"),
            ("spawned", "GET /shapes", "unset"),
            ("GET /shapes", "nothing", "unset"),
        )
    )
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
