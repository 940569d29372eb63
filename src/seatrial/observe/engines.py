"""Image -> RunningFacts by a local engine, where our own sandbox cannot be had.

The image is loaded under a name of its own, and run as strictly as an engine allows. What this way
cannot show is said in the facts' ``limits``, and stays unknown.
"""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from seatrial.errors import MachineError, SeatrialError
from seatrial.formats.jsonvalue import as_list, as_table, table_at, text_at
from seatrial.host.engine_cli import EngineCli
from seatrial.host.image_reader import open_image
from seatrial.host.listeners import Listener
from seatrial.model.facts import (
    WHILE_UP,
    Exchange,
    Probe,
    ProcessFacts,
    RunningFacts,
    Shutdown,
    Span,
    Variation,
)
from seatrial.model.trial import TrialPlan
from seatrial.observe.collector import Collector
from seatrial.observe.documents import read_documents
from seatrial.observe.engine_container import USUAL_PORTS, Container
from seatrial.observe.engine_restarts import EngineRestarts
from seatrial.observe.process_facts import read_process
from seatrial.observe.shutdown import signal_name
from seatrial.observe.unpack import Settings, read_settings
from seatrial.observe.variations import Variations

# Of linux/in.h; Python 3.11's socket module does not name it.
_IP_FREEBIND: Final = 15
_PAUSE_S: Final = 0.05
_FIRST_EXPORT_TIMEOUT_S: Final = 1.0
_HEALTHY_WITHIN_S: Final = 15.0
_LIMITS: Final = (
    "nothing was stopped beside it: no database, no other service",
    "requests under way at SIGTERM were not tried",
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
        settings = read_settings(documents.config)
        container = Container(
            cli,
            plan,
            settings,
            endpoint=f"http://{host}:{listener.getsockname()[1]}",
            folder=folder,
            seed=documents.digest,
        )
        return _EngineTrial(cli, plan, settings, container, collector=collector, listener=listener).run(
            description
        )


class _EngineTrial:
    """What has been seen so far, and the steps that see it."""

    def __init__(
        self,
        cli: EngineCli,
        plan: TrialPlan,
        settings: Settings,
        container: Container,
        *,
        collector: Collector,
        listener: socket.socket,
    ) -> None:
        self._cli = cli
        self._plan = plan
        self._settings = settings
        self._container = container
        self._collector = collector
        self._collecting = listener
        self._began_s = time.monotonic()
        self._limits = list(_LIMITS)
        self._problems: list[str] = []
        self._timeline: list[tuple[str, float]] = []
        if not settings.ports:
            self._limits.append(f"the image exposes no port; asked were {', '.join(map(str, USUAL_PORTS))}")

    def run(self, engine: str) -> RunningFacts:
        """Go through the steps; each is skipped when the service is not there for it."""
        container = self._container
        container.create()
        self._mark("loaded")
        container.start()
        self._mark("started", container.started_s)
        exchanges = self._drive()
        listening = container.listening
        process = read_process(container.pid) if container.pid else None
        if exchanges and process is None:
            self._limits.append("the process could not be looked at from here")
        healthy_ms = self._await_healthy() if exchanges else None
        is_up = container.is_running()
        probes = (self._probe(),) if exchanges and self._settings.health_argv and is_up else ()
        ended_early = None if container.is_running() else container.exit_code()
        shutdown = self._stop() if ended_early is None else None
        log_lines = container.log_lines()
        self._collector.close()  # what comes now is not of the trial proper
        variations, writes = self._vary(exchanges, process, has_failed=ended_early is not None)
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
            log_lines=log_lines,
            shutdown=shutdown,
            ended_early=ended_early,
            is_reachable=_is_reachable(exchanges, listening),
            problems=(*self._problems, *self._collector.problems),
            time_to_healthy_ms=healthy_ms,
            variations=variations,
            writes=writes,
            timeline=tuple(self._timeline),
        )

    def _drive(self) -> tuple[Exchange, ...]:
        """Wait for the first HTTP answer, then make the plan's other requests on that port."""
        container, timeout_s = self._container, self._plan.request_timeout_s
        found = container.first_answer(self._plan.start_timeout_s, timeout_s)
        if container.listening_s is not None:
            self._mark("listening", container.listening_s)
        if found is None:
            if container.is_running():
                self._problems.append(f"nothing answered within {self._plan.start_timeout_s:g} s")
            return ()
        published, first = found
        self._mark("first answer")
        rest = (container.ask(published, number, timeout_s) for number in range(1, len(self._plan.requests)))
        exchanges = (first, *rest)
        self._await_spans(exchanges)
        return exchanges

    def _vary(
        self, exchanges: tuple[Exchange, ...], process: ProcessFacts | None, *, has_failed: bool
    ) -> tuple[tuple[Variation, ...], tuple[str, ...] | None]:
        """Start it again with things changed; of a service that failed, only to learn why."""
        variations = Variations(
            EngineRestarts(self._cli, self._container, self._plan),
            without_collector=self._take_collector_away,
            rss_bytes=process.rss_bytes if process else 0,
            listen_s=(self._time_of("listening") or 0.0) / 1000,
        )
        found = variations.run_writable() if has_failed or not exchanges else variations.run(())
        return found, variations.writes

    def _take_collector_away(self) -> None:
        """Close the collector and its port: nobody listens there any more."""
        self._collector.close()
        self._collecting.close()

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
            state = self._container.state()
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
            code: int | None = self._container.exit_code()
        except SeatrialError:
            code = None
        return Shutdown(
            exit_code=code,
            elapsed_ms=(time.monotonic() - began_s) * 1000,
            signal=signal_name(self._settings.stop_signal),
        )

    def _mark(self, event: str, at_s: float | None = None) -> None:
        self._timeline.append((event, ((at_s or time.monotonic()) - self._began_s) * 1000))

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
