"""Image -> root file system in a sandbox, with what a container engine puts there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.formats.jsonvalue import table_at, text_at, texts_at
from seatrial.host.rootfs import Members, Rootfs
from seatrial.host.sandbox import SANDBOX_UID, Sandbox

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_HOSTS: Final = b"127.0.0.1\tlocalhost trial\n::1\tlocalhost\n"
_NO_SHELL: Final = ("CMD", "CMD-SHELL")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How an image wants to be run (OCI config.md). environment: in order, names without "=" left out.

    health_timeout_s, health_start_s: of Docker's Healthcheck, its timeout and start period; 0: not said.
    stop_signal: the number of StopSignal; SIGTERM's when it names none, or none that exists.
    """

    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    user: str
    working_directory: str
    ports: tuple[int, ...]
    health_argv: tuple[str, ...]
    health_timeout_s: float
    health_start_s: float
    stop_signal: int = signal.SIGTERM


def read_settings(config: dict[str, object]) -> Settings:
    """Read an image configuration; raise FormatError for a wrong shape."""
    process = table_at(config, "config")
    check = table_at(process, "Healthcheck")
    pairs = (variable.partition("=") for variable in texts_at(process, "Env"))
    return Settings(
        entrypoint=texts_at(process, "Entrypoint"),
        cmd=texts_at(process, "Cmd"),
        environment=tuple((name, value) for name, _, value in pairs if name),
        user=text_at(process, "User"),
        working_directory=text_at(process, "WorkingDir") or "/",
        ports=_ports(tuple(table_at(process, "ExposedPorts"))),
        health_argv=_health_argv(check),
        health_timeout_s=_seconds(check.get("Timeout")),
        health_start_s=_seconds(check.get("StartPeriod")),
        stop_signal=_signal(text_at(process, "StopSignal")),
    )


def fill(
    sandbox: Sandbox, layers: Iterable[Members], directory: str, files: tuple[tuple[str, str], ...] = ()
) -> Rootfs:
    """Unpack layers, bottom first, as the sandbox's root.

    directory: the working directory, made when no layer brings it. files: what the trial adds, as
    ``docker run -v`` would: path -> content.
    """
    rootfs = _empty_rootfs(sandbox)
    for layer in layers:
        rootfs.apply(layer)
    _add(rootfs, files)
    _furnish(rootfs, directory)
    return rootfs


def fill_with_files(
    sandbox: Sandbox, paths: Mapping[str, Path], files: tuple[tuple[str, str], ...] = ()
) -> Rootfs:
    """Make a root of a few files of this machine: enough for a static program. files: as for ``fill``."""
    rootfs = _empty_rootfs(sandbox)
    rootfs.add_files(paths)
    _add(rootfs, files)
    _furnish(rootfs, "/")
    return rootfs


def container_environment(rootfs: Rootfs, image: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the variables that Docker would set: PATH, HOSTNAME, HOME of the user, then the image's."""
    home = "/"
    passwd = rootfs.open("/etc/passwd")
    if passwd is not None:
        with passwd:
            for line in passwd.read(1 << 20).decode("utf-8", "replace").splitlines():
                entry = line.split(":")
                if len(entry) == 7 and entry[2] == str(SANDBOX_UID):
                    home = entry[5] or "/"
    return {"PATH": DEFAULT_PATH, "HOSTNAME": "trial", "HOME": home} | dict(image)


def _empty_rootfs(sandbox: Sandbox) -> Rootfs:
    is_root = os.geteuid() == 0
    return Rootfs(sandbox.root, None if is_root else (SANDBOX_UID, SANDBOX_UID))


def _add(rootfs: Rootfs, files: tuple[tuple[str, str], ...]) -> None:
    for path, content in files:
        rootfs.write(path, content.encode())


def _furnish(rootfs: Rootfs, working_directory: str) -> None:
    """Add what an engine mounts into a container; there is no network, so no name server either."""
    for directory in ("/proc", "/dev", "/tmp"):  # noqa: S108 - the image's own
        rootfs.make_directory(directory)
    if working_directory.strip("/"):
        rootfs.make_directory(working_directory)
    rootfs.write("/etc/hosts", _HOSTS)
    rootfs.write("/etc/hostname", b"trial\n")
    rootfs.write("/etc/resolv.conf", b"")
    rootfs.finish()


def _signal(name: str) -> int:
    """Return the number of "SIGQUIT", "quit", "3" or "SIGRTMIN+3", as engines read it."""
    known, _, more = name.upper().removeprefix("SIG").partition("+")
    if known.isdecimal() and 0 < int(known) <= signal.SIGRTMAX:
        return int(known)
    found = signal.Signals.__members__.get(f"SIG{known}", signal.SIGTERM)
    return found + (int(more) if more.isdecimal() else 0)


def _ports(names: tuple[str, ...]) -> tuple[int, ...]:
    numbers = (name.partition("/")[0] for name in names if not name.endswith("/udp"))
    return tuple(int(number) for number in numbers if number.isdecimal())


def _health_argv(check: dict[str, object]) -> tuple[str, ...]:
    """Return Docker's Healthcheck as a command line; empty when there is none."""
    test = texts_at(check, "Test")
    if not test or test[0] not in _NO_SHELL:
        return ()
    return test[1:] if test[0] == "CMD" else ("/bin/sh", "-c", *test[1:])


def _seconds(nanoseconds: object) -> float:
    """Turn one of Docker's durations into seconds; anything else counts as not said."""
    return nanoseconds / 1e9 if isinstance(nanoseconds, int) and nanoseconds > 0 else 0.0
