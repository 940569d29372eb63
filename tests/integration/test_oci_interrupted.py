"""A run that is killed at any moment leaves the old image or the new one, and the next run tidies up."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seatrial.observe.static import observe_static

KILLS = 40
RUN = """
import sys
from pathlib import Path
from seatrial.assemble import assemble, deliver
from seatrial.model.image import Base, Entry, EntryKind, ImageConfig
from seatrial.model.plan import Output

place, form, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
content = bytes([seed]) * (4 << 20)
files = (Entry(path="server", kind=EntryKind.FILE, mode=0o755, content=content),)
image = assemble(
    files=files,
    base=Base(name="scratch", layers=(), packages=(), lock={}),
    config=ImageConfig(architecture="amd64", entrypoint=("/server",)),
    scratch=place / "scratch",
    reference="",
)
output = Output(path=place / "out" / ("image.tar" if form == "tar" else "image"), form=form)
print("begin", flush=True)
while True:  # the longer it delivers, the likelier the kill hits that
    deliver(image, output)
    if sys.argv[4] == "once":
        break
print(image.digest)
"""


def start(place: Path, form: str, seed: int, times: str) -> subprocess.Popen[str]:
    argv = (sys.executable, "-c", RUN, str(place), form, str(seed), times)
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def run_once(place: Path, form: str, seed: int) -> str:
    with start(place, form, seed, "once") as process:
        assert process.stdout is not None
        digest = process.stdout.read().split()[-1]
    assert process.returncode == 0
    return digest


@pytest.mark.parametrize("form", ["layout", "tar"])
def test_killed_while_delivering(form: str, tmp_path: Path) -> None:
    chance = random.Random(7)
    allowed = {run_once(tmp_path, form, 0)}
    output = tmp_path / "out" / ("image.tar" if form == "tar" else "image")
    leftovers = 0
    for kill in range(1, KILLS):
        seed = kill % 200
        with start(tmp_path, form, seed, "forever") as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
        seen = observe_static(output, scratch=tmp_path)  # compares every digest
        digest = json.loads((tmp_path / "scratch/image/index.json").read_text())["manifests"][0]["digest"]
        assert seen.digest in {*allowed, digest}
        allowed = {seen.digest}
        leftovers += len(os.listdir(output.parent)) - 1
    assert leftovers > 0, "no kill hit a delivery: the test shows nothing"
    final = run_once(tmp_path, form, 201)
    assert observe_static(output, scratch=tmp_path).digest == final
    assert os.listdir(output.parent) == [output.name]


def test_killed_at_any_time_from_the_start(tmp_path: Path) -> None:
    chance = random.Random(8)
    known = {run_once(tmp_path, "layout", 0)}
    output = tmp_path / "out" / "image"
    for kill in range(1, KILLS):
        with start(tmp_path, "layout", kill, "once") as process:
            time.sleep(chance.uniform(0, 0.25))
            process.send_signal(signal.SIGKILL)
        seen = observe_static(output, scratch=tmp_path).digest
        again = run_once(tmp_path, "layout", kill)
        assert seen in {*known, again}
        known = {again}
    assert os.listdir(output.parent) == [output.name]
    assert sorted(os.listdir(tmp_path / "scratch")) == ["image", "service.json", "service.tar.gz"]


def test_two_runs_at_once_leave_one_whole_image(tmp_path: Path) -> None:
    run_once(tmp_path, "layout", 0)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "out").symlink_to(tmp_path / "out")  # its own scratch, the same output
    runs = [start(tmp_path, "layout", 1, "forever"), start(tmp_path / "two", "layout", 2, "forever")]
    time.sleep(3)
    assert [process.poll() for process in runs] == [None, None]
    for process in runs:
        process.kill()
        process.communicate()
    observe_static(tmp_path / "out" / "image", scratch=tmp_path)
    run_once(tmp_path, "layout", 3)
    assert os.listdir(tmp_path / "out") == ["image"]
