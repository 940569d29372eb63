"""A run that is killed at any moment: the next one finds all files as they were, or all as they come."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType

import pytest

from seatrial.errors import OutputError
from seatrial.scaffold.apply import apply_changes
from seatrial.scaffold.changes import Change, Kind
from seatrial.scaffold.journal import is_interrupted, recover

BEFORE = {
    "a": b"old a\n",
    "kept": b"kept\n",
    "gone/away/x": b"old x\n",
    "run.sh": b"old\n",
}
AFTER = {"a": b"new a\n", "kept": b"kept\n", "run.sh": b"new\n", "deep/er/b": b"b\n", "deep/c": b"c\n"}
CHANGES = tuple(
    Change(path=path, kind=kind, purpose="p", before=BEFORE.get(path), after=AFTER.get(path))
    for path, kind in (
        ("a", Kind.UPDATE),
        ("deep/er/b", Kind.CREATE),
        ("gone/away/x", Kind.REMOVE),
        ("run.sh", Kind.UPDATE),
        ("deep/c", Kind.CREATE),
    )
)


def written(root: Path) -> Path:
    for path, content in BEFORE.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    (root / "run.sh").chmod(0o755)
    (root / "empty").mkdir()
    return root


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def folders(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir()}


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Do the work in a process that kills itself before its N-th line of scaffold/; False when it ended."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    count = 0

    def each_line(frame: FrameType, event: str, _: object) -> object:
        nonlocal count
        if "seatrial" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        if count > step:
            os.kill(os.getpid(), signal.SIGKILL)
        return each_line

    sys.settrace(each_line)  # type: ignore[arg-type] # its own type is recursive
    work()
    os._exit(0)


def test_killed_before_each_line_the_next_run_puts_all_back_or_has_all(tmp_path: Path) -> None:
    ends = []
    for step in range(2000):
        root = written(tmp_path / str(step))
        before = folders(root)
        was_killed = killed_at(step, partial(apply_changes, root, CHANGES))
        recover(root)
        found = contents(root)
        assert found in (BEFORE, AFTER), (step, sorted(found))
        assert not is_interrupted(root)
        assert (root / "run.sh").stat().st_mode & 0o777 == 0o755
        if found == BEFORE:
            assert folders(root) == before, step
        ends.append(found == AFTER)
        if not was_killed:
            break
    assert ends[-1]
    assert ends.index(True) > 20
    # From the moment on in which the new files count, they do: none is put back later.
    assert all(ends[ends.index(True) :])


@pytest.mark.parametrize("is_late", [False, True])
def test_recovery_that_is_killed_itself_is_done_again(tmp_path: Path, is_late: bool) -> None:
    """Killed in the middle of the renames, and again at each line of putting back."""
    middle = 0
    for step in range(2000):
        root = written(tmp_path / f"probe-{step}")
        if not killed_at(step, partial(apply_changes, root, CHANGES)):
            break
        # The last file is in place, and does not count yet; or counts already.
        if (root / "deep/c").exists() and (not is_late or (root / ".seatrial-tidy").exists()):
            middle = step
            break
    assert middle
    for step in range(2000):
        root = written(tmp_path / str(step))
        assert killed_at(middle, partial(apply_changes, root, CHANGES))
        assert is_interrupted(root)
        was_killed = killed_at(step, partial(recover, root))
        recover(root)
        assert contents(root) == (AFTER if is_late else BEFORE), step
        if not was_killed:
            break


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """A real SIGKILL from outside, at a random moment, over and over in one repository."""
    root = written(tmp_path / "r")
    back = [
        Change(path=path, kind=kind, purpose="p", before=AFTER.get(path), after=BEFORE.get(path))
        for path, kind in (
            ("a", Kind.UPDATE),
            ("deep/er/b", Kind.REMOVE),
            ("gone/away/x", Kind.CREATE),
            ("run.sh", Kind.UPDATE),
            ("deep/c", Kind.REMOVE),
        )
    ]
    chance = random.Random(7)
    seen = set()
    for _ in range(300):
        child = os.fork()
        if not child:
            while True:
                apply_changes(root, CHANGES if contents(root) == BEFORE else back)
        time.sleep(chance.uniform(0, 0.004))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seen.add((is_interrupted(root), recover(root)))
        assert contents(root) in (BEFORE, AFTER)
        assert not is_interrupted(root)
    assert (True, True) in seen


def interrupted(root: Path) -> Path:
    written(root)
    for step in range(2000):
        if not killed_at(step, lambda: apply_changes(root, CHANGES)):
            break
        if (root / "run.sh").read_bytes() == AFTER["run.sh"]:
            return root
        recover(root)
    raise AssertionError("never in the middle")


def test_edit_after_the_kill_is_not_lost(tmp_path: Path) -> None:
    root = interrupted(tmp_path / "r")
    (root / "a").write_text("mine\n")
    for _ in range(2):
        with pytest.raises(OutputError, match="was edited after") as caught:
            recover(root)
        assert (root / "a").read_text() == "mine\n"
    (root / ".seatrial-old-a").unlink()
    assert f"rm {root / '.seatrial-old-a'}" in caught.value.hint
    assert recover(root)
    assert contents(root) == {**BEFORE, "a": b"mine\n"}


def test_new_run_does_not_begin_over_an_interrupted_one(tmp_path: Path) -> None:
    root = interrupted(tmp_path / "r")
    before = contents(root)
    with pytest.raises(OutputError, match="another run"):
        apply_changes(root, [Change(path="z", kind=Kind.CREATE, purpose="p", after=b"z")])
    assert contents(root) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ('{"files": [{"path": 1}]}', "cannot be read"),
        (json.dumps({"files": [{"path": "../x", "before": "", "after": ""}]}), "a place elsewhere"),
        (json.dumps({"files": [], "directories": ["/etc"]}), "a place elsewhere"),
    ],
)
def test_journal_that_is_none_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / ".seatrial-undo").write_text(text)
    with pytest.raises(OutputError, match=words) as caught:
        recover(tmp_path)
    assert caught.value.where.endswith(".seatrial-undo")
    assert "take it away" in caught.value.hint


def test_second_run_waits_for_the_first(tmp_path: Path) -> None:
    """What a live run has written down is no leftover."""
    root = written(tmp_path / "r")
    child = os.fork()
    if not child:
        with contextlib.suppress(OutputError):
            for number in range(50):
                for path, change in (("z", Kind.CREATE), ("z", Kind.REMOVE)):
                    text = b"%d" % number
                    ends = (None, text) if change is Kind.CREATE else (text, None)
                    one = Change(path=path, kind=change, purpose="p", before=ends[0], after=ends[1])
                    apply_changes(root, [one])
            os._exit(0)
        os._exit(1)
    recovered = []
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        recovered.append(recover(root))
    assert not any(recovered)
    assert contents(root) == BEFORE
