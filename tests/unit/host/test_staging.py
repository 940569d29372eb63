"""Replacing a file or directory: all or nothing, and only our own dead leftovers are removed."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from seatrial.errors import OutputError
from seatrial.host import staging


def anything(_: Path) -> None:
    """Refuse no target."""


def leftovers(directory: Path) -> list[str]:
    return sorted(name for name in os.listdir(directory) if name.startswith(".seatrial-"))


def put_directory(target: Path, word: str) -> None:
    with staging.replace_directory(target, anything) as place:
        (place / "word").write_text(word)


def test_directory_is_made_with_its_parents_then_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    for word in ("one", "two"):
        put_directory(target, word)
        assert (target / "word").read_text() == word
        assert os.listdir(target.parent) == ["b"]


def test_file_is_made_then_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a" / "file"
    for word in (b"one", b"two"):
        with staging.replace_file(target, anything) as handle:
            os.write(handle, word)
        assert target.read_bytes() == word
        assert os.listdir(target.parent) == ["file"]


@pytest.mark.parametrize(
    "failure", [KeyboardInterrupt(), ValueError(), OSError(28, "No space left on device")]
)
def test_failure_leaves_the_old_target_and_nothing_else(tmp_path: Path, failure: BaseException) -> None:
    def write_half() -> None:
        with staging.replace_directory(tmp_path / "d", anything) as place:
            (place / "word").write_text("new")
            raise failure

    def write_half_a_file() -> None:
        with staging.replace_file(tmp_path / "f", anything) as handle:
            os.write(handle, b"new")
            raise failure

    put_directory(tmp_path / "d", "old")
    (tmp_path / "f").write_text("old")
    for write in (write_half, write_half_a_file):
        with pytest.raises(OutputError if isinstance(failure, OSError) else type(failure)):
            write()
    assert (tmp_path / "d" / "word").read_text() == "old"
    assert (tmp_path / "f").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["d", "f"]


def test_without_exchange_the_directory_is_moved_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This kernel can exchange; what it would do elsewhere is only seen by taking that away.
    monkeypatch.setattr(staging, "_rename", lambda *_: False)
    for word in ("one", "two", "three"):
        put_directory(tmp_path / "d", word)
        assert (tmp_path / "d" / "word").read_text() == word
        assert os.listdir(tmp_path) == ["d"]


def test_target_that_changed_meanwhile_is_put_back(tmp_path: Path) -> None:
    target = tmp_path / "d"
    put_directory(target, "old")

    def refuse_diaries(path: Path) -> None:
        if (path / "diary").exists():
            raise OutputError("a diary", where=str(path))

    def write_while_it_changes() -> None:
        with staging.replace_directory(target, refuse_diaries) as place:
            (place / "word").write_text("new")
            (target / "diary").write_text("dear")

    with pytest.raises(OutputError):
        write_while_it_changes()
    assert (target / "diary").read_text() == "dear"
    assert os.listdir(tmp_path) == ["d"]


def left_by_a_dead_run(target: Path, kind: str = "new") -> Path:
    path = target.with_name(f"{staging._prefix(target)}{'0' * 16}.{kind}")
    path.mkdir()
    (path / "word").write_text("dead")
    return path


def test_dead_leftover_is_removed_and_a_living_one_kept(tmp_path: Path) -> None:
    target = tmp_path / "d"
    dead = left_by_a_dead_run(target)
    alive = target.with_name(f"{staging._prefix(target)}{'1' * 16}.new")
    alive.mkdir()
    handle = os.open(alive, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        put_directory(target, "new")
    finally:
        os.close(handle)
    assert not dead.exists()
    assert alive.exists()
    put_directory(target, "newer")
    assert os.listdir(tmp_path) == ["d"]


def test_what_only_looks_like_ours_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "d"
    prefix = staging._prefix(target)
    names = [
        f"{prefix}x.new",
        f"{prefix}{'0' * 16}.newer",
        ".d.tmp",
        f"{staging._prefix(tmp_path / 'e')}{'0' * 16}.new",
    ]
    for name in names:
        (tmp_path / name).mkdir()
    precious = tmp_path / "precious"
    precious.write_text("x")
    (tmp_path / f"{prefix}{'2' * 16}.new").symlink_to(precious)
    put_directory(target, "new")
    assert precious.exists()
    assert set(names) <= set(os.listdir(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")
def test_leftover_of_another_user_is_kept(tmp_path: Path) -> None:
    theirs = left_by_a_dead_run(tmp_path / "d")
    os.chown(theirs, 65532, 65532)
    put_directory(tmp_path / "d", "new")
    assert theirs.exists()


def test_target_moved_aside_by_a_killed_run_comes_back(tmp_path: Path) -> None:
    target = tmp_path / "d"
    left_by_a_dead_run(target, "old")
    left_by_a_dead_run(target, "new")
    staging.remove_leftovers(target)
    assert (target / "word").read_text() == "dead"
    assert os.listdir(tmp_path) == ["d"]


def test_longest_name_works(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)
    put_directory(target, "one")
    put_directory(target, "two")
    assert os.listdir(tmp_path) == ["n" * 255]


def test_modes_follow_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        put_directory(tmp_path / "d", "x")
        with staging.replace_file(tmp_path / "f", anything) as handle:
            os.write(handle, b"x")
    finally:
        os.umask(old)
    assert (tmp_path / "d").stat().st_mode & 0o7777 == 0o750
    assert (tmp_path / "f").stat().st_mode & 0o7777 == 0o640


@pytest.mark.parametrize("name", ["/", "..", "a/.."])
def test_target_without_a_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="not a name"), staging.replace_directory(tmp_path / name, anything):
        pass
