"""The health command, run in different situations: all is well, the database is gone, it is back."""

from __future__ import annotations

import signal
import time
from typing import Final

from seatrial.host.job import Job
from seatrial.host.sandbox import Sandbox
from seatrial.model.facts import DATABASE_BACK, DATABASE_STOPPED, Probe
from seatrial.observe.service import Stoppable

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 0.4
_OUTPUT_CHARACTERS: Final = 2000


class Health:
    """A health command beside a running service. timeout_s: after that it is killed, as engines do."""

    def __init__(
        self,
        sandbox: Sandbox,
        argv: tuple[str, ...],
        *,
        variables: tuple[tuple[str, str], ...],
        directory: str,
        timeout_s: float,
    ) -> None:
        self._sandbox = sandbox
        self._argv = argv
        self._variables = variables
        self._directory = directory
        self._timeout_s = timeout_s

    def probe(self, beside: Job, situation: str) -> Probe:
        """Run the command once."""
        started = time.monotonic()
        job = self._sandbox.enter(beside, self._argv, environment=self._variables, directory=self._directory)
        exit_code = self._sandbox.wait(job, self._timeout_s)
        elapsed_ms = (time.monotonic() - started) * 1000
        if exit_code is None:
            self._sandbox.kill(job)
            exit_code = -signal.SIGKILL
        output = job.log.text()[-_OUTPUT_CHARACTERS:]
        return Probe(situation=situation, exit_code=exit_code, elapsed_ms=elapsed_ms, output=output)

    def probe_until_healthy(self, beside: Job, situation: str, patience_s: float) -> Probe:
        """Run the command until it exits with 0 or the time is over; return its last run."""
        deadline = time.monotonic() + patience_s
        pause_s = _FIRST_PAUSE_S
        while True:
            probe = self.probe(beside, situation)
            is_late = time.monotonic() + pause_s > deadline
            if probe.exit_code == 0 or is_late or self._sandbox.wait(beside, pause_s) is not None:
                return probe
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def probe_database(self, beside: Job, database: Stoppable, patience_s: float) -> tuple[Probe, ...]:
        """Run the command without the database, and once it is back until it is healthy again."""
        stopped = self._probe_without(beside, database, DATABASE_STOPPED)
        if stopped is None:
            return ()
        return (stopped, self.probe_until_healthy(beside, DATABASE_BACK, patience_s))

    def probe_without(self, beside: Job, service: Stoppable) -> tuple[Probe, ...]:
        """Run the command without another service."""
        stopped = self._probe_without(beside, service, f"{service.name} stopped")
        return (stopped,) if stopped else ()

    def _probe_without(self, beside: Job, service: Stoppable, situation: str) -> Probe | None:
        was_stopped = service.stop()
        try:
            return self.probe(beside, situation) if was_stopped else None
        finally:
            service.start()
