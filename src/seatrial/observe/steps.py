"""The steps of one trial, in order, and what each has seen so far."""

from __future__ import annotations

import shlex
import time
from typing import Final

from seatrial.errors import ConfigError
from seatrial.host.sandbox import Sandbox
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
from seatrial.model.trial import DEFAULT_REQUESTS, TrialPlan, TrialRequest
from seatrial.observe.collector import OTLP_PORT, Collector
from seatrial.observe.drive import Answer
from seatrial.observe.health_flag import FLAG, has_health_flag
from seatrial.observe.locked import find_held_up
from seatrial.observe.postgres import Postgres
from seatrial.observe.probes import Health
from seatrial.observe.process_facts import read_process
from seatrial.observe.restarts import SandboxRestarts
from seatrial.observe.routes import find_routes
from seatrial.observe.service import Service, Stoppable
from seatrial.observe.shutdown import repeatable, stop
from seatrial.observe.sqlite import Sqlite, find_sqlite
from seatrial.observe.start import Launch, Start
from seatrial.observe.unpack import Settings
from seatrial.observe.variations import Variations

_FIRST_EXPORT_TIMEOUT_S: Final = 1.0
_FLAG_TIMEOUT_S: Final = 3.0
_HEALTHY_WITHIN_S: Final = 3.0
_BACK_WITHIN_S: Final = 5.0
# From what PostgreSQL writes to what our thread has read of it.
_LOG_LAG_S: Final = 0.005
_LAST_WORDS_S: Final = 1.0
_BEFORE_TIMEOUT_S: Final = 60.0
_BEFORE_LINES: Final = 20


class Trial:
    """One run of an image whose root is filled. limits: what this engine cannot show."""

    def __init__(
        self,
        sandbox: Sandbox,
        launch: Launch,
        plan: TrialPlan,
        settings: Settings,
        *,
        postgres: Postgres | None,
        services: tuple[Service, ...],
        began_s: float,
    ) -> None:
        self.limits: list[str] = []
        self._sandbox = sandbox
        self._launch = launch
        self._plan = plan
        self._settings = settings
        self._postgres = postgres
        self._services = services
        self._began_s = began_s
        self._collector = Collector(sandbox.listeners[OTLP_PORT])
        self._health_argv = plan.health_argv or settings.health_argv
        self._flag: bool | None = None
        self._database: Stoppable | None = postgres
        self._exchanges: list[Exchange] = []
        self._statements: int | None = 0 if postgres else None
        self._sqlite: Sqlite | None = None
        self._usual: dict[TrialRequest, Exchange] = {}
        self._probes: list[Probe] = []
        self._process: ProcessFacts | None = None
        self._problems: list[str] = []
        self._timeline: list[tuple[str, float]] = []
        self._healthy_s: float | None = None

    def run(self) -> RunningFacts:
        """Go through the steps; each is skipped when the service is not there for it."""
        try:
            return self._steps()
        finally:
            # A collector left behind would ask the kernel for its old descriptor, which the next trial in
            # this process may get for its own collector: that port would then stay open when it is closed.
            self._take_collector_away()

    def _steps(self) -> RunningFacts:
        self._note("unpacked")
        for service in self._services:
            service.start()
        if self._postgres:
            for name, sql in self._plan.scripts:
                self._postgres.run_script(name, sql)
        options = self._sandbox.container_options(self._launch.variables, self._launch.directory)
        for arguments in self._plan.before:
            self._run_before(arguments, options)
        start = Start(self._sandbox, self._launch, self._sandbox.start(self._launch.argv, options))
        self._note("started", start.job.started_s)
        listen_s = self._await_listener(start)
        if listen_s is not None:
            self._ask(start)
        ended_early = start.job.exit_code
        ports = self._sandbox.listening() if ended_early is None else ()
        log = start.job.log
        shutdown = self._shut_down(start) if ended_early is None else None
        database_request = self._find_held_up(start) if shutdown else None
        variations, writes = self._vary(listen_s, has_failed=ended_early is not None or listen_s is None)
        return RunningFacts(
            engine=self._sandbox.engine.description,
            limits=tuple(self.limits),
            time_to_listen_ms=None if listen_s is None else listen_s * 1000,
            listening=tuple(listener.port for listener in ports or start.found),
            process=self._process,
            exchanges=tuple(self._exchanges),
            spans=self._collector.spans,
            probes=tuple(self._probes),
            has_health_flag=self._flag,
            services=self._names(),
            log_lines=log.lines(),
            shutdown=shutdown,
            ended_early=ended_early,
            is_reachable=None if start.listener is None else not start.listener.is_loopback,
            problems=(*self._problems, *self._collector.problems),
            time_to_healthy_ms=None
            if self._healthy_s is None
            else (self._healthy_s - start.job.started_s) * 1000,
            variations=variations,
            writes=writes,
            timeline=tuple(self._timeline),
            statements=self._statements,
            health_start_ms=self._settings.health_start_s * 1000,
            database_request=database_request,
        )

    def _run_before(self, arguments: tuple[str, ...], options: tuple[str, ...]) -> None:
        """Let the program do what comes before it serves, such as making its tables."""
        job = self._sandbox.start((*self._settings.entrypoint, *arguments), options)
        status = self._sandbox.wait(job, _BEFORE_TIMEOUT_S)
        if status == 0:
            return
        self._sandbox.kill(job)
        how = f"exit code {status}" if status is not None else f"no end within {_BEFORE_TIMEOUT_S:g} s"
        said = "\n".join(job.log.lines()[-_BEFORE_LINES:])
        raise ConfigError(
            f"{shlex.join(arguments)!r} did not succeed: {how}", where="[trial] before", hint=said
        )

    def _note(self, event: str, at_s: float | None = None) -> None:
        self._timeline.append((event, ((at_s or time.monotonic()) - self._began_s) * 1000))

    def _names(self) -> tuple[str, ...]:
        beside = tuple(service.name for service in self._services)
        own = (self._database.name,) if self._database else ()
        return (*own, *(name for name in beside if name not in own))

    def _await_listener(self, start: Start) -> float | None:
        """Return the seconds from the start to the first listener."""
        if start.await_listener(self._plan.start_timeout_s):
            self._note("listening")
            return time.monotonic() - start.job.started_s
        if start.job.status is None:
            self._problems.append(f"nothing listened within {self._plan.start_timeout_s:g} s")
        return None

    def _ask(self, start: Start) -> None:
        """Make the requests, and run the health command while all is well and while something is missing."""
        self._process = read_process(start.job.pid)
        mark = self._statement_mark()
        first = start.first_answer(self._plan.requests[0])
        self._keep(self._plan.requests[0], first)
        if first.exchange.status:
            self._note("first answer")
        self._count_statements(mark)
        health = self._health(start)
        if health:
            self._probe_up(start, health)
        mark = self._statement_mark()
        if first.exchange.status:
            self._drive(start, first)
        if not all(exchange.status for exchange in self._exchanges):
            # A service that gives no answer may be at its end, and sending its last spans.
            self._sandbox.wait(start.job, _LAST_WORDS_S)
        self._await_spans()
        self._count_statements(mark)
        if not start.has_ended:
            self._process = read_process(start.job.pid) or self._process
            if self._database is None:
                self._database = self._sqlite = find_sqlite(self._sandbox, start.job.pid)
        if health and not start.has_ended:
            self._probe_without(start, health)

    def _statement_mark(self) -> int:
        return self._postgres.mark if self._postgres else 0

    def _count_statements(self, mark: int) -> None:
        """Add what the database was asked since then: by requests, and not by the health command."""
        if self._postgres and self._statements is not None:
            time.sleep(_LOG_LAG_S)
            more = self._postgres.statements_since(mark)
            self._statements = None if more is None else self._statements + more

    def _health(self, start: Start) -> Health | None:
        """Return the health command: the image's, the plan's, or the program's own flag when it has one."""
        if not self._health_argv and self._settings.entrypoint and not start.has_ended:
            self._flag = has_health_flag(
                self._sandbox,
                self._settings.entrypoint,
                self._launch.variables,
                directory=self._launch.directory,
                timeout_s=_FLAG_TIMEOUT_S,
            )
            if self._flag:
                self._health_argv = (*self._settings.entrypoint, FLAG)
        if not self._health_argv or start.has_ended:
            return None
        own_s = self._settings.health_timeout_s or self._plan.health_timeout_s
        return Health(
            self._sandbox,
            self._health_argv,
            variables=self._launch.variables,
            directory=self._launch.directory,
            timeout_s=min(own_s, self._plan.health_timeout_s),
        )

    def _probe_up(self, start: Start, health: Health) -> None:
        probe = health.probe_until_healthy(start.job, WHILE_UP, _HEALTHY_WITHIN_S)
        self._probes.append(probe)
        if probe.exit_code == 0:
            self._healthy_s = time.monotonic()
            self._note("healthy")
            if self._flag is None:
                self._flag = self._health_argv[-1:] == (FLAG,) or None

    def _drive(self, start: Start, first: Answer) -> None:
        """Make the other requests: those of the plan, and without one what the front page points at."""
        for number, request in enumerate(self._plan.requests[1:], 1):
            self._keep(request, start.ask(request, number))
        if self._plan.requests != DEFAULT_REQUESTS:
            return
        log_lines = start.job.log.lines()
        routes = find_routes(first, self._collector.spans, log_lines, first.exchange.path)
        for number, (request, how) in enumerate(routes, len(self._plan.requests)):
            self._keep(request, start.ask(request, number, found_by=how))

    def _keep(self, request: TrialRequest, answer: Answer) -> None:
        self._exchanges.append(answer.exchange)
        if answer.exchange.status:
            self._usual.setdefault(request, answer.exchange)

    def _await_spans(self) -> None:
        """Wait for a server span of every request, as long as an exporter can be expected to exist."""
        wanted = {one.trace_id for one in self._exchanges if one.status and not one.found_by}
        if not wanted or not self._plan.expects_spans:
            return

        def are_here(spans: tuple[Span, ...]) -> bool:
            return wanted <= {span.trace_id for span in spans if span.kind == "server"}

        if self._collector.wait(are_here, _FIRST_EXPORT_TIMEOUT_S) or not self._collector.has_been_called:
            return
        self._collector.wait(are_here, self._plan.spans_timeout_s - _FIRST_EXPORT_TIMEOUT_S)

    def _probe_without(self, start: Start, health: Health) -> None:
        """Run the health command without the database, then without each other service."""
        if self._database:
            self._probes.extend(health.probe_database(start.job, self._database, _BACK_WITHIN_S))
        for service in self._services:
            if service is not self._postgres:
                self._probes.extend(health.probe_without(start.job, service))

    def _shut_down(self, start: Start) -> Shutdown:
        request = repeatable(self._plan.requests, tuple(self._exchanges))
        number = self._settings.stop_signal
        stopped = stop(self._sandbox, start, request, self._plan, seed=self._launch.seed, number=number)
        self._collector.close()
        seen = {span.trace_id for span in self._collector.spans if span.kind == "server"}
        # Of a service that does not take up the requests' traces, no span can be known as one of theirs.
        is_traced = any(one.trace_id in seen for one in self._exchanges)
        are_expected = bool(stopped.wanted and is_traced and self._plan.expects_spans)
        return Shutdown(
            exit_code=stopped.shutdown.exit_code,
            elapsed_ms=stopped.shutdown.elapsed_ms,
            in_flight=stopped.shutdown.in_flight,
            finished=stopped.shutdown.finished,
            has_flushed=stopped.wanted <= seen if are_expected else None,
            signal=stopped.shutdown.signal,
        )

    def _find_held_up(self, start: Start) -> str | None:
        """Find out whether requests need the database, where it is SQLite and their spans do not say so."""
        answered = {exchange.trace_id for exchange in self._exchanges if exchange.status}
        spans = [span for span in self._collector.spans if span.trace_id in answered]
        is_traced = any(span.kind == "server" for span in spans)
        if not is_traced or any(span.is_database for span in spans) or not self._sqlite:
            return None
        assert start.listener is not None  # it has answered
        return find_held_up(self._sandbox, self._launch, start.listener, self._sqlite, self._usual)

    def _vary(
        self, listen_s: float | None, *, has_failed: bool
    ) -> tuple[tuple[Variation, ...], tuple[str, ...] | None]:
        """Start it again with things changed; of a service that failed, only to learn why."""
        variations = Variations(
            SandboxRestarts(self._sandbox, self._launch, self._plan.requests[0]),
            without_collector=self._take_collector_away,
            rss_bytes=self._process.rss_bytes if self._process else 0,
            listen_s=listen_s or 0.0,
        )
        if has_failed:
            found = variations.run_writable()
        elif any(one.status for one in self._exchanges):
            found = variations.run(tuple(service.name for service in self._services))
        else:
            return (), None
        self._take_collector_away()
        return found, variations.writes

    def _take_collector_away(self) -> None:
        """Close the collector and its port: nobody listens there any more."""
        self._collector.close()
        self._sandbox.listeners[OTLP_PORT].close()
