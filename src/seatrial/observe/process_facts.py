"""A running process as the kernel sees it: /proc/PID/status, fd, net, uid_map (proc(5))."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from pathlib import Path
from typing import Final

from seatrial.model.facts import ProcessFacts

_MOST: Final = 200
_NOT_FILES: Final = ("/dev/", "/proc/", "/memfd:")
_STATES: Final = {"01": "connected", "0A": "listening"}
_KINDS: Final = {
    "tcp": socket.AF_INET,
    "tcp6": socket.AF_INET6,
    "udp": socket.AF_INET,
    "udp6": socket.AF_INET6,
}


def read_process(pid: int) -> ProcessFacts | None:
    """Return what the kernel says of a process; None when it has ended. uid, gid: as it sees itself.

    Memory, threads, files and sockets are also those of what it started, such as a shell's server.
    """
    place = Path(f"/proc/{pid}")
    try:
        uid_map, gid_map = (place / "uid_map").read_text(), (place / "gid_map").read_text()
        statuses = _read_statuses(family(pid))
        files, sockets = _read_handles(family(pid))
    except OSError:
        return None
    if pid not in statuses:
        return None
    fields = statuses[pid]
    return ProcessFacts(
        uid=_inside(int(fields["Uid"][1]), uid_map),
        gid=_inside(int(fields["Gid"][1]), gid_map),
        effective_capabilities=int(fields["CapEff"][0], 16),
        bounding_capabilities=int(fields["CapBnd"][0], 16),
        has_no_new_privileges=fields["NoNewPrivs"][0] == "1",
        seccomp_mode=int(fields["Seccomp"][0]),
        rss_bytes=sum(int(one["VmRSS"][0]) for one in statuses.values()) * 1024,
        threads=sum(int(one["Threads"][0]) for one in statuses.values()),
        open_files=files,
        sockets=sockets,
    )


def family(pid: int) -> list[int]:
    """Return a process and all that it started."""
    found = [pid]
    for member in found:
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{member}/task/{member}/children").read_text()
            found.extend(int(child) for child in children.split())
    return found


def _read_statuses(pids: list[int]) -> dict[int, dict[str, list[str]]]:
    """Return the fields of /proc/PID/status for each that still runs."""
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            rows = Path(f"/proc/{pid}/status").read_text().splitlines()
            fields = {name: value.split() for name, _, value in (row.partition(":") for row in rows)}
            if "VmRSS" in fields:  # a zombie has none
                found[pid] = fields
    return found


def _read_handles(pids: list[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the files and the sockets that processes have open, sorted, each at most ``_MOST``."""
    files: set[str] = set()
    inodes: set[str] = set()
    for handle in _handles(pids):
        with contextlib.suppress(OSError):  # it may be closed at any time
            target = os.readlink(handle)
            if target.startswith("socket:["):
                inodes.add(target[len("socket:[") : -1])
            elif target.startswith("/") and not target.startswith(_NOT_FILES):
                files.add(target)
    return tuple(sorted(files)[:_MOST]), tuple(_describe(Path(f"/proc/{pids[0]}"), inodes)[:_MOST])


def _handles(pids: list[int]) -> list[str]:
    found = []
    for pid in pids:
        with contextlib.suppress(OSError):
            found += [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    return found


def _describe(place: Path, inodes: set[str]) -> list[str]:
    """Name sockets by their kind, address and state; equal ones once."""
    found: set[str] = set()
    for kind, kind_of_address in _KINDS.items():
        for row in (place / "net" / kind).read_text().splitlines()[1:]:
            words = row.split()
            if words[9] in inodes:
                state = _STATES.get(words[3], "") if kind.startswith("tcp") else ""
                is_listening = state == "listening" or kind.startswith("udp")
                address = words[1] if is_listening else words[2]
                way = "" if is_listening else "to "
                found.add(f"{kind} {way}{_address(address, kind_of_address)} {state}".strip())
    for row in (place / "net/unix").read_text().splitlines()[1:]:
        words = row.split()
        if words[6] in inodes and len(words) > 7:
            found.add(f"unix {words[7]}")
    return sorted(found)


def _address(text: str, kind: socket.AddressFamily) -> str:
    """Turn an address of /proc/net/tcp, whose 32-bit words are in host order, into the usual form."""
    address, _, port = text.partition(":")
    words = [bytes.fromhex(address[at : at + 8]) for at in range(0, len(address), 8)]
    raw = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    host = socket.inet_ntop(kind, raw)
    return f"[{host}]:{int(port, 16)}" if kind == socket.AF_INET6 else f"{host}:{int(port, 16)}"


def _inside(number: int, mapping: str) -> int:
    """Turn an id of this user namespace into the one that the process has (user_namespaces(7))."""
    for row in mapping.splitlines():
        inside, outside, count = (int(word) for word in row.split())
        if outside <= number < outside + count:
            return inside + number - outside
    return number
