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
    stamps.save(record, "asked", taken, {"text": "x"})
    assert stamps.look(record, "asked") == {"text": "x"}
    time.sleep(0.03)
    CHANGES[change](file)
    assert stamps.look(record, "asked") is None


def test_file_that_appears_is_seen(tmp_path: Path) -> None:
    record = str(tmp_path / "r.json")
    taken = stamps.take([str(tmp_path / "go.work")])
    assert taken == {str(tmp_path / "go.work"): "-"}
    stamps.save(record, "asked", taken, {"text": "x"})
    assert stamps.look(record, "asked") is not None
    (tmp_path / "go.work").write_text("go 1.24\n")
    assert stamps.look(record, "asked") is None


def test_file_changed_during_the_build_is_not_recorded(tmp_path: Path) -> None:
    file = tmp_path / "input"
    file.write_text("first")
    time.sleep(0.03)
    began_ns = time.time_ns()
    assert stamps.take([str(file)], began_ns) is not None
    file.write_text("second")
    assert stamps.take([str(file)], began_ns) is None


def test_record_answers_its_own_question_only(tmp_path: Path) -> None:
    record = str(tmp_path / "r")
    stamps.save(record, "asked", {}, {"text": "x"})
    assert stamps.look(record, "other") is None


def test_texts_and_paths_come_back_as_they_were(tmp_path: Path) -> None:
    strange = str(tmp_path / "two\nlines\r\n\udc80")
    record = str(tmp_path / "r")
    texts = {"text": "one\r\ntwo\n", "json": "{}"}
    taken = stamps.take([strange])
    assert taken is not None
    stamps.save(record, "asked", taken, texts)
    assert stamps.look(record, "asked") == texts
    Path(strange).write_text("appeared")
    assert stamps.look(record, "asked") is None


def test_record_with_an_impossible_text_is_not_written(tmp_path: Path) -> None:
    stamps.save(str(tmp_path / "r"), "asked", {}, {"text": "a\0b"})
    assert stamps.look(str(tmp_path / "r"), "asked") is None


def test_record_that_was_cut_short_means_that_the_build_is_looked_at(tmp_path: Path) -> None:
    record = tmp_path / "r"
    stamps.save(str(record), "asked", {"/": stamps.stamp("/")}, {"text": "x"})
    whole = record.read_bytes()
    for length in range(len(whole)):
        record.write_bytes(whole[:length])
        assert stamps.look(str(record), "asked") is None, length


@pytest.mark.parametrize("content", ["", "{", "[]", "\0\0\0", "seatrial record 2\0asked\0many\0end\0"])
def test_damaged_record_means_that_the_build_is_looked_at(tmp_path: Path, content: str) -> None:
    (tmp_path / "r").write_text(content)
    assert stamps.look(str(tmp_path / "r"), "asked") is None


def test_environment_keeps_what_go_reads_and_drops_the_rest() -> None:
    env = {"GOFLAGS": "-tags=x", "CGO_ENABLED": "0", "CC": "clang", "PATH": "/bin", "LINES": "40", "PS1": "$"}
    assert stamps.environment_that_matters(env) == {
        "CC": "clang",
        "CGO_ENABLED": "0",
        "GOFLAGS": "-tags=x",
        "PATH": "/bin",
    }
