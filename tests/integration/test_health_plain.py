"""--health-check in a program that nothing else is woven into, from a vendored service with its databases."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from builds import Seatrial, git
from engines import PROJECTS
from seatrial.formats.jsonvalue import as_list, as_table, text_at

pytestmark = pytest.mark.go
SETTINGS = """
[trial]
services = ["postgres"]
requests = ["GET /touch"]
environment = {POOL = "{postgres.url}", SQL = "{postgres.url}", SQLITE = "file:/tmp/s.db"}
"""


def vendored_copy(place: Path) -> Path:
    shutil.copytree(PROJECTS / "health-service", place)
    subprocess.run(("go", "mod", "vendor"), cwd=place, check=True, capture_output=True)
    (place / "seatrial.toml").write_text(SETTINGS)
    git(place, "init", "-q")
    git(place, "add", "-A")
    git(place, "commit", "-qm", "a vendored service")
    return place


def modules(program: Path) -> list[list[str]]:
    listed = subprocess.run(("go", "version", "-m", str(program)), check=True, capture_output=True, text=True)
    rows = [line.split("\t")[1:] for line in listed.stdout.splitlines()[1:]]
    return [row for row in rows if row[0] in {"path", "mod", "dep", "=>"}]


def test_plain_build_checks_pools_databases_and_listeners(tmp_path: Path) -> None:
    service = vendored_copy(tmp_path / "svc")
    layout = tmp_path / "image"
    done = Seatrial()("build", str(service), "--instrument", "none", "--json", "-o", str(layout))
    assert done.code == 0, done.stdout + done.stderr
    assert git(service, "status", "--porcelain", "--ignored") == ""
    assert done.at("binary", "is_woven") is False
    probes = {
        text_at(as_table(probe), "situation"): as_table(probe)
        for probe in as_list(done.at("trial", "probes"))
    }
    codes = {situation: probe["exit_code"] for situation, probe in probes.items()}
    assert codes == {"up": 0, "database stopped": 1, "database back": 0}
    for name in ("postgresql ", "postgresql-2 ", "sqlite ", "listener [::]:8080 "):
        assert name in text_at(probes["up"], "output")
    assert done.at("trial", "spans") == []

    without = tmp_path / "without.toml"
    without.write_text("[health]\nflag = false\n")
    plain = tmp_path / "plain"
    done = Seatrial()(
        *("build", str(service), "--instrument", "none", "--no-trial", "--json", "-o", str(plain)),
        *("--config", str(without)),
    )
    assert done.code == 0, done.stderr
    assert "Healthcheck" not in configuration(plain)
    assert modules(program(layout, tmp_path / "a")) == modules(program(plain, tmp_path / "b"))


def configuration(layout: Path) -> dict[str, object]:
    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(blob(layout, index["manifests"][0]["digest"]).read_bytes())
    return as_table(json.loads(blob(layout, manifest["config"]["digest"]).read_bytes())["config"])


def blob(layout: Path, digest: str) -> Path:
    return layout / "blobs" / digest.replace(":", "/")


def program(layout: Path, place: Path) -> Path:
    """Unpack /server from the topmost layer."""
    place.mkdir()
    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(blob(layout, index["manifests"][0]["digest"]).read_bytes())
    top = blob(layout, manifest["layers"][-1]["digest"])
    subprocess.run(("tar", "-xzf", str(top), "-C", str(place), "server"), check=True)
    return place / "server"
