"""A container of a local engine: read-only, without capabilities, published on the loopback address only."""

from __future__ import annotations

import contextlib
import http.client
import re
import resource
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from seatrial.errors import FormatError
from seatrial.formats.jsonvalue import as_list, as_table, table_at, text_at
from seatrial.host.engine_cli import EngineCli
from seatrial.host.listeners import Listener, read_listeners
from seatrial.model.facts import Exchange
from seatrial.model.trial import TrialPlan
from seatrial.observe.drive import drive
from seatrial.observe.services import fill_placeholders
from seatrial.observe.unpack import Settings

# What services mostly listen on, for images that expose nothing.
USUAL_PORTS: Final = (8080, 80, 3000, 5000, 8000, 9090)

# Open files, and processes: as many as any service needs.
_ENOUGH: Final = 16_384
_LISTEN_S: Final = 0.05
_OFTEN_S: Final = 0.002


class Container:
    """The one container of a trial by an engine: created, started, removed, and created otherwise.

    endpoint: of the collector, as containers see it. folder: for files of the plan. seed: of the trace
    contexts. listening: what was last seen to listen in it.
    """

    def __init__(
        self, cli: EngineCli, plan: TrialPlan, settings: Settings, *, endpoint: str, folder: Path, seed: str
    ) -> None:
        self.pid = 0
        self.listening: tuple[Listener, ...] = ()
        self.listening_s: float | None = None
        self.started_s = 0.0
        self._cli = cli
        self._plan = plan
        self._settings = settings
        self._endpoint = endpoint
        self._folder = folder
        self._seed = seed
        self._ports = settings.ports or USUAL_PORTS

    def create(self, *, is_root_writable: bool = False, memory_bytes: int = 0) -> None:
        """Make it; memory_bytes: 0 for no limit."""
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self._endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_SERVICE_NAME": self._plan.service_name,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        } | dict(fill_placeholders(self._plan.environment))
        words = ["create", "--name", self._cli.tag, "--cap-drop", "ALL"]
        words += ["--security-opt", "no-new-privileges", "--tmpfs", "/tmp"]  # noqa: S108 - the container's
        if not is_root_writable:
            words += ["--read-only"]
        if memory_bytes:
            words += ["--memory", f"{memory_bytes}b", "--memory-swap", f"{memory_bytes}b"]
        if self._cli.name == "docker":
            words += ["--add-host", "host.docker.internal:host-gateway"]
        else:
            # Podman raises these by default, which root without CAP_SYS_RESOURCE may not.
            for limit, number in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
                hard = resource.getrlimit(number)[1]
                hard = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
                words += ["--ulimit", f"{limit}={hard}:{hard}"]
        words += [part for port in self._ports for part in ("--publish", f"127.0.0.1::{port}")]
        words += [part for name in variables for part in ("--env", name)]
        if self._settings.health_argv and self._cli.name == "docker":
            # The image's own command, looked at each second: its own pace may be minutes.
            words += ["--health-interval", "1s"]
        for number, (path, content) in enumerate(fill_placeholders(self._plan.files)):
            source = self._folder / str(number)
            source.write_text(content)
            words += ["--volume", f"{source}:{path}:ro"]
        # By the client's own environment: on a command line, others could read the values.
        self._cli.ask(*words, self._cli.image, *self._plan.arguments, more=variables).checked()

    def start(self) -> None:
        """Start it, and note when, by the engine's clock where that is this machine's."""
        self.listening, self.listening_s = (), None
        self._cli.text("start", self._cli.tag)
        self.pid = self._own_pid()
        ago_s = 0.0
        if self.pid:
            # Python reads microseconds, engines write nanoseconds.
            text = re.sub(r"(\.\d{6})\d*", r"\1", text_at(self.state(), "StartedAt"))
            with contextlib.suppress(ValueError):
                ago_s = max(time.time() - datetime.fromisoformat(text).timestamp(), 0.0)
        self.started_s = time.monotonic() - ago_s

    def remove(self) -> None:
        """Kill and remove it."""
        self._cli.text("rm", "--force", "--volumes", self._cli.tag)

    def first_answer(self, patience_s: float, request_timeout_s: float) -> tuple[int, Exchange] | None:
        """Ask for the plan's first request until an answer comes, or it ends, or the time is over.

        Returns the port of this machine that leads to it, and the exchange.
        """
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            self._look_for_listeners()
            for port, published in self._published():
                first = self.ask(published, 0, request_timeout_s)
                if first.status:
                    if self.listening_s is None:
                        self.listening_s = time.monotonic()
                    self.listening = self.listening or (
                        Listener(port=port, is_ipv6=False, is_loopback=False),
                    )
                    return published, first
            if not self.is_running():
                return None
        return None

    def ask(self, published: int, number: int, timeout_s: float) -> Exchange:
        """Make one of the plan's requests."""
        client = http.client.HTTPConnection("127.0.0.1", published, timeout=timeout_s)
        return drive(client, self._plan.requests[number], number=number, seed=self._seed).exchange

    def state(self) -> dict[str, object]:
        """Return what the engine says of its state."""
        return table_at(self._cli.inspect("inspect", self._cli.tag), "State")

    def is_running(self) -> bool:
        """Return whether it runs."""
        return self.state().get("Running") is True

    def exit_code(self) -> int:
        """Return the exit code, negative for a signal (engines tell it as 128 + N)."""
        code = self.state().get("ExitCode")
        if not isinstance(code, int):
            raise FormatError("expected a number", where="State.ExitCode")
        return 128 - code if 128 < code <= 192 else code

    def log_lines(self) -> tuple[str, ...]:
        """Return what it printed, both streams in the order of their time stamps."""
        done = self._cli.ask("logs", "--timestamps", "--tail", "2000", self._cli.tag)
        lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
        return tuple(
            line.partition(" ")[2] for line in sorted(lines, key=lambda one: one.split(" ")[0])[-2000:]
        )

    def _own_pid(self) -> int:
        """Return the container's first process, where the engine is on this machine and not in a VM."""
        inspected = self._cli.inspect("inspect", self._cli.tag)
        pid = table_at(inspected, "State").get("Pid")
        identifier = text_at(inspected, "Id")
        with contextlib.suppress(OSError):
            if isinstance(pid, int) and pid and identifier in Path(f"/proc/{pid}/cgroup").read_text():
                return pid
        return 0

    def _look_for_listeners(self) -> None:
        """Look for a moment at what listens; nobody may be able to see it from here."""
        for _ in range(int(_LISTEN_S / _OFTEN_S)):
            with contextlib.suppress(OSError):
                found = read_listeners(self.pid) if self.pid else ()
                if found:
                    self.listening = found
                    self.listening_s = self.listening_s or time.monotonic()
                    return
            time.sleep(_OFTEN_S)

    def _published(self) -> Iterator[tuple[int, int]]:
        """Yield container ports that may answer, each with its port on this machine."""
        known = {one.port for one in self.listening}
        state = table_at(self._cli.inspect("inspect", self._cli.tag), "NetworkSettings")
        for name, places in table_at(state, "Ports").items():
            port = int(name.partition("/")[0])
            # The engine itself accepts connections for a port that nothing listens on.
            if known and port not in known:
                continue
            for place in as_list(places)[:1]:
                yield port, int(text_at(as_table(place), "HostPort"))
