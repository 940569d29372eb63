"""Stamps see every change that the kernel sees."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial.host import stamps


def rewrite_with_the_old_time(path: Path) -> None:
    before = path.stat()
    path.write_text("other")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda path: path.write_text("two"),
    "same length, old modification time": rewrite_with_the_old_time,
    "mode": lambda path: path.chmod(0o600),
    "removed": lambda path: path.unlink(),
    "replaced": lambda path: (path.with_name("n").write_text("three"), path.with_name("n").replace(path)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_is_seen(tmp_path: Path, change: str) -> None:
    file = tmp_path / "input"
    file.write_text("first")
    record = str(tmp_path / "records" / "r.json")
    taken = stamps.take([str(file)])
    assert taken is not None
    stamps.save(record, taken, {"text": "x"})
    assert stamps.look(record) == {"text": "x"}
    time.sleep(0.03)
    CHANGES[change](file)
    assert stamps.look(record) is None


def test_file_that_appears_is_seen(tmp_path: Path) -> None:
    record = str(tmp_path / "r.json")
    taken = stamps.take([str(tmp_path / "go.work")])
    assert taken == {str(tmp_path / "go.work"): None}
    stamps.save(record, taken, {"text": "x"})
    assert stamps.look(record) is not None
    (tmp_path / "go.work").write_text("go 1.24\n")
    assert stamps.look(record) is None


def test_file_changed_during_the_build_is_not_recorded(tmp_path: Path) -> None:
    file = tmp_path / "input"
    file.write_text("first")
    time.sleep(0.03)
    began_ns = time.time_ns()
    assert stamps.take([str(file)], began_ns) is not None
    file.write_text("second")
    assert stamps.take([str(file)], began_ns) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 0, "stamps": {}, "result": {}}'])
def test_damaged_record_means_that_the_build_is_looked_at(tmp_path: Path, content: str) -> None:
    (tmp_path / "r.json").write_text(content)
    assert stamps.look(str(tmp_path / "r.json")) is None


def test_environment_keeps_what_go_reads_and_drops_the_rest() -> None:
    env = {"GOFLAGS": "-tags=x", "CGO_ENABLED": "0", "CC": "clang", "PATH": "/bin", "LINES": "40", "PS1": "$"}
    assert stamps.environment_that_matters(env) == {
        "CC": "clang",
        "CGO_ENABLED": "0",
        "GOFLAGS": "-tags=x",
        "PATH": "/bin",
    }
