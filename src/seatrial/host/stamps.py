"""What a finished build read and wrote, as file stamps: enough to see that nothing has changed.

Start-up time is the point of this module: it imports nothing that Python has not loaded by itself, and
a record is text that is compared as text (json and hashlib would take longer than the comparison).
A stamp holds times, size and inode, as git's index does. The change time cannot be set by a program,
so a file rewritten with its old modification time is seen too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

# One record: these fields, each ended by NUL, which no path and no command line can hold:
# format, the question, the number of texts, name and text of each, path and stamp of each, end.
_FORMAT = "seatrial record 2"
_END = "end"
_NOTHING = "-"
# The kernel's clock for file times ticks every few milliseconds: a file that was written in the tick in
# which it was stamped can change again without a new time.
_TICK_NS = 20_000_000
_ENVIRONMENT = ("GO", "CGO_", "GIT_", "PKG_CONFIG", "SEATRIAL_", "XDG_", "DD_", "ORCHESTRION_")
_ENVIRONMENT_NAMES = (
    *("PATH", "HOME", "CC", "CXX", "AR", "SOURCE_DATE_EPOCH", "TMPDIR", "NETRC"),
    # What CI calls the source, which is in the version.
    *("GITHUB_REF", "GITHUB_EVENT_NAME", "CI_COMMIT_TAG", "CI_COMMIT_BRANCH", "CI_MERGE_REQUEST_IID"),
)


def environment_that_matters(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a build's result may depend on."""
    return {
        name: value
        for name, value in sorted(env.items())
        if name in _ENVIRONMENT_NAMES or name.startswith(_ENVIRONMENT)
    }


def stamp(path: str) -> str:
    """Return what identifies a path's present state; "-" when nothing is there."""
    try:
        found = os.stat(path)
    except OSError:
        return _NOTHING
    return f"{found.st_mtime_ns} {found.st_ctime_ns} {found.st_size} {found.st_ino} {found.st_mode}"


def take(paths: Iterable[str], unchanged_since_ns: int | None = None) -> dict[str, str] | None:
    """Stamp every path.

    unchanged_since_ns: when the build began to read. None is returned when a path has changed since
    (or so shortly before that its time could not tell): what was built may not be what is there now.
    """
    taken = {path: stamp(path) for path in paths}
    if unchanged_since_ns is not None:
        limit = unchanged_since_ns - _TICK_NS
        if any(limit <= max(map(int, found.split()[:2])) for found in taken.values() if found != _NOTHING):
            return None
    return taken


def look(record: str, question: str) -> dict[str, str] | None:
    """Return the saved texts when they answer this question and every stamped path is as it was; else None.

    question: what was asked, in full; the record's name may stand for more than one.
    """
    try:
        with open(record, encoding="utf-8", errors="surrogateescape", newline="") as stream:
            fields = stream.read().split("\0")
    except OSError:
        return None
    if fields[:2] != [_FORMAT, question] or fields[-2:] != [_END, ""] or not fields[2].isdecimal():
        return None
    first = 3 + 2 * int(fields[2])
    stamps = zip(fields[first:-2:2], fields[first + 1 : -2 : 2], strict=True)
    if any(stamp(path) != found for path, found in stamps):
        return None
    return dict(zip(fields[3:first:2], fields[4:first:2], strict=True))


def save(record: str, question: str, stamps: Mapping[str, str], texts: Mapping[str, str]) -> None:
    """Write the record whole; a cache that cannot be written only costs the next run its time."""
    fields = [_FORMAT, question, str(len(texts)), *_flat(texts), *_flat(stamps), _END, ""]
    if any("\0" in field for field in fields):
        return
    scratch = f"{record}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(record), exist_ok=True)
        with open(scratch, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
            stream.write("\0".join(fields))
        os.replace(scratch, record)
    except OSError:
        return


def _flat(pairs: Mapping[str, str]) -> list[str]:
    return [text for pair in pairs.items() for text in pair]
