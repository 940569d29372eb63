"""All files or none: whatever goes wrong on the way, the tree is as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builds import snapshot
from seatrial.errors import OutputError
from seatrial.scaffold import apply
from seatrial.scaffold.apply import apply_changes
from seatrial.scaffold.changes import Change, Kind


def create(path: str, text: str = "new\n") -> Change:
    return Change(path=path, kind=Kind.CREATE, purpose="p", after=text.encode())


def update(root: Path, path: str, text: str = "new\n") -> Change:
    before = (root / path).read_bytes()
    return Change(path=path, kind=Kind.UPDATE, purpose="p", before=before, after=text.encode())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a").write_text("old a\n")
    (tmp_path / "run.sh").write_text("old\n")
    (tmp_path / "run.sh").chmod(0o755)
    return tmp_path


def contents(root: Path) -> dict[str, tuple[int, bytes]]:
    return {name: (mode, content) for name, (mode, _, content) in snapshot(root).items()}


def test_all_are_written_with_their_modes(root: Path) -> None:
    apply_changes(root, [update(root, "a"), update(root, "run.sh"), create("deep/er/b")])
    assert {path: content for path, (_, content) in contents(root).items()} == {
        "a": b"new\n",
        "run.sh": b"new\n",
        "deep/er/b": b"new\n",
    }
    assert (root / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (root / "deep/er/b").stat().st_mode & 0o777 == 0o644


def test_removed_file_takes_its_empty_directories_along(root: Path) -> None:
    apply_changes(root, [create("deep/er/b")])
    gone = Change(path="deep/er/b", kind=Kind.REMOVE, purpose="p", before=b"new\n")
    apply_changes(root, [gone])
    assert not (root / "deep").exists()


def test_read_only_file_stops_all(root: Path) -> None:
    changes = [create("b"), update(root, "a")]
    (root / "a").chmod(0o444)
    before = snapshot(root)
    with pytest.raises(OutputError, match="read-only") as caught:
        apply_changes(root, changes)
    assert "chmod" in caught.value.hint
    assert snapshot(root) == before


def test_file_that_changed_since_the_plan_stops_all(root: Path) -> None:
    changes = [create("b"), update(root, "a")]
    (root / "a").write_text("edited meanwhile\n")
    with pytest.raises(OutputError, match="changed while"):
        apply_changes(root, changes)
    assert not (root / "b").exists()


@pytest.mark.parametrize("last", [0, 1, 2, 3])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failure_at_any_rename_puts_everything_back(
    root: Path, monkeypatch: pytest.MonkeyPatch, last: int, failure: BaseException
) -> None:
    """A rename that fails cannot be had from a real disk at will: the system call is the seam."""
    removed = Change(path="run.sh", kind=Kind.REMOVE, purpose="p", before=b"old\n")
    changes = [update(root, "a"), create("deep/er/b"), removed, create("c")]
    before = contents(root)
    count = 0
    real = apply.replace_file

    def failing(place: Path, scratch: Path | None) -> None:
        nonlocal count
        if count == last:
            raise failure
        count += 1
        real(place, scratch)

    monkeypatch.setattr(apply, "replace_file", failing)
    expected = OutputError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        apply_changes(root, changes)
    assert contents(root) == before
    assert sorted(os.listdir(root)) == ["a", "run.sh"]


def test_directory_that_cannot_be_made_stops_all(root: Path) -> None:
    """Also for root: a file in the way of a directory."""
    with pytest.raises(OutputError, match="directory is needed"):
        apply_changes(root, [create("b"), create("a/b")])
    assert not (root / "b").exists()
