"""Image -> RunningFacts by a local engine, where our own sandbox cannot be had.

The image is loaded under a name of its own, and run as strictly as an engine allows. What this way
cannot show is said in the facts' ``limits``, and stays unknown.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import resource
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from seatrial.errors import FormatError, MachineError, SeatrialError
from seatrial.formats.jsonvalue import as_list, as_table, table_at, text_at
from seatrial.host.engine_cli import EngineCli
from seatrial.host.image_reader import open_image
from seatrial.host.listeners import Listener, read_listeners
from seatrial.model.facts import WHILE_UP, Exchange, Probe, RunningFacts, Shutdown, Span
from seatrial.model.trial import TrialPlan
from seatrial.observe.collector import Collector
from seatrial.observe.documents import Documents, read_documents
from seatrial.observe.drive import drive
from seatrial.observe.process_facts import read_process
from seatrial.observe.services import fill_placeholders
from seatrial.observe.shutdown import signal_name
from seatrial.observe.unpack import Settings, read_settings

# Of linux/in.h; Python 3.11's socket module does not name it.
_IP_FREEBIND: Final = 15
# What services mostly listen on, for images that expose nothing.
_USUAL_PORTS: Final = (8080, 80, 3000, 5000, 8000, 9090)
# Open files, and processes: as many as any service needs.
_ENOUGH: Final = 16_384
_PAUSE_S: Final = 0.05
_OFTEN_S: Final = 0.002
_FIRST_EXPORT_TIMEOUT_S: Final = 1.0
_HEALTHY_WITHIN_S: Final = 15.0
_LIMITS: Final = (
    "nothing was stopped beside it: no database, no other service",
    "requests under way at SIGTERM were not tried",
    "it was not started again with one thing changed",
    "the engine's network lets it reach further than the trial",
)


def observe_running_in_engine(
    image: Path,
    plan: TrialPlan,
    *,
    engine: str,
    env: Mapping[str, str],
    scratch: Path,
    digest: str = "",
) -> RunningFacts:
    """Run an image with ``docker`` or ``podman`` and return what was seen.

    image, digest: as for ``observe_running``. scratch: a directory for the image on its way in, and for
    files of the plan. Raises MissingTool, MachineError (no engine answers; the plan names services),
    ToolFailed (the engine's own words), FormatError, UntrustedInput.
    """
    if plan.services or plan.programs:
        raise MachineError(
            f"{engine} runs the image alone: the services under [trial] need the sandbox",
            hint="allow namespaces (seatrial doctor), or name no service",
        )
    cli = EngineCli(name=engine, env=env)
    description = cli.version()
    with open_image(image) as files, cli.cleaned(), contextlib.ExitStack() as stack:
        documents = read_documents(files, architecture="", digest=digest)
        layers = tuple(
            (
                layer.name,
                layer.descriptor.size_bytes if layer.descriptor else files.size_bytes(layer.name),
            )
            for layer in documents.layers
        )
        cli.load(files, config=documents.config, layers=layers, scratch=scratch)
        host, listener = _collecting_address(cli)
        collector = Collector(listener)
        stack.callback(collector.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=scratch)))
        trial = _EngineTrial(cli, plan, documents, collector)
        trial.create(f"http://{host}:{listener.getsockname()[1]}", folder)
        return trial.run(description)


class _EngineTrial:
    """One container: what has been seen so far, and the steps that see it."""

    def __init__(self, cli: EngineCli, plan: TrialPlan, documents: Documents, collector: Collector) -> None:
        self._cli = cli
        self._plan = plan
        self._seed = documents.digest
        self._settings: Settings = read_settings(documents.config)
        self._collector = collector
        self._ports = self._settings.ports or _USUAL_PORTS
        self._pid = 0
        self._began_s = time.monotonic()
        self._limits = list(_LIMITS)
        self._problems: list[str] = []
        self._timeline: list[tuple[str, float]] = []
        if not self._settings.ports:
            self._limits.append(f"the image exposes no port; asked were {', '.join(map(str, _USUAL_PORTS))}")

    def create(self, endpoint: str, folder: Path) -> None:
        """Make the container: read-only, without capabilities, published on the loopback address only."""
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_SERVICE_NAME": self._plan.service_name,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
        } | dict(fill_placeholders(self._plan.environment))
        words = ["create", "--name", self._cli.tag, "--read-only", "--cap-drop", "ALL"]
        words += ["--security-opt", "no-new-privileges", "--tmpfs", "/tmp"]  # noqa: S108 - the container's
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
            source = folder / str(number)
            source.write_text(content)
            words += ["--volume", f"{source}:{path}:ro"]
        # By the client's own environment: on a command line, others could read the values.
        self._cli.ask(*words, self._cli.image, *self._plan.arguments, more=variables).checked()

    def run(self, engine: str) -> RunningFacts:
        """Go through the steps; each is skipped when the service is not there for it."""
        self._mark("loaded")
        self._cli.text("start", self._cli.tag)
        self._pid = self._own_pid()
        self._mark_started()
        exchanges, listening = self._drive()
        process = read_process(self._pid) if self._pid else None
        if exchanges and process is None:
            self._limits.append("the process could not be looked at from here")
        healthy_ms = self._await_healthy() if exchanges else None
        probes = (self._probe(),) if exchanges and self._settings.health_argv and self._is_running() else ()
        ended_early = None if self._is_running() else self._exit_code()
        shutdown = self._stop() if ended_early is None else None
        return RunningFacts(
            engine=engine,
            limits=tuple(self._limits),
            time_to_listen_ms=self._time_of("listening"),
            listening=tuple(one.port for one in listening),
            process=process,
            exchanges=exchanges,
            spans=self._collector.spans,
            probes=probes,
            has_health_flag=None,
            services=(),
            log_lines=self._log_lines(),
            shutdown=shutdown,
            ended_early=ended_early,
            is_reachable=_is_reachable(exchanges, listening),
            problems=(*self._problems, *self._collector.problems),
            time_to_healthy_ms=healthy_ms,
            timeline=tuple(self._timeline),
        )

    def _drive(self) -> tuple[tuple[Exchange, ...], tuple[Listener, ...]]:
        """Wait for the first HTTP answer, then make the plan's other requests on that port."""
        deadline = time.monotonic() + self._plan.start_timeout_s
        listening: tuple[Listener, ...] = ()
        while time.monotonic() < deadline:
            listening = self._await_listeners() or listening
            if listening and self._time_of("listening") is None:
                self._mark("listening")
            for port, published in self._published(listening):
                first = self._exchange(published, 0)
                if first.status:
                    if self._time_of("listening") is None:
                        self._mark("listening")
                    self._mark("first answer")
                    listening = listening or (Listener(port=port, is_ipv6=False, is_loopback=False),)
                    rest = (self._exchange(published, n) for n in range(1, len(self._plan.requests)))
                    exchanges = (first, *rest)
                    self._await_spans(exchanges)
                    return exchanges, listening
            if not self._is_running():
                return (), listening
        self._problems.append(f"nothing answered within {self._plan.start_timeout_s:g} s")
        return (), listening

    def _exchange(self, published: int, number: int) -> Exchange:
        timeout_s = self._plan.request_timeout_s
        client = http.client.HTTPConnection("127.0.0.1", published, timeout=timeout_s)
        return drive(client, self._plan.requests[number], number=number, seed=self._seed).exchange

    def _published(self, listening: tuple[Listener, ...]) -> Iterator[tuple[int, int]]:
        """Yield container ports that may answer, each with its port on this machine."""
        known = {one.port for one in listening}
        state = table_at(self._cli.inspect("inspect", self._cli.tag), "NetworkSettings")
        for name, places in table_at(state, "Ports").items():
            port = int(name.partition("/")[0])
            # The engine itself accepts connections for a port that nothing listens on.
            if known and port not in known:
                continue
            for place in as_list(places)[:1]:
                yield port, int(text_at(as_table(place), "HostPort"))

    def _await_listeners(self) -> tuple[Listener, ...]:
        """Look for a moment at what listens; () when nothing does, or nobody can see it from here."""
        for _ in range(int(_PAUSE_S / _OFTEN_S)):
            with contextlib.suppress(OSError):
                found = read_listeners(self._pid) if self._pid else ()
                if found:
                    return found
            time.sleep(_OFTEN_S)
        return ()

    def _own_pid(self) -> int:
        """Return the container's first process, where the engine is on this machine and not in a VM."""
        inspected = self._cli.inspect("inspect", self._cli.tag)
        pid = table_at(inspected, "State").get("Pid")
        identifier = text_at(inspected, "Id")
        with contextlib.suppress(OSError):
            if isinstance(pid, int) and pid and identifier in Path(f"/proc/{pid}/cgroup").read_text():
                return pid
        return 0

    def _await_spans(self, exchanges: tuple[Exchange, ...]) -> None:
        wanted = {one.trace_id for one in exchanges if one.status}

        def are_here(spans: tuple[Span, ...]) -> bool:
            return wanted <= {span.trace_id for span in spans if span.kind == "server"}

        if self._collector.wait(are_here, _FIRST_EXPORT_TIMEOUT_S) or not self._collector.has_been_called:
            return
        self._collector.wait(are_here, self._plan.spans_timeout_s - _FIRST_EXPORT_TIMEOUT_S)

    def _await_healthy(self) -> float | None:
        """Follow the engine's own opinion to "healthy"; None when it has none, or comes to another."""
        if not self._settings.health_argv or self._cli.name != "docker":
            return None
        deadline = time.monotonic() + _HEALTHY_WITHIN_S
        while time.monotonic() < deadline:
            state = table_at(self._cli.inspect("inspect", self._cli.tag), "State")
            status = text_at(table_at(state, "Health"), "Status")
            if status == "healthy":
                self._mark("healthy")
                return self._time_of("healthy")
            if status in {"", "unhealthy"} or state.get("Running") is not True:
                self._problems.append(f"the engine says {status or 'nothing'} of its health")
                return None
            time.sleep(_PAUSE_S)
        self._problems.append(f"the engine did not say healthy within {_HEALTHY_WITHIN_S:g} s")
        return None

    def _probe(self) -> Probe:
        """Run the health command by the engine's exec; its client's start is in the time, too."""
        argv = self._plan.health_argv or self._settings.health_argv
        began_s = time.monotonic()
        try:
            done = self._cli.ask("exec", self._cli.tag, *argv, timeout_s=self._plan.health_timeout_s)
            code, output = done.returncode, (done.stdout + done.stderr).decode(errors="replace")
        except SeatrialError as error:
            code, output = -9, str(error)
        elapsed_ms = (time.monotonic() - began_s) * 1000
        return Probe(situation=WHILE_UP, exit_code=code, elapsed_ms=elapsed_ms, output=output[-2000:])

    def _stop(self) -> Shutdown:
        began_s = time.monotonic()
        self._cli.text("kill", "--signal", str(int(self._settings.stop_signal)), self._cli.tag)
        try:
            self._cli.ask("wait", self._cli.tag, timeout_s=self._plan.stop_timeout_s).checked()
            code: int | None = self._exit_code()
        except SeatrialError:
            code = None
        return Shutdown(
            exit_code=code,
            elapsed_ms=(time.monotonic() - began_s) * 1000,
            signal=signal_name(self._settings.stop_signal),
        )

    def _state(self) -> dict[str, object]:
        return table_at(self._cli.inspect("inspect", self._cli.tag), "State")

    def _is_running(self) -> bool:
        return self._state().get("Running") is True

    def _exit_code(self) -> int:
        """Return the exit code, negative for a signal (engines tell it as 128 + N)."""
        code = self._state().get("ExitCode")
        if not isinstance(code, int):
            raise FormatError("expected a number", where="State.ExitCode")
        return 128 - code if 128 < code <= 192 else code

    def _log_lines(self) -> tuple[str, ...]:
        """Return what it printed, both streams in the order of their time stamps."""
        done = self._cli.ask("logs", "--timestamps", "--tail", "2000", self._cli.tag)
        lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
        return tuple(
            line.partition(" ")[2] for line in sorted(lines, key=lambda one: one.split(" ")[0])[-2000:]
        )

    def _mark_started(self) -> None:
        """Note when the engine started it, by the engine's clock where that is this machine's."""
        ago_s = 0.0
        if self._pid:
            # Python reads microseconds, engines write nanoseconds.
            text = re.sub(r"(\.\d{6})\d*", r"\1", text_at(self._state(), "StartedAt"))
            with contextlib.suppress(ValueError):
                ago_s = max(time.time() - datetime.fromisoformat(text).timestamp(), 0.0)
        self._timeline.append(("started", (time.monotonic() - self._began_s - ago_s) * 1000))

    def _mark(self, event: str) -> None:
        self._timeline.append((event, (time.monotonic() - self._began_s) * 1000))

    def _time_of(self, event: str) -> float | None:
        """Return when something happened, counted from the start of the container."""
        times = dict(self._timeline)
        return times[event] - times["started"] if event in times and "started" in times else None


def _collecting_address(cli: EngineCli) -> tuple[str, socket.socket]:
    """Return a host name that containers reach us by, and a listener there.

    The bridge's gateway is an address of this machine, unless the engine is in a VM: that forwards
    host.docker.internal to our loopback address.
    """
    gateway = _gateway(cli)
    for host, address in ((gateway, gateway), ("host.docker.internal", "127.0.0.1")):
        if address:
            with contextlib.suppress(OSError):
                return host, _listen(address, is_made_later=address == gateway and _makes_bridge_later(cli))
    raise MachineError(f"no address of this machine can be reached from {cli.name}'s containers")


def _makes_bridge_later(cli: EngineCli) -> bool:
    """podman makes its bridge with its first container; root's is on this machine, and not in a namespace."""
    return cli.name == "podman" and os.geteuid() == 0


def _listen(address: str, *, is_made_later: bool) -> socket.socket:
    """Return a listener; ``is_made_later``: the address need not be there yet (ip(7), IP_FREEBIND)."""
    if not is_made_later:
        return socket.create_server((address, 0))
    listener = socket.socket()
    try:
        listener.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        listener.bind((address, 0))
        listener.listen()
    except OSError:
        listener.close()
        raise
    return listener


def _gateway(cli: EngineCli) -> str:
    if cli.name == "docker":
        found = cli.inspect("network", "inspect", "bridge")
        places = as_list(table_at(found, "IPAM").get("Config"))
        return text_at(as_table(places[0]), "Gateway") if places else ""
    found = cli.inspect("network", "inspect", "podman")
    subnets = as_list(found.get("subnets"))
    return text_at(as_table(subnets[0]), "gateway") if subnets else ""


def _is_reachable(exchanges: tuple[Exchange, ...], listening: tuple[Listener, ...]) -> bool | None:
    """An answer came through the engine's bridge; without one, only the sockets can tell."""
    if any(one.status for one in exchanges):
        return True
    return not all(one.is_loopback for one in listening) if listening else None
