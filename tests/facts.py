"""Facts of a good image and a good trial, to be changed one at a time."""

from __future__ import annotations

from seatrial.model.facts import (
    ElfFacts,
    Exchange,
    GoFacts,
    GoModule,
    PathFact,
    Probe,
    ProcessFacts,
    RunningFacts,
    Shutdown,
    Span,
    StaticFacts,
    Variation,
)
from seatrial.model.verdict import Expectations

EXPECTED = Expectations(
    size_limit_bytes=50_000_000,
    is_woven=True,
    has_spans=True,
    has_database=True,
    has_healthcheck=True,
    today="2026-11-24",
)
TRACE = "0af7651916cd43dd8448eb211c80319c"


def path(name: str, kind: str = "file", mode: int = 0o644, uid: int = 0, size_bytes: int = 0) -> PathFact:
    """Return one path of an image."""
    return PathFact(
        path=name, kind=kind, mode=mode, uid=uid, gid=uid, size_bytes=size_bytes, link_target="", layer=0
    )


def settings(**changes: object) -> dict[str, object]:
    """Return an image configuration; a value of None leaves the key out."""
    process: dict[str, object] = {
        "User": "65532:65532",
        "Entrypoint": ["/server"],
        "Healthcheck": {"Test": ["CMD", "/server", "--health-check"], "StartPeriod": 10_000_000_000},
    }
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-11-20T12:00:00Z",
        "history": [{"created_by": "base"}, {"created_by": "service"}],
        "config": {key: value for key, value in (process | changes).items() if value is not None},
    }


LABELS = (
    ("org.opencontainers.image.revision", "0123456789abcdef"),
    ("org.opencontainers.image.version", "v1.2.3"),
)
ELF = ElfFacts(
    machine="amd64",
    interpreter="",
    needed=(),
    has_symbol_table=False,
    is_pie=True,
    relro="none",
    has_executable_stack=False,
)
GO = GoFacts(
    go_version="go1.26.8",
    main_path="example.com/orders",
    main_module=GoModule(path="example.com/orders", version="(devel)"),
    modules=(),
    settings=(),
    hidden_modules=(),
    weaver="v1.15.0",
    has_woven_statements=True,
)
STATIC = StaticFacts(
    digest="sha256:" + "0" * 64,
    config=settings(),
    annotations=LABELS,
    layer_sizes_bytes=(10, 20),
    content_bytes=20_000_000,
    compressed_bytes=8_000_000,
    paths=(path("server", mode=0o755, size_bytes=20_000_000), path("tmp", "directory", 0o1777)),
    executable="/server",
    elf=ELF,
    go=GO,
    os_release=(("ID", "debian"), ("VERSION_ID", "13"), ("PRETTY_NAME", "Debian GNU/Linux 13 (trixie)")),
    platform="linux/amd64",
    users=(("root", 0), ("nonroot", 65532)),
    health_program="/server",
)


def span(kind: str = "server", span_id: str = "01", parent_id: str = "", **attributes: str) -> Span:
    """Return a span of the driven request's trace."""
    return Span(
        trace_id=TRACE,
        span_id=span_id,
        parent_id=parent_id,
        name="GET /orders" if kind == "server" else "SELECT",
        kind=kind,
        start_ns=1,
        end_ns=2,
        scope="",
        attributes=tuple((key.replace("_", "."), value) for key, value in attributes.items()),
        status="unset",
    )


def variation(name: str, status: int = 200, ended_early: int | None = None, note: str = "") -> Variation:
    """Return one more run of the service."""
    return Variation(
        name=name, was_tried=True, status=status, ended_early=ended_early, elapsed_ms=30.0, note=note
    )


EXCHANGE = Exchange(method="GET", path="/orders", status=200, elapsed_ms=1.0, trace_id=TRACE)
RUNNING = RunningFacts(
    engine="bubblewrap 0.11.0 (root)",
    limits=(),
    time_to_listen_ms=20.0,
    listening=(8080,),
    process=ProcessFacts(
        uid=65532,
        gid=65532,
        effective_capabilities=0,
        has_no_new_privileges=True,
        seccomp_mode=2,
        rss_bytes=9_000_000,
    ),
    exchanges=(EXCHANGE,),
    spans=(span(), span("client", "02", "01", db_system="postgresql")),
    probes=(
        Probe(situation="up", exit_code=0, elapsed_ms=5.0, output="healthy"),
        Probe(situation="database stopped", exit_code=1, elapsed_ms=5.0, output="unhealthy"),
        Probe(situation="database back", exit_code=0, elapsed_ms=5.0, output="healthy"),
        Probe(situation="redis stopped", exit_code=1, elapsed_ms=5.0, output="unhealthy"),
    ),
    has_health_flag=True,
    services=("postgres",),
    log_lines=(f'{{"level":"INFO","msg":"listed","trace_id":"{TRACE}"}}',),
    shutdown=Shutdown(exit_code=0, elapsed_ms=4.0, in_flight=3, finished=3, has_flushed=True),
    ended_early=None,
    is_reachable=True,
    time_to_healthy_ms=40.0,
    health_start_ms=10_000.0,
    variations=(
        variation("no collector"),
        variation("writable root"),
        variation("limited memory", note="128 MiB"),
        variation("no database", 503, note="without postgres, redis"),
    ),
    writes=(),
)
