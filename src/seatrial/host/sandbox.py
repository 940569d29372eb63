"""Running programs shut off from this machine: bubblewrap, its own network, and nothing left behind.

A process of its own (sandbox_init.py) holds the namespaces and starts bwrap in them. It ends when
this process does, by whatever cause, and the kernel then ends and unmounts everything: there is no
directory on the disk, no port of this machine and no mount of it. The scratch is memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from seatrial.errors import MachineError
from seatrial.host.bubblewrap import Engine
from seatrial.host.job import Job, pid_of
from seatrial.host.launcher import Launcher, launched
from seatrial.host.listeners import Listener, count_unread, read_listeners
from seatrial.host.logs import Log
from seatrial.host.memory_limit import group_place, limited_group
from seatrial.host.seccomp import filter_program

# Distroless's "nonroot": the user that every image of ours names.
SANDBOX_UID: Final = 65532
ROOT_BYTES: Final = 4 << 30
TMP_BYTES: Final = 512 << 20

_LARGEST_MESSAGE: Final = 1 << 20
_ANSWER_TIMEOUT_S: Final = 10.0
_END_TIMEOUT_S: Final = 5.0
_NOT_STARTED: Final = 127
_MOST_HANDLES: Final = 16
_SOCKETS_AT_ONCE: Final = 8
_NO_NAMESPACES: Final = (
    "the trial needs user, mount and network namespaces: outside a container, allow them with\n"
    "sysctl -w kernel.unprivileged_userns_clone=1 (Debian) or\n"
    "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu 24.04); in Docker, add\n"
    "--security-opt seccomp=unconfined --security-opt systempaths=unconfined"
)


class Sandbox:
    """One scratch, one network, any number of programs in it. Made by ``open_sandbox``; not for threads.

    root: descriptor of the directory that programs see as ``/``, empty at first, to be filled
    through it. tmp: of the one that they see as ``/tmp``. data: of one more, the sandbox user's own, for
    what runs beside them. listeners: accept from inside. reserved_ports: ours, never the service's.
    has_filter: system calls are filtered as Docker does.
    """

    def __init__(self, engine: Engine, launcher: Launcher) -> None:
        self.engine = engine
        self.root = self.tmp = self.data = -1
        self.listeners: dict[int, socket.socket] = {}
        self.reserved_ports: set[int] = set()
        self.tools: dict[str, str] = {}
        self.scratch = ""
        self.has_filter = False
        self._launcher = launcher
        self._control = launcher.control
        self._launcher_pid = launcher.process.pid
        self._jobs: dict[int, Job] = {}
        self._sockets: dict[tuple[bool, int], list[socket.socket]] = {}
        self._group = group_place(self._launcher_pid)
        self._program = str(engine.program)

    def set_up(self, listen: tuple[int, ...], tools: tuple[Path, ...]) -> None:
        """Enter the namespaces; ``listen`` on 127.0.0.1 there. tools: directories to see there too."""
        tools = (*self.engine.tools, *tools)
        seccomp = filter_program(os.uname().machine)
        self.has_filter = bool(seccomp)
        wish: dict[str, object] = {
            "do": "set_up",
            "uid": SANDBOX_UID,
            "gid": SANDBOX_UID,
            "tools": [str(tool) for tool in tools],
            "listen": list(listen),
            "root_bytes": ROOT_BYTES,
            "tmp_bytes": TMP_BYTES,
            "filter": seccomp.hex(),
            "group": str(self._group or ""),
        }
        answer, handles = self._ask(wish, [])
        self.root, self.tmp, self.data, *listeners = handles
        self.listeners = {
            port: socket.socket(fileno=handle) for port, handle in zip(listen, listeners, strict=True)
        }
        self.reserved_ports.update(listen)
        self.scratch = str(answer["scratch"])
        self.tools = {tool.name: f"{self.scratch}/tools/{tool.name}" for tool in tools}
        if self.engine.tools:
            self._program = f"{self.tools[self.engine.tools[0].name]}/_bin/bwrap"

    def start(
        self,
        argv: tuple[str, ...],
        options: tuple[str, ...],
        *,
        is_limited: bool = False,
        has_own_network: bool = False,
    ) -> Job:
        """Start a program under bwrap with ``options`` (see ``container_options``).

        is_limited: with the memory that ``limited_memory`` grants. has_own_network: a loopback on which
        nothing of ours listens.
        """
        job = self._new_job()
        job.has_own_network = has_own_network
        wish: dict[str, object] = {
            "do": "start",
            "job": job.number,
            "program": self._program,
            "options": [*_ALWAYS, *options],
            "argv": list(argv),
            "is_limited": is_limited,
            "has_own_network": has_own_network,
        }
        _, handles = self._ask(wish, [job.log.writer])
        job.log.given()
        if handles:
            job.pidfd = handles[0]
            job.pid = pid_of(job.pidfd)
        return job

    def container_options(
        self,
        environment: tuple[tuple[str, str], ...],
        directory: str = "/",
        *,
        has_own_tmp: bool = False,
        is_root_writable: bool = False,
    ) -> tuple[str, ...]:
        """Return bwrap's options for a program of the image: read-only root, /tmp, own /proc and /dev.

        has_own_tmp: a /tmp that ends with the program, instead of the one behind ``tmp``.
        """
        variables = (part for name, value in environment for part in ("--setenv", name, value))
        return (
            *("--bind" if is_root_writable else "--ro-bind", f"{self.scratch}/root", "/"),
            *(("--tmpfs",) if has_own_tmp else ("--bind", f"{self.scratch}/writable")),
            "/tmp",  # noqa: S108 - the sandbox's own
            *("--proc", "/proc", "--dev", "/dev"),
            *("--perms", "1777", "--size", str(64 << 20), "--tmpfs", "/dev/shm"),  # noqa: S108 - as above
            *variables,
            *("--chdir", directory),
        )

    def enter(
        self,
        beside: Job,
        argv: tuple[str, ...],
        *,
        environment: tuple[tuple[str, str], ...],
        directory: str = "/",
    ) -> Job:
        """Start a second program in the namespaces of a running one, as ``docker exec`` does.

        When that one has ended, the second has too, with 127.
        """
        job = self._new_job()
        if not self._has_started(beside):
            job.status = _NOT_STARTED
            job.log.given()
            return job
        wish: dict[str, object] = {
            "do": "enter",
            "job": job.number,
            "beside": beside.number,
            "argv": list(argv),
            "environment": [f"{name}={value}" for name, value in environment],
            "directory": directory,
        }
        self._ask(wish, [job.log.writer])
        job.log.given()
        return job

    def wait(self, job: Job, timeout_s: float) -> int | None:
        """Return the job's exit code once it has ended, None when it has not within ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while job.status is None:
            left = deadline - time.monotonic()
            if not self._take_event(max(left, 0.0)) and left <= 0:
                return None
        job.log.close()
        return job.exit_code

    def kill(self, job: Job) -> None:
        """Kill a job and wait until it is gone."""
        if job.status is None:
            self._ask({"do": "kill", "job": job.number}, [])
            self.wait(job, _END_TIMEOUT_S)
        if job.pidfd >= 0:  # bwrap's own end comes a moment before its program's
            select.select([job.pidfd], [], [], _END_TIMEOUT_S)

    def limited_memory(self, limit_bytes: int) -> contextlib.AbstractContextManager[bool]:
        """Make a limit for the jobs that ask for it; yields False where there can be none.

        They must have ended by the time that the context does.
        """
        return limited_group(self._group, limit_bytes)

    def connect(self, listener: Listener, timeout_s: float, beside: Job | None = None) -> socket.socket:
        """Return a connection to a listener in the sandbox; raises OSError as connect(2) does.

        beside: the job that listens, when it has a network of its own.
        """
        number = beside.number if beside and beside.has_own_network else 0
        stock = self._sockets.setdefault((listener.is_ipv6, number), [])
        if not stock:
            wish: dict[str, object] = {
                "do": "sockets",
                "count": 1 if number else _SOCKETS_AT_ONCE,
                "is_ipv6": listener.is_ipv6,
                "beside": number,
            }
            stock.extend(socket.socket(fileno=handle) for handle in self._ask(wish, [])[1])
        connection = stock.pop()
        connection.settimeout(timeout_s)
        try:
            connection.connect(("::1" if listener.is_ipv6 else "127.0.0.1", listener.port))
        except BaseException:
            connection.close()
            raise
        return connection

    def listening(self, beside: Job | None = None) -> tuple[Listener, ...]:
        """Return what listens in the sandbox now, by port; our own listeners are not counted.

        beside: a job with a network of its own, to look there; nothing when it has ended.
        """
        if beside and beside.has_own_network:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                return read_listeners(beside.pid)
            return ()
        try:
            found = read_listeners(self._launcher_pid)
        except (FileNotFoundError, ProcessLookupError) as error:
            raise MachineError(self._last_words()) from error
        return tuple(one for one in found if one.port not in self.reserved_ports)

    def is_open(self, port: int) -> bool:
        """Return whether something listens on a port of the sandbox, be it reserved or not."""
        return any(one.port == port for one in read_listeners(self._launcher_pid))

    def count_unread(self, port: int) -> int:
        """Return how many bytes wait to be read by what listens on a port of the sandbox."""
        return count_unread(self._launcher_pid, port)

    def close(self) -> None:
        """End every program, and wait until all of it is gone."""
        self._launcher.end()
        for job in self._jobs.values():
            job.release()
        for owned in (*self.listeners.values(), *(one for stock in self._sockets.values() for one in stock)):
            owned.close()
        for handle in (self.root, self.tmp, self.data):
            if handle >= 0:
                os.close(handle)

    def _has_started(self, job: Job) -> bool:
        """Wait until bwrap has become the program, as only then its namespaces are complete."""
        own = os.stat(self.engine.program)
        deadline = time.monotonic() + _ANSWER_TIMEOUT_S
        while job.status is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                running = os.stat(f"/proc/{job.pid}/exe")
                if (running.st_dev, running.st_ino) != (own.st_dev, own.st_ino):
                    return True
            self.wait(job, 0.002)
        return False

    def _new_job(self) -> Job:
        job = Job(number=len(self._jobs) + 1, log=Log(), started_s=time.monotonic())
        self._jobs[job.number] = job
        return job

    def _ask(self, wish: dict[str, object], held: list[int]) -> tuple[dict[str, object], list[int]]:
        """Send one request and return its answer; events that come before it are noted."""
        try:
            socket.send_fds(self._control, [json.dumps(wish).encode()], held)
            while True:
                self._control.settimeout(_ANSWER_TIMEOUT_S)
                content, handles = _receive(self._control)
                if not content:
                    raise MachineError(self._last_words(), hint=_NO_NAMESPACES)
                message: dict[str, object] = json.loads(content)
                if "event" in message:
                    self._note(message)
                    continue
                if "error" in message:
                    raise MachineError(f"the sandbox cannot be made: {message['error']}", hint=_NO_NAMESPACES)
                return message, handles
        except OSError as error:
            raise MachineError(f"the sandbox does not answer: {error}", hint=_NO_NAMESPACES) from error

    def _take_event(self, timeout_s: float) -> bool:
        ready, _, _ = select.select([self._control], [], [], timeout_s)
        if not ready:
            return False
        content = self._control.recv(_LARGEST_MESSAGE)
        if not content:
            raise MachineError(self._last_words())
        self._note(json.loads(content))
        return True

    def _note(self, event: dict[str, object]) -> None:
        job = self._jobs[_number(event, "job")]
        job.status, job.ended_s = _number(event, "status"), time.monotonic()

    def _last_words(self) -> str:
        stderr = self._launcher.process.stderr
        words = stderr.read() if stderr else b""
        last = words.decode(errors="replace").strip().rpartition("\n")[2]
        return f"the sandbox has ended: {last or 'it was killed'}"


# No --uid here: as root it would map the number to root's own user, a false pass. The launcher has
# already become the user, so bwrap maps it to itself.
_ALWAYS: Final = (
    *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"),
    *("--hostname", "trial", "--new-session", "--die-with-parent", "--as-pid-1"),
    *("--cap-drop", "ALL", "--clearenv"),
)


@contextlib.contextmanager
def open_sandbox(
    engine: Engine,
    *,
    listen: tuple[int, ...] = (),
    tools: tuple[Path, ...] = (),
    launcher: Launcher | None = None,
) -> Iterator[Sandbox]:
    """Make a sandbox, and leave nothing of it behind.

    listen: ports bound on 127.0.0.1 inside before anything is started. tools: directories of this
    machine that bwrap options may bind from ``Sandbox.tools[name]``. launcher: one that was started
    before, for this sandbox alone.
    Raises MachineError where namespaces are not to be had.
    """
    if launcher is None:
        with (
            launched() as own,
            open_sandbox(engine, listen=listen, tools=tools, launcher=own) as sandbox,
        ):
            yield sandbox
        return
    sandbox = Sandbox(engine, launcher)
    try:
        sandbox.set_up(listen, tools)
        yield sandbox
    finally:
        sandbox.close()


def _receive(control: socket.socket) -> tuple[bytes, list[int]]:
    """Receive one message and its descriptors. Not socket.recv_fds: it drops its flags (Python 3.11)."""
    handles = array("i")
    room = socket.CMSG_SPACE(_MOST_HANDLES * handles.itemsize)
    content, extras, _, _ = control.recvmsg(_LARGEST_MESSAGE, room, socket.MSG_CMSG_CLOEXEC)
    for _, kind, data in extras:
        if kind == socket.SCM_RIGHTS:
            handles.frombytes(data)
    return content, list(handles)


def _number(table: dict[str, object], key: str) -> int:
    value = table[key]
    assert isinstance(value, int)
    return value
