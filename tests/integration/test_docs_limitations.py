"""docs/limitations.md: what it says of weaving, seen; and each row names a test that is there."""

from __future__ import annotations

import ast
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import seatrial
from builds import Seatrial, write_service
from engines import PROJECTS
from woven_service import Run, named, wait_for, weave

ROOT = Path(__file__).parents[2]
VENDORED = "## workspace\n# example.com/x v1.0.0\n## explicit; go 1.24\nexample.com/x\n"
PAGE = ROOT / "docs/limitations.md"
_ROW = re.compile(r"^\| (?P<limit>[^|]+) \| (?P<shows>[^|]+) \| (?P<held>[^|]+) \|$", re.MULTILINE)
ROWS = [found.groupdict() for found in _ROW.finditer(PAGE.read_text())][1:]


@pytest.fixture(scope="session")
def limits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service that does what the page says, woven."""
    place = tmp_path_factory.mktemp("limits")
    return weave(shutil.copytree(PROJECTS / "limits-service", place / "service"), place)


@pytest.mark.go
def test_goroutine_that_is_given_nothing_begins_a_trace(limits: Path, run: Run) -> None:
    service = run(limits)
    service.ask("GET /found")
    service.ask("GET /lost")
    spans = service.end()
    traces = {span.name: span.trace_id for span in spans if span.kind == "server" and "slow" not in span.name}
    clients = [span.trace_id for span in spans if span.kind == "client"]
    assert len(clients) == 2
    assert clients[0] == traces["GET /found"]
    assert clients[1] != traces["GET /lost"]


@pytest.mark.go
def test_client_span_ends_at_the_header(limits: Path, run: Run) -> None:
    service = run(limits)
    service.ask("GET /found")
    spans = service.end()
    server = named(spans, "GET /slow")
    (client,) = (span for span in spans if span.kind == "client")
    assert server.end_ns - server.start_ns > 300e6
    assert client.end_ns - client.start_ns < 200e6


@pytest.mark.go
def test_other_loggers_get_no_ids_and_groups_hold_them(limits: Path, run: Run) -> None:
    service = run(limits)
    service.ask("GET /log")
    (span,) = service.end()
    own, plain, grouped = service.errors().splitlines()
    assert own == "by a logger of its own"
    assert f'"msg":"plain","trace_id":"{span.trace_id}"' in plain
    assert f'"msg":"grouped","order":{{"trace_id":"{span.trace_id}"' in grouped


@pytest.mark.go
def test_server_past_net_http_makes_no_span(limits: Path, run: Run) -> None:
    service = run(limits)
    assert service.say("hello") == "hello"
    assert service.end() == ()


@pytest.mark.go
def test_grpc_exporter_is_one_line_and_no_export(limits: Path, run: Run) -> None:
    service = run(limits, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    for _ in range(3):
        service.ask("GET /slow")
    assert service.end() == ()
    assert not service.collector.has_been_called
    (line,) = service.errors().splitlines()
    assert "OTLP over gRPC is not built in" in line


@pytest.mark.go
def test_killed_process_loses_what_it_did_not_send(limits: Path, run: Run) -> None:
    service = run(limits, OTEL_BSP_SCHEDULE_DELAY="60000")
    service.ask("GET /slow")
    service.process.send_signal(signal.SIGKILL)
    service.process.wait(10)
    assert service.collector.spans == ()


@pytest.mark.go
def test_panic_of_another_goroutine_loses_what_was_not_sent(limits: Path, run: Run) -> None:
    service = run(limits, OTEL_BSP_SCHEDULE_DELAY="60000")
    service.ask("GET /slow")
    with pytest.raises(OSError, match=r"closed|reset"):
        service.ask("POST /panic")
    assert service.process.wait(10) == 2
    assert service.collector.spans == ()


@pytest.mark.go
def test_spans_are_sent_soon_without_an_end(limits: Path, run: Run) -> None:
    """The two above lose a span for the end's sake, and not because none comes."""
    service = run(limits)
    service.ask("GET /slow")
    wait_for(service, "GET /slow")


@pytest.mark.go
def test_service_that_stops_handling_sigterm_ends_as_it_wants(limits: Path, run: Run) -> None:
    """Whether somebody handles a signal is decided when it comes, not when the weaving gets to it."""
    services = [run(limits, STOPS_AT_ONCE="1", GOMAXPROCS="2") for _ in range(2)]
    for _ in range(5):
        for service in services:
            service.end()
        services = [run(limits, STOPS_AT_ONCE="1", GOMAXPROCS="2") for _ in range(2)]


@pytest.mark.go
def test_c_code_for_another_machine_is_refused_with_its_package(tmp_path: Path) -> None:
    main = 'package main\n\n// int seven() { return 7; }\nimport "C"\n\nfunc main() { println(C.seven()) }\n'
    root = write_service(tmp_path / "svc", {"main.go": main})
    words = ("--platform", "linux/arm64", "--base", "scratch", "--no-trial", "-o", str(tmp_path / "o"))
    done = Seatrial()("build", str(root), *words, CGO_ENABLED="1")
    assert done.code == 4
    assert "C code cannot be cross-compiled here: example.com/svc" in done.stderr
    assert "CGO_ENABLED=0" in done.stderr


@pytest.mark.go
def test_vendored_workspace_is_built_from_and_woven(tmp_path: Path) -> None:
    """The vendored module exists nowhere else: only the workspace's vendor/ can have been used."""
    root = write_service(
        tmp_path / "ws",
        {
            "go.mod": "module example.com/svc\n\ngo 1.24\n\nrequire example.com/x v1.0.0\n",
            "main.go": 'package main\n\nimport "example.com/x"\n\nfunc main() { println(x.X) }\n',
            "go.work": "go 1.24\n\nuse .\n",
            "vendor/example.com/x/x.go": "package x\n\nconst X = 1\n",
            "vendor/modules.txt": VENDORED,
        },
    )
    program = weave(root, tmp_path)
    assert b"seatrial.dev/weave/stamp@1 orchestrion=" in program.read_bytes()
    version = subprocess.run(
        ("go", "version", "-m", str(program)), capture_output=True, text=True, check=True
    )
    assert "\tdep\texample.com/x\tv1.0.0" in version.stdout


def test_nothing_is_synced() -> None:
    calls = {
        node.attr
        for path in Path(seatrial.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    assert "replace" in calls
    assert not {"fsync", "fdatasync", "sync", "syncfs"} & calls


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["limit"][:40])
def test_row_names_tests_or_a_command_that_are_there(row: dict[str, str]) -> None:
    named_tests = re.findall(r"`([^`]+)`", row["held"])
    assert named_tests, row["limit"]
    for name in named_tests:
        file, _, function = name.partition("::")
        if not function:
            assert name.startswith(("go test -bench", "seatrial build", "seatrial trial")), name
            continue
        (path,) = (path for path in _sources(file) if path.as_posix().endswith(f"/{file}"))
        assert re.search(rf"^(def|func) {function}\(", path.read_text(), re.MULTILINE), name


def _sources(file: str) -> list[Path]:
    place = "src/seatrial/instrument/aspects" if file.endswith(".go") else "tests"
    return list((ROOT / place).rglob(Path(file).name))


def test_the_page_is_read_at_all() -> None:
    table = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    assert len(ROWS) == len(table) - 1  # without its head
    assert len(ROWS) > 25
