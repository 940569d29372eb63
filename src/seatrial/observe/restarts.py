"""The service started once more in the trial's sandbox, with something changed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace

from seatrial.host.sandbox import Sandbox
from seatrial.model.trial import TrialRequest
from seatrial.observe.start import Launch, Start
from seatrial.observe.variations import ANSWER_PATIENCE_S, Change
from seatrial.observe.writes import mark_time, written_since


class SandboxRestarts:
    """Starts it in a /tmp of its own. request: what it is asked. See ``Restarts``."""

    def __init__(self, sandbox: Sandbox, launch: Launch, request: TrialRequest) -> None:
        self._sandbox = sandbox
        self._launch = replace(launch, request_timeout_s=min(launch.request_timeout_s, ANSWER_PATIENCE_S))
        self._request = request
        self._mark_ns = 0

    def start(self, change: Change) -> SandboxAgain:
        """Start it; side by side with another only in a network of its own."""
        if change.is_root_writable:
            self._mark_ns = mark_time(self._sandbox)
        options = self._sandbox.container_options(
            self._launch.variables,
            self._launch.directory,
            has_own_tmp=True,
            is_root_writable=change.is_root_writable,
        )
        job = self._sandbox.start(
            self._launch.argv,
            options,
            is_limited=bool(change.memory_bytes),
            has_own_network=change.has_own_network,
        )
        return SandboxAgain(self._sandbox, Start(self._sandbox, self._launch, job), self._request)

    def limited_memory(self, limit_bytes: int) -> AbstractContextManager[bool]:
        """Make the limit, by a control group."""
        return self._sandbox.limited_memory(limit_bytes)

    def written(self) -> tuple[str, ...]:
        """Return what was made or changed since the last start with a root that can be written to."""
        return written_since(self._sandbox, self._mark_ns)


class SandboxAgain:
    """One such run. See ``Again``."""

    def __init__(self, sandbox: Sandbox, start: Start, request: TrialRequest) -> None:
        self._sandbox = sandbox
        self._start = start
        self._request = request

    @property
    def elapsed_ms(self) -> float:
        """Since its start."""
        return self._start.job.elapsed_ms

    def first_status(self, patience_s: float) -> int:
        """Wait until it listens, and ask it."""
        if not self._start.await_listener(patience_s):
            return 0
        return self._start.first_answer(self._request).exchange.status

    def exit_code(self) -> int | None:
        """Return what it ended with."""
        return self._sandbox.wait(self._start.job, 0.0)

    def end(self) -> None:
        """Kill it."""
        self._sandbox.kill(self._start.job)

    def log_lines(self) -> tuple[str, ...]:
        """Return what it printed."""
        return self._start.job.log.lines()
