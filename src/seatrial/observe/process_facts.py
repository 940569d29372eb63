"""A running process as the kernel sees it: /proc/PID/status and /proc/PID/uid_map (proc(5))."""

from __future__ import annotations

from pathlib import Path

from seatrial.model.facts import ProcessFacts


def read_process(pid: int) -> ProcessFacts | None:
    """Return what the kernel says of a process; None when it has ended. uid, gid: as it sees itself."""
    place = Path(f"/proc/{pid}")
    try:
        rows = (place / "status").read_text().splitlines()
        uid_map, gid_map = (place / "uid_map").read_text(), (place / "gid_map").read_text()
    except OSError:
        return None
    fields = {name: value.split() for name, _, value in (row.partition(":") for row in rows)}
    if "VmRSS" not in fields:  # a zombie
        return None
    return ProcessFacts(
        uid=_inside(int(fields["Uid"][1]), uid_map),
        gid=_inside(int(fields["Gid"][1]), gid_map),
        effective_capabilities=int(fields["CapEff"][0], 16),
        has_no_new_privileges=fields["NoNewPrivs"][0] == "1",
        seccomp_mode=int(fields["Seccomp"][0]),
        rss_bytes=int(fields["VmRSS"][0]) * 1024,
    )


def _inside(number: int, mapping: str) -> int:
    """Turn an id of this user namespace into the one that the process has (user_namespaces(7))."""
    for row in mapping.splitlines():
        inside, outside, count = (int(word) for word in row.split())
        if outside <= number < outside + count:
            return inside + number - outside
    return number
