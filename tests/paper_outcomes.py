"""Outcomes for the papers: one that passes, one that is stopped, and one full of hostile text."""

from __future__ import annotations

from dataclasses import replace

from facts import EXCHANGE, EXPECTED, GO, RUNNING, STATIC, TRACE, path, settings
from seatrial.model.facts import (
    Exchange,
    Facts,
    GoModule,
    LayerFact,
    PackageFact,
    PathFact,
    Probe,
    ProcessFacts,
    Shutdown,
    Span,
    Variation,
)
from seatrial.model.outcome import TrialOutcome
from seatrial.model.verdict import Severity, State, Verdict
from seatrial.verify import judge

FACTS = Facts(static=STATIC, running=RUNNING)
GOOD = TrialOutcome(image="orders:1.4.2", facts=FACTS, verdicts=judge(FACTS, EXPECTED))

HOSTILE = "<script>alert(1)</script>|`*_[x](http://x)\x00\x1b[31m\u202e\ud800 & \"'\n]]>"
FAILED = Verdict(
    id="image.user",
    state=State.FAIL,
    severity=Severity.HIGH,
    reason="the image names no user",
    fix="set USER 65532:65532",
    reference="CIS Docker 4.1",
)
UNKNOWN = replace(FAILED, id="trial.spans", state=State.UNKNOWN, reason="no request was answered", fix="")
TOLD = replace(FAILED, id="binary.stripped", severity=Severity.INFO, reason="has a symbol table")
UNSEEN = replace(TOLD, id="trial.health-down", state=State.UNKNOWN, reason="no database was seen")
HELD = replace(FAILED, id="image.size", state=State.PASS, reason="3 bytes", fix="")
STOPPED = TrialOutcome(
    image="registry.example.com:5000/orders:1.4.2",
    facts=FACTS,
    verdicts=(HELD, UNSEEN, TOLD, UNKNOWN, FAILED),
    notes=("not started",),
)
ATTACK = TrialOutcome(
    image=HOSTILE,
    facts=Facts(static=STATIC, running=replace(RUNNING, engine=HOSTILE, log_lines=(HOSTILE,))),
    verdicts=(replace(FAILED, reason=HOSTILE, fix=HOSTILE, reference=HOSTILE),),
    notes=(HOSTILE,),
)
NOTHING = TrialOutcome(image="", facts=None, verdicts=())


def _span(number: int, parent: int, name: str, start_us: int, end_us: int, *, status: str = "unset") -> Span:
    return Span(
        trace_id=TRACE,
        span_id=f"{number:016x}",
        parent_id=f"{parent:016x}" if parent else "00f067aa0ba902b7",
        name=name,
        kind="client" if parent else "server",
        start_ns=1_000_000_000 + start_us * 1000,
        end_ns=1_000_000_000 + end_us * 1000,
        scope="seatrial.dev/weave/sql" if parent else "seatrial.dev/weave/http",
        attributes=(("db.system.name", "postgresql"), ("db.query.text", f"{name} …")) if parent else (),
        status=status,
        status_message="duplicate key" if status == "error" else "",
    )


def _layer_paths(layer: int, *files: tuple[str, int]) -> tuple[PathFact, ...]:
    return tuple(replace(path(name, size_bytes=size), layer=layer) for name, size in files)


# As full as facts come: what a page has to show.
RICH_FACTS = Facts(
    static=replace(
        STATIC,
        config={**settings(), "os": "linux", "architecture": "amd64"},
        annotations=(("org.opencontainers.image.title", "orders"),),
        layer_sizes_bytes=(1_900_000, 5_400_000, 120_000),
        content_bytes=17_700_000,
        compressed_bytes=7_420_000,
        layers=(
            LayerFact(
                digest="sha256:" + "a1" * 32,
                diff_id="sha256:" + "b2" * 32,
                media_type="application/vnd.oci.image.layer.v1.tar+gzip",
                size_bytes=1_900_000,
                content_bytes=4_000_000,
                created_by="seatrial base debian-13",
            ),
            LayerFact(
                digest="sha256:" + "c3" * 32,
                diff_id="sha256:" + "d4" * 32,
                media_type="application/vnd.oci.image.layer.v1.tar+gzip",
                size_bytes=5_400_000,
                content_bytes=15_600_000,
                created_by="seatrial service",
            ),
            LayerFact(
                digest="sha256:" + "e5" * 32,
                diff_id="sha256:" + "f6" * 32,
                media_type="application/vnd.oci.image.layer.v1.tar+gzip",
                size_bytes=120_000,
                content_bytes=900_000,
                created_by="COPY migrations /migrations",
            ),
        ),
        paths=(
            *_layer_paths(0, ("usr/share/zoneinfo/tzdata.zi", 1_800_000), ("etc/ssl/certs/ca.crt", 230_000)),
            *_layer_paths(0, ("usr/lib/os-release", 400), ("var/lib/dpkg/status.d/tzdata", 800)),
            *_layer_paths(1, ("server", 15_600_000)),
            *_layer_paths(2, ("migrations/0001.sql", 400_000), ("migrations/0002.sql", 500_000)),
        ),
        packages=(
            PackageFact(kind="deb", name="tzdata", version="2026b-0+deb13u1", installed_bytes=1_790_000),
            PackageFact(kind="deb", name="ca-certificates", version="20250419", installed_bytes=229_000),
        ),
        os_release=(("PRETTY_NAME", "Distroless Debian GNU/Linux 13 (trixie)"), ("ID", "debian")),
        go=replace(
            GO,
            modules=(
                GoModule(path="modernc.org/sqlite", version="v1.53.0", sum="h1:x"),
                GoModule(path="github.com/jackc/pgx/v5", version="v5.10.0", replaced_by="../pgx "),
                GoModule(path="modernc.org/libc", version="v1.74.1"),
            ),
            hidden_modules=(GoModule(path="seatrial.dev/weave", version="v0.1.0"),),
            settings=(("-trimpath", "true"), ("CGO_ENABLED", "0"), ("vcs.revision", "e285c7c" + "0" * 33)),
            code_bytes=(
                ("modernc.org/sqlite/lib", 3_400_000),
                ("modernc.org/libc", 900_000),
                ("runtime", 800_000),
                ("net/http", 700_000),
                ("crypto/tls", 500_000),
                ("github.com/jackc/pgx/v5/pgtype", 450_000),
                ("", 300_000),
                ("seatrial.dev/weave/http", 120_000),
                ("main", 60_000),
                ("example.com/orders/store", 24_000),
            ),
        ),
    ),
    running=replace(
        RUNNING,
        limits=("no /sys, and no network but the loopback",),
        time_to_listen_ms=46.2,
        time_to_healthy_ms=81.0,
        timeline=(
            ("unpacked", 28.4),
            ("started", 33.0),
            ("listening", 79.2),
            ("first answer", 84.0),
            ("healthy", 114.0),
        ),
        exchanges=(
            replace(EXCHANGE, method="POST", status=201, elapsed_ms=3.2),
            Exchange(method="GET", path="/orders/1", status=200, elapsed_ms=1.6, trace_id="9" * 32),
        ),
        spans=(
            _span(1, 0, "POST /orders", 0, 3000),
            _span(2, 1, "BEGIN", 150, 280),
            _span(3, 1, "INSERT orders", 300, 900),
            _span(4, 1, "INSERT order_items", 950, 1600, status="error"),
            _span(5, 4, "SELECT order_items", 1000, 1200),
            _span(6, 1, "COMMIT", 1700, 2900),
        ),
        probes=(
            Probe(situation="up", exit_code=0, elapsed_ms=32.0, output="healthy: postgres 0.4ms"),
            Probe(situation="database stopped", exit_code=1, elapsed_ms=30.0, output="unhealthy: postgres"),
            Probe(situation="database back", exit_code=0, elapsed_ms=33.0, output="healthy"),
        ),
        process=ProcessFacts(
            uid=65532,
            gid=65532,
            effective_capabilities=0,
            has_no_new_privileges=True,
            seccomp_mode=2,
            rss_bytes=21_300_000,
            threads=9,
            open_files=("/data/orders.db",),
            sockets=("tcp 0.0.0.0:8080 listening", "unix @seatrial-health"),
        ),
        variations=(
            Variation(name="no collector", was_tried=True, status=200, ended_early=None, elapsed_ms=90.0),
            Variation(name="no database", was_tried=True, status=0, ended_early=1, elapsed_ms=40.0),
            Variation(
                name="limited memory",
                was_tried=False,
                status=0,
                ended_early=None,
                elapsed_ms=0.0,
                note="no memory controller here",
            ),
        ),
        writes=("/data/orders.db",),
        log_lines=tuple(f'{{"level":"INFO","msg":"listed","n":{number}}}' for number in range(30)),
        shutdown=Shutdown(exit_code=0, elapsed_ms=6.0, in_flight=4, finished=4, has_flushed=True),
    ),
)
PRINTED = replace(
    FAILED,
    id="trial.starts",
    reason="the service ended before it listened, with exit code 1. Its last lines:\n  panic\n  main.go:7",
    fix='it looks for a database; give it one in seatrial.toml:\n[trial]\nservices = ["postgres"]',
)
RICH = TrialOutcome(
    image="registry.example.com/shop/orders:1.4.2",
    facts=RICH_FACTS,
    verdicts=(*judge(RICH_FACTS, EXPECTED), FAILED, UNKNOWN, TOLD, UNSEEN, PRINTED),
    notes=("settings from seatrial.toml",),
)
EVERY = (GOOD, RICH, STOPPED, ATTACK, NOTHING)
