"""What a finished build read and wrote, as file stamps: enough to see that nothing has changed.

Start-up time is the point of this module: it imports nothing that costs more than it saves.
A stamp holds times, size and inode, as git's index does. The change time cannot be set by a program,
so a file rewritten with its old modification time is seen too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping

_FORMAT = 1
# The kernel's clock for file times ticks every few milliseconds: a file that was written in the tick in
# which it was stamped can change again without a new time.
_TICK_NS = 20_000_000
_ENVIRONMENT = ("GO", "CGO_", "GIT_", "PKG_CONFIG", "SEATRIAL_", "XDG_", "DD_", "ORCHESTRION_")
_ENVIRONMENT_NAMES = ("PATH", "HOME", "CC", "CXX", "AR", "SOURCE_DATE_EPOCH", "TMPDIR", "NETRC")


def environment_that_matters(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a build's result may depend on."""
    return {
        name: value
        for name, value in sorted(env.items())
        if name in _ENVIRONMENT_NAMES or name.startswith(_ENVIRONMENT)
    }


def stamp(path: str) -> list[int] | None:
    """Return what identifies a path's present state; None when nothing is there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode]


def take(paths: Iterable[str], unchanged_since_ns: int | None = None) -> dict[str, list[int] | None] | None:
    """Stamp every path.

    unchanged_since_ns: when the build began to read. None is returned when a path has changed since
    (or so shortly before that its time could not tell): what was built may not be what is there now.
    """
    taken = {path: stamp(path) for path in paths}
    if unchanged_since_ns is not None:
        limit = unchanged_since_ns - _TICK_NS
        if any(found is not None and max(found[0], found[1]) >= limit for found in taken.values()):
            return None
    return taken


def look(record: str) -> dict[str, object] | None:
    """Return the saved result when every stamped path is as it was; else None."""
    try:
        with open(record, "rb") as stream:
            saved = json.load(stream)
    except (OSError, ValueError):
        return None
    if not isinstance(saved, dict) or saved.get("format") != _FORMAT:
        return None
    stamps = saved["stamps"]
    if any(stamp(path) != found for path, found in stamps.items()):
        return None
    result = saved["result"]
    return result if isinstance(result, dict) else None


def save(record: str, stamps: Mapping[str, list[int] | None], result: Mapping[str, object]) -> None:
    """Write the record whole; a cache that cannot be written only costs the next run its time."""
    scratch = f"{record}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(record), exist_ok=True)
        with open(scratch, "w", encoding="utf-8") as stream:
            json.dump({"format": _FORMAT, "stamps": stamps, "result": result}, stream)
        os.replace(scratch, record)
    except OSError:
        return
