"""A control group that limits a program's memory (kernel documentation, cgroup-v1/memory and cgroup-v2)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from seatrial.host.sandbox_calls import remove_group

_PREFIX: Final = "seatrial-"
_ROOT: Final = Path("/sys/fs/cgroup")


def group_place(owner: int, root: Path = _ROOT) -> Path | None:
    """Return where a group may be made; None where this machine or this user does not allow it.

    owner: the process id of what removes it in the end; its name tells later runs whose it was.
    """
    if os.geteuid() != 0:
        return None
    for parent in (root / "memory", root):
        limit = "memory.limit_in_bytes" if parent != root else "memory.max"
        if (parent / limit).exists() or _controls_memory(parent):
            return parent / f"{_PREFIX}{owner}" if os.access(parent, os.W_OK) else None
    return None


@contextlib.contextmanager
def limited_group(place: Path | None, limit_bytes: int) -> Iterator[bool]:
    """Make the group, yield whether there is one, and remove it once its last process has ended."""
    if place is None:
        yield False
        return
    _sweep(place.parent)
    try:
        is_made = _make(place, limit_bytes)
        yield is_made
    finally:
        remove_group(str(place))


def _make(place: Path, limit_bytes: int) -> bool:
    try:
        place.mkdir()
        is_old = place.parent.name == "memory"
        limit = place / ("memory.limit_in_bytes" if is_old else "memory.max")
        limit.write_text(str(limit_bytes))
        swap = place / ("memory.memsw.limit_in_bytes" if is_old else "memory.swap.max")
        with contextlib.suppress(OSError):  # a kernel that does not count swap has none of these
            swap.write_text(str(limit_bytes) if is_old else "0")
    except OSError:
        return False
    return True


def _controls_memory(parent: Path) -> bool:
    """Version 2: the group's children have a memory limit."""
    with contextlib.suppress(OSError):
        return "memory" in (parent / "cgroup.subtree_control").read_text().split()
    return False


def _sweep(parent: Path) -> None:
    """Remove what runs left of which every process was killed at once."""
    with contextlib.suppress(OSError):
        for group in parent.glob(f"{_PREFIX}*"):
            owner = group.name.removeprefix(_PREFIX)
            if owner.isdecimal() and not Path(f"/proc/{owner}").exists():
                with contextlib.suppress(OSError):
                    group.rmdir()
