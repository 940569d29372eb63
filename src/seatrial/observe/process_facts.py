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
    """Return what the kernel says of a process; None when it has ended. uid, gid: as it sees itself."""
    place = Path(f"/proc/{pid}")
    try:
        rows = (place / "status").read_text().splitlines()
        uid_map, gid_map = (place / "uid_map").read_text(), (place / "gid_map").read_text()
        files, sockets = _read_handles(place)
    except OSError:
        return None
    fields = {name: value.split() for name, _, value in (row.partition(":") for row in rows)}
    if "VmRSS" not in fields:  # a zombie
        return None
    return ProcessFacts(
        uid=_inside(int(fields["Uid"][1]), uid_map),
        gid=_inside(int(fields["Gid"][1]), gid_map),
        effective_capabilities=int(fields["CapEff"][0], 16),
        bounding_capabilities=int(fields["CapBnd"][0], 16),
        has_no_new_privileges=fields["NoNewPrivs"][0] == "1",
        seccomp_mode=int(fields["Seccomp"][0]),
        rss_bytes=int(fields["VmRSS"][0]) * 1024,
        threads=int(fields["Threads"][0]),
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


def _read_handles(place: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the files and the sockets that a process has open, sorted, each at most ``_MOST``."""
    files: set[str] = set()
    inodes: set[str] = set()
    for name in os.listdir(place / "fd"):
        with contextlib.suppress(FileNotFoundError):
            target = os.readlink(place / "fd" / name)
            if target.startswith("socket:["):
                inodes.add(target[len("socket:[") : -1])
            elif target.startswith("/") and not target.startswith(_NOT_FILES):
                files.add(target)
    return tuple(sorted(files)[:_MOST]), tuple(_describe(place, inodes)[:_MOST])


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
