"""Image -> RunningFacts: start it, drive it, listen, stop it."""

from __future__ import annotations

import os
import signal
import time
from http import HTTPStatus
from pathlib import Path
from typing import Final

from seatrial.host.bubblewrap import find_engine
from seatrial.host.image_reader import open_image
from seatrial.host.job import Job
from seatrial.host.listeners import Listener
from seatrial.host.sandbox import SANDBOX_UID, Sandbox, open_sandbox
from seatrial.model.facts import Exchange, Probe, RunningFacts, Shutdown, Span
from seatrial.model.trial import TrialPlan
from seatrial.observe.ahead import LayersAhead
from seatrial.observe.collector import OTLP_PORT, Collector
from seatrial.observe.documents import read_documents
from seatrial.observe.drive import drive
from seatrial.observe.health_flag import FLAG, detect_health_flag, has_health_flag
from seatrial.observe.postgres import Postgres, fill_placeholders, find_postgres
from seatrial.observe.process_facts import read_process
from seatrial.observe.sqlite import Sqlite, find_sqlite
from seatrial.observe.unpack import Settings, container_environment, fill, read_settings

__all__ = ["detect_health_flag", "observe_running"]

UP: Final = "up"
DATABASE_STOPPED: Final = "database stopped"

_PAUSES_S: Final = (0.001, 0.001, 0.002, 0.004, 0.008)
_FIRST_EXPORT_TIMEOUT_S: Final = 1.0
_FLAG_TIMEOUT_S: Final = 3.0
_LATE_PORTS_S: Final = 2.0
_STANDARD_LIMITS: Final = (
    "the system-call filter denies what Docker's default one denies; a call newer than both passes",
    "no /sys, and no network but the loopback",
)


def observe_running(
    layout: Path, plan: TrialPlan, *, search_path: str, cache: Path | None = None, digest: str = ""
) -> RunningFacts:
    """Run an image as a container would and return what was seen.

    layout: an OCI image layout, a tar of one, or what docker save writes. digest: of the manifest in
    it; empty when it holds one only. search_path: as PATH, to find bwrap when its wheel is not
    installed. cache: a directory that may keep a prepared database between runs.
    A service that fails is a fact, not an error. Raises MachineError (no namespaces here),
    MissingTool (bwrap, or PostgreSQL when asked for), FormatError, UntrustedInput (the layout).
    """
    engine = find_engine(search_path)
    wants_postgres = Postgres.name in plan.services
    tools = find_postgres() if wants_postgres else ()
    with open_image(layout) as files:
        documents = read_documents(files, architecture="", digest=digest)
        settings = read_settings(documents.config)
        with (
            LayersAhead(files, documents) as layers,
            open_sandbox(engine, listen=(OTLP_PORT,), tools=tools) as sandbox,
        ):
            postgres = Postgres(sandbox, cache) if wants_postgres else None
            if postgres:
                postgres.prepare()
            rootfs = fill(sandbox, layers, settings.working_directory, plan.files)
            environment = _environment(plan, container_environment(rootfs, settings.environment))
            trial = _Trial(
                sandbox,
                settings=settings,
                plan=plan,
                environment=environment,
                postgres=postgres,
                seed=documents.digest,
            )
            trial.limits.extend((*_STANDARD_LIMITS, *_limits(settings), *rootfs.skipped))
            return trial.run()


class _Trial:
    """One run: what has been seen so far, and the steps that see it."""

    def __init__(
        self,
        sandbox: Sandbox,
        *,
        settings: Settings,
        plan: TrialPlan,
        environment: dict[str, str],
        postgres: Postgres | None,
        seed: str,
    ) -> None:
        self.limits: list[str] = []
        self._sandbox = sandbox
        self._settings = settings
        self._seed = seed
        self._plan = plan
        self._variables = tuple(environment.items())
        self._postgres = postgres
        self._argv = (*settings.entrypoint, *(plan.arguments or settings.cmd))
        self._health_argv = plan.health_argv or settings.health_argv
        self._collector = Collector(sandbox.listeners[OTLP_PORT])
        self._exchanges: tuple[Exchange, ...] = ()
        self._is_reachable: bool | None = None
        self._probes: list[Probe] = []
        self._problems: list[str] = []

    def run(self) -> RunningFacts:
        """Go through the steps; each is skipped when the service is not there for it."""
        sandbox = self._sandbox
        flag = self._find_health_flag()
        if self._postgres:
            self._postgres.start()
        job = sandbox.start(self._argv, sandbox.container_options(self._variables, self._directory))
        found = self._await_listener(job)
        listen_ms = (time.monotonic() - job.started_s) * 1000 if found else None
        process = read_process(job.pid) if found else None
        database: Postgres | Sqlite | None = self._postgres
        if found:
            self._drive(job, found)
            self._await_spans()
            database = database or find_sqlite(sandbox, job.pid)
            self._probe(job, database)
            if flag is None and any(probe.exit_code == 0 for probe in self._probes):
                flag = self._health_argv[-1:] == (FLAG,) or None
        ended_early = job.exit_code
        listening = tuple(listener.port for listener in sandbox.listening()) if ended_early is None else ()
        shutdown = self._shut_down(job) if ended_early is None else None
        self._collector.close()
        return RunningFacts(
            engine=sandbox.engine.description,
            limits=tuple(self.limits),
            time_to_listen_ms=listen_ms,
            listening=listening or tuple(listener.port for listener in found),
            process=process,
            exchanges=self._exchanges,
            spans=self._collector.spans,
            probes=tuple(self._probes),
            has_health_flag=flag,
            services=(database.name,) if database else (),
            log_lines=job.log.lines(),
            shutdown=shutdown,
            ended_early=ended_early,
            is_reachable=self._is_reachable,
            problems=(*self._problems, *self._collector.problems),
        )

    @property
    def _directory(self) -> str:
        return self._settings.working_directory

    def _find_health_flag(self) -> bool | None:
        """Without a health command in the image or the plan, see whether the program has one."""
        if self._health_argv or not self._settings.entrypoint:
            return None
        found = has_health_flag(
            self._sandbox,
            self._settings.entrypoint,
            self._variables,
            directory=self._directory,
            timeout_s=_FLAG_TIMEOUT_S,
        )
        if found:
            self._health_argv = (*self._settings.entrypoint, FLAG)
        return found

    def _await_listener(self, job: Job) -> tuple[Listener, ...]:
        """Wait until something listens, the service ends, or its time is over."""
        deadline = time.monotonic() + self._plan.start_timeout_s
        pauses = iter(_PAUSES_S)
        while time.monotonic() < deadline:
            found = self._sandbox.listening()
            if found:
                return found
            if self._sandbox.wait(job, next(pauses, 0.02)) is not None:
                return ()
        self._problems.append(f"nothing listened within {self._plan.start_timeout_s:g} s")
        return ()

    def _drive(self, job: Job, found: tuple[Listener, ...]) -> None:
        """Make the plan's requests, on the first port that answers to HTTP."""
        chosen, first = self._first_answer(job, found)
        # A service that gives no answer at all would have each request wait for its time-out.
        numbers = range(1, len(self._plan.requests) if first.status else 1)
        self._exchanges = (first, *(self._exchange(chosen, number) for number in numbers))
        self._is_reachable = not chosen.is_loopback

    def _first_answer(self, job: Job, found: tuple[Listener, ...]) -> tuple[Listener, Exchange]:
        """Try the ports, and for a while those that come later, until one gives an HTTP answer.

        Of several, one that knows the path is the service's: a second port is often for debugging.
        """
        deadline = time.monotonic() + _LATE_PORTS_S
        while True:
            answers = []
            for listener in self._by_likelihood(found):
                exchange = self._exchange(listener, 0)
                if exchange.status and exchange.status != HTTPStatus.NOT_FOUND:
                    return listener, exchange
                if exchange.status:
                    answers.append((listener, exchange))
            if answers:
                return answers[0]
            if self._sandbox.wait(job, 0.02) is not None or time.monotonic() > deadline:
                return listener, exchange
            found = self._sandbox.listening() or found

    def _exchange(self, listener: Listener, number: int) -> Exchange:
        return drive(
            self._sandbox,
            listener,
            self._plan.requests[number],
            number=number,
            seed=self._seed,
            timeout_s=self._plan.request_timeout_s,
        )

    def _by_likelihood(self, found: tuple[Listener, ...]) -> list[Listener]:
        """Order ports: those that the image exposes, then those that others can reach, then by number."""
        return sorted(
            found, key=lambda one: (one.port not in self._settings.ports, one.is_loopback, one.port)
        )

    def _await_spans(self) -> None:
        """Wait for a server span of every request, as long as an exporter can be expected to exist."""
        wanted = {exchange.trace_id for exchange in self._exchanges if exchange.status}
        if not wanted or not self._plan.expects_spans:
            return

        def are_here(spans: tuple[Span, ...]) -> bool:
            return wanted <= {span.trace_id for span in spans if span.kind == "server"}

        if self._collector.wait(are_here, _FIRST_EXPORT_TIMEOUT_S) or not self._collector.has_been_called:
            return
        self._collector.wait(are_here, self._plan.spans_timeout_s - _FIRST_EXPORT_TIMEOUT_S)

    def _probe(self, job: Job, database: Postgres | Sqlite | None) -> None:
        """Run the health command with the database up and, when there is one, stopped."""
        if not self._health_argv or self._sandbox.wait(job, 0.0) is not None:
            return
        self._probes.append(self._run_probe(job, UP))
        if database is None:
            return
        was_stopped = database.stop()
        try:
            if was_stopped:
                self._probes.append(self._run_probe(job, DATABASE_STOPPED))
        finally:
            database.start()

    def _run_probe(self, beside: Job, situation: str) -> Probe:
        started = time.monotonic()
        job = self._sandbox.enter(
            beside, self._health_argv, environment=self._variables, directory=self._directory
        )
        exit_code = self._sandbox.wait(job, self._plan.health_timeout_s)
        elapsed_ms = (time.monotonic() - started) * 1000
        if exit_code is None:
            self._sandbox.kill(job)
            exit_code = -signal.SIGKILL
        return Probe(
            situation=situation, exit_code=exit_code, elapsed_ms=elapsed_ms, output=job.log.text()[-2000:]
        )

    def _shut_down(self, job: Job) -> Shutdown:
        started = time.monotonic()
        job.send_signal(signal.SIGTERM)
        exit_code = self._sandbox.wait(job, self._plan.stop_timeout_s)
        elapsed_ms = (time.monotonic() - started) * 1000
        self._sandbox.kill(job)
        return Shutdown(exit_code=exit_code, elapsed_ms=elapsed_ms)


def _environment(plan: TrialPlan, image: dict[str, str]) -> dict[str, str]:
    """Return the service's whole environment: the image's, the exporter's settings, then the plan's."""
    telemetry = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{OTLP_PORT}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": plan.service_name,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    own = {name: fill_placeholders(value) for name, value in plan.environment}
    if Postgres.name in plan.services:
        own = {"DATABASE_URL": image.get("DATABASE_URL", fill_placeholders("{postgres.url}"))} | own
    return image | telemetry | own


def _limits(settings: Settings) -> list[str]:
    """Say where this run is not what an engine would do with this image."""
    limits = []
    if os.geteuid() != 0:
        limits.append("not root: file owners are not kept, permissions are those of the image's user")
    if settings.user.partition(":")[0] != str(SANDBOX_UID):
        limits.append(f"the image's user is {settings.user or 'root'!r}; it was run as {SANDBOX_UID}")
    return limits
