"""What listens in another process's network namespace: /proc/PID/net/tcp and tcp6 (proc(5)).

It is asked again and again, because the kernel tells nobody when a socket begins to listen: sock_diag(7)
multicasts the end of sockets only, and a seccomp notification would have every listen(2) wait for us.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

_LISTENING: Final = "0A"
_ESTABLISHED: Final = "01"


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A TCP socket that listens in the sandbox. is_loopback: nothing outside it could connect."""

    port: int
    is_ipv6: bool
    is_loopback: bool


def count_unread(pid: int, port: int) -> int:
    """Return the bytes that peers sent to a port of a process's network, and that nobody has read yet.

    Also those of connections that nobody has accepted. Raises OSError when the process has ended.
    """
    total = 0
    for row in _rows(pid):
        if row[3] == _ESTABLISHED and int(row[1].partition(":")[2], 16) == port:
            total += int(row[4].partition(":")[2], 16)
    return total


def read_listeners(pid: int) -> tuple[Listener, ...]:
    """Return the TCP listeners of a process's network namespace, one for each port, by port.

    Of several for one port, the one that others can reach counts.
    """
    found: dict[int, Listener] = {}
    for row in _rows(pid):
        address, _, port = row[1].partition(":")
        if row[3] == _LISTENING:
            listener = _listener(address, int(port, 16))
            if listener.port not in found or found[listener.port].is_loopback:
                found[listener.port] = listener
    return tuple(found[port] for port in sorted(found))


def _rows(pid: int) -> list[list[str]]:
    rows: list[list[str]] = []
    for name in ("tcp", "tcp6"):
        with open(f"/proc/{pid}/net/{name}") as table:
            rows += [row.split() for row in table.readlines()[1:]]
    return rows


def _listener(address: str, port: int) -> Listener:
    """Read an address of /proc/net/tcp (proc(5)): hexadecimal, each 32-bit word in host order."""
    words = [bytes.fromhex(address[at : at + 8]) for at in range(0, len(address), 8)]
    raw = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    is_loopback = raw[0] == 127 if len(raw) == 4 else raw == bytes(15) + b"\1"
    # "::" takes IPv4 too, unless the service asked otherwise: then connecting tells.
    return Listener(port=port, is_ipv6=len(raw) == 16 and any(raw), is_loopback=is_loopback)
