"""The main job on the reference service: woven, run, probed with its database up and gone, and loaded."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from builds import ORDERS, SERVER, Run, Seatrial, commit_all, git, own_cache, write_service
from engines import DockerEngine

pytestmark = pytest.mark.go

ITEM = '{"sku": "tea", "quantity": 2, "unit_price_cents": 450}'
ORDER = f'{{"reference": "A-1", "customer": "Ada", "currency": "EUR", "items": [{ITEM}]}}'
REQUESTS = f"[trial]\nrequests = ['POST /orders {ORDER}', 'GET /orders']\n"


@pytest.fixture(scope="session")
def orders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    """The reference service, built once from a copy that is a repository of its own."""
    place = tmp_path_factory.mktemp("orders")
    root = shutil.copytree(ORDERS, place / "orders", ignore=shutil.ignore_patterns("seatrial.toml"))
    commit_all(root)
    git(root, "tag", "v1.4.2")
    (place / "trial.toml").write_text(REQUESTS)
    words = (
        "--config",
        str(place / "trial.toml"),
        "-o",
        str(place / "image"),
        "-o",
        str(place / "orders.tar"),
    )
    done = Seatrial()("build", str(root), *words, "--json")
    assert git(root, "status", "--porcelain", "--ignored") == ""
    return done, place


def verdicts(run: Run) -> dict[str, str]:
    found = run.json["verdicts"]
    assert isinstance(found, list)
    return {verdict["id"]: verdict["state"] for verdict in found}


def spans(run: Run) -> list[dict[str, str]]:
    """Return the spans, each with its attributes beside its own fields."""
    found = run.at("trial", "spans")
    assert isinstance(found, list)
    return [{**span, **dict(span["attributes"])} for span in found]


def test_every_verdict_that_counts_passes(orders: tuple[Run, Path]) -> None:
    run, _ = orders
    assert run.code == 0, run.stderr
    states = verdicts(run)
    found = run.json["verdicts"]
    assert isinstance(found, list)
    others = {one["id"]: one["severity"] for one in found if one["state"] != "pass"}
    assert set(others.values()) <= {"info"}, others
    # No other service beside it; a program that is not PIE; nobody said what day it is.
    assert len(others) < 8
    assert {name for name in others if name.startswith("trial.")} <= {
        "trial.health-services",
        "trial.no-database",
    }
    assert {"binary.woven", "trial.spans", "trial.sql-spans", "trial.health-down"} <= set(states)


def test_image_says_where_it_comes_from(orders: tuple[Run, Path]) -> None:
    run, place = orders
    assert run.at("image", "reference") == "orders:1.4.2"
    index = json.loads((place / "image" / "index.json").read_bytes())
    manifest = json.loads(blob(place, index["manifests"][0]["digest"]))
    assert index["manifests"][0]["digest"] == run.at("image", "digest")
    annotations = manifest["annotations"]
    assert annotations["org.opencontainers.image.version"] == "1.4.2"
    assert len(annotations["org.opencontainers.image.revision"]) == 40
    assert annotations["org.opencontainers.image.created"] == "2026-01-02T03:04:05Z"
    config = json.loads(blob(place, manifest["config"]["digest"]))
    assert config["created"] == "2026-01-02T03:04:05Z"
    assert config["config"]["Entrypoint"] == ["/server"]
    assert config["config"]["User"] == "65532:65532"
    assert config["config"]["Healthcheck"]["Test"] == ["CMD", "/server", "--health-check"]
    assert config["config"]["Healthcheck"]["StartPeriod"] == 10_000_000_000


def blob(place: Path, digest: str) -> bytes:
    return (place / "image" / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()


def test_request_is_one_trace_from_the_callers_span_to_the_statements(orders: tuple[Run, Path]) -> None:
    run, _ = orders
    servers = {span["name"]: span for span in spans(run) if span["kind"] == "server"}
    assert {"POST /orders", "GET /orders"} <= set(servers)
    parent = servers["POST /orders"]
    children = [span for span in spans(run) if span["parent_id"] == parent["span_id"]]
    assert {"INSERT orders", "INSERT order_items"} <= {span["name"] for span in children}
    assert {span["trace_id"] for span in children} == {parent["trace_id"]}
    exchanges = run.at("trial", "exchanges")
    assert isinstance(exchanges, list)
    assert parent["trace_id"] == exchanges[0]["trace_id"]


def test_statements_hold_no_values_and_log_lines_hold_the_trace(orders: tuple[Run, Path]) -> None:
    run, _ = orders
    texts = [span.get("db.query.text", "") for span in spans(run)]
    assert any("INSERT INTO orders" in text for text in texts)
    assert not any("Ada" in text for text in texts)
    lines = run.at("trial", "log_lines")
    assert isinstance(lines, list)
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    traced = {line["trace_id"] for line in logged if "trace_id" in line}
    assert {span["trace_id"] for span in spans(run) if span["name"] == "GET /orders"} <= traced


def test_health_is_probed_with_the_database_up_and_gone(orders: tuple[Run, Path]) -> None:
    run, _ = orders
    probes = run.at("trial", "probes")
    assert isinstance(probes, list)
    assert [(probe["situation"], probe["exit_code"]) for probe in probes] == [
        ("up", 0),
        ("database stopped", 1),
        ("database back", 0),
    ]
    assert "database file is gone" in probes[1]["output"]


def test_real_postgresql_up_and_stopped(orders: tuple[Run, Path], seatrial: Seatrial) -> None:
    _, place = orders
    (place / "postgres.toml").write_text(REQUESTS + 'services = ["postgres"]\n')
    words = ("--config", str(place / "postgres.toml"), "-o", str(place / "postgres"), "--json")
    run = seatrial("build", str(place / "orders"), *words)
    assert run.code == 0, run.stderr
    probes = run.at("trial", "probes")
    assert isinstance(probes, list)
    assert [(probe["situation"], probe["exit_code"]) for probe in probes] == [
        ("up", 0),
        ("database stopped", 1),
        ("database back", 0),
    ]
    assert "postgresql" in {span.get("db.system.name") for span in spans(run)}


@pytest.mark.engine
def test_docker_runs_the_tar_hardened_and_sees_it_healthy(
    orders: tuple[Run, Path], docker_engine: DockerEngine
) -> None:
    _, place = orders
    assert "orders:1.4.2" in docker_engine.docker("load", "-i", str(place / "orders.tar"))
    hardened = (
        "--read-only",
        "--cap-drop",
        "ALL",
        "--security-opt",
        "no-new-privileges",
        "--network",
        "none",
    )
    name = docker_engine.docker(
        "run", "-d", *hardened, "--tmpfs", "/tmp", "--health-interval", "1s", "orders:1.4.2"
    ).strip()
    try:
        state = ""
        for _ in range(60):
            state = docker_engine.docker("inspect", "-f", "{{.State.Health.Status}}", name).strip()
            if state == "healthy":
                break
            time.sleep(0.5)
        assert state == "healthy"
    finally:
        docker_engine.docker("rm", "-f", name)


def test_same_bytes_elsewhere_with_cold_caches(tmp_path: Path, seatrial: Seatrial) -> None:
    """Another directory, another Seatrial cache, an empty Go build cache, another umask: one digest."""
    digests = []
    for name, command in (("here", seatrial), ("else/where", own_cache(tmp_path / "cache"))):
        root = write_service(tmp_path / name / "svc", {"main.go": SERVER})
        commit_all(root)
        cold = {"GOCACHE": str(tmp_path / "gocache")} if command is not seatrial else {}
        old = os.umask(0o022 if command is seatrial else 0o077)
        try:
            done = command(
                "build", str(root), "-o", str(tmp_path / name / "o.tar"), "--json", "--no-trial", **cold
            )
        finally:
            os.umask(old)
        assert done.code == 0, done.stderr
        digests.append((done.at("binary", "sha256"), done.at("image", "digest")))
        digests.append(((tmp_path / name / "o.tar").read_bytes(), ""))
    assert digests[0] == digests[2]
    assert digests[1] == digests[3]
