"""What runs beside the service that is tried: one small protocol, and the surroundings of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from seatrial.host.sandbox import Sandbox

_SYSTEM: Final = (
    *("/lib", "/lib32", "/lib64", "/bin", "/sbin", "/usr/lib32"),
    *("/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl"),
)


class Stoppable(Protocol):
    """Something that a service depends on, and that can be taken from it for a while.

    stop: returns whether it was really taken away. start: gives it back, and returns once it answers.
    """

    @property
    def name(self) -> str: ...
    def stop(self) -> bool: ...
    def start(self) -> None: ...


class Service(Stoppable, Protocol):
    """Something that is made for the trial, in the sandbox's own network.

    prepare: begins what takes time, before the image is unpacked; ``start`` comes after it.
    placeholders: such as "{postgres.url}" -> what it means, in variables and files.
    """

    @property
    def placeholders(self) -> Mapping[str, str]: ...
    def prepare(self) -> None: ...


def machine_options(sandbox: Sandbox, data: str) -> tuple[str, ...]:
    """Return bwrap's options for a program of this machine: its libraries, read-only, and one directory.

    data: a directory below the sandbox's ``data``, "" for that itself; seen as /data, to write to.
    """
    place = f"{sandbox.scratch}/data/{data}".rstrip("/")
    return (
        *("--ro-bind", "/usr", "/usr"),
        *(part for path in _SYSTEM for part in ("--ro-bind-try", path, path)),
        *("--bind", place, "/data"),
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),  # noqa: S108 - the sandbox's own
        *("--setenv", "PATH", "/usr/bin:/bin:/usr/sbin:/sbin"),
    )
