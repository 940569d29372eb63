"""Where a control group is made, and what is written to it, in both versions of the kernel's interface."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatrial.host.memory_limit import group_place, limited_group

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make control groups")


def version_1(root: Path) -> Path:
    (root / "memory").mkdir()
    (root / "memory/memory.limit_in_bytes").write_text("max")
    return root / "memory"


def version_2(root: Path) -> Path:
    (root / "cgroup.subtree_control").write_text("cpu io memory pids\n")
    return root


def test_place_is_where_memory_is_controlled(tmp_path: Path) -> None:
    assert group_place(7, tmp_path) is None
    (tmp_path / "cgroup.subtree_control").write_text("cpu io\n")
    assert group_place(7, tmp_path) is None
    assert version_2(tmp_path) / "seatrial-7" == group_place(7, tmp_path)
    assert version_1(tmp_path) / "seatrial-7" == group_place(7, tmp_path)


def test_version_2_limits_memory_and_swap(tmp_path: Path) -> None:
    """This machine's kernel has version 1 only: what is written is held here, what it does is not."""
    place = group_place(os.getpid(), version_2(tmp_path))
    assert place is not None
    with limited_group(place, 64 << 20) as is_limited:
        assert is_limited
        assert (place / "memory.max").read_text() == str(64 << 20)
        assert (place / "memory.swap.max").read_text() == "0"
        for file in place.iterdir():  # a real group's files go with it
            file.unlink()
    assert not place.exists()


def test_groups_of_the_dead_are_swept_and_those_of_the_living_stay(tmp_path: Path) -> None:
    parent = version_2(tmp_path)
    dead, living = parent / "seatrial-4194399", parent / f"seatrial-{os.getppid()}"
    dead.mkdir()
    living.mkdir()
    with limited_group(parent / f"seatrial-{os.getpid()}", 1 << 20):
        assert not dead.exists()
        assert living.exists()
        for file in (parent / f"seatrial-{os.getpid()}").iterdir():
            file.unlink()


def test_no_place_means_no_limit() -> None:
    with limited_group(None, 1 << 20) as is_limited:
        assert not is_limited


def test_group_that_cannot_be_made_means_no_limit(tmp_path: Path) -> None:
    with limited_group(tmp_path / "missing/seatrial-1", 1 << 20) as is_limited:
        assert not is_limited
