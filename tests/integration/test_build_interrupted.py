"""A build that is stopped in the middle: the tree as it was, the old image, no process left."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from builds import MAIN, PLAIN, Seatrial, commit_all, own_cache, snapshot, write_service

pytestmark = pytest.mark.go


def processes_below(place: Path) -> list[str]:
    """Return the command lines of processes that work in, or name, this directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            here = os.readlink(entry / "cwd")
        except OSError:
            continue
        if str(place) in line or here.startswith(str(place)):
            found.append(line)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_while_compiling(tmp_path: Path, number: signal.Signals) -> None:
    """An empty Go cache makes the compilation long enough to be met."""
    seatrial = own_cache(tmp_path / "cache")
    root = write_service(tmp_path / "svc", {"main.go": MAIN})
    commit_all(root)
    output = tmp_path / "out"
    assert seatrial("build", str(root), "-o", str(output), *PLAIN).code == 0
    image = snapshot(output)
    (root / "main.go").write_text(MAIN.replace("one", "two"))
    tree = snapshot(root)
    cold = Seatrial(env={**seatrial.env, "GOCACHE": str(tmp_path / "gocache")})
    started = cold.popen("build", str(root), "-o", str(output), *PLAIN, cwd=tmp_path)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if any("/compile" in line or "toolexec" in line for line in processes_below(tmp_path)):
            break
        time.sleep(0.02)
    started.send_signal(number)
    started.wait(timeout=120)
    assert started.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}.get(number, -number)
    assert snapshot(root) == tree
    assert snapshot(output) == image
    deadline = time.monotonic() + 120
    while processes_below(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_below(tmp_path) == []
    assert seatrial("build", str(root), "-o", str(output), *PLAIN).code == 0
    assert snapshot(output) != image


def test_two_builds_at_once_in_one_directory(tmp_path: Path) -> None:
    seatrial = own_cache(tmp_path / "cache", is_go_cold=True)
    root = write_service(tmp_path / "svc", {"main.go": MAIN})
    commit_all(root)
    words = ("build", str(root), "-o", str(tmp_path / "out"), *PLAIN)
    both = [seatrial.popen(*words, cwd=tmp_path) for _ in range(2)]
    for run in both:
        _, errors = run.communicate(timeout=120)
        assert run.returncode == 0, errors.decode()
    again = seatrial(*words, "--json")
    assert again.code == 0
    assert (tmp_path / "out" / "index.json").exists()
