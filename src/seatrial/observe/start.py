"""One start of the service: wait until it listens, find the port that speaks HTTP, ask it."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from seatrial.host.job import Job
from seatrial.host.listeners import Listener
from seatrial.host.sandbox import Sandbox
from seatrial.model.facts import Exchange
from seatrial.model.trial import TrialRequest
from seatrial.observe.drive import Answer, connection_over, drive

_OFTEN_S: Final = 0.002
_SELDOM_S: Final = 0.02
_OFTEN_FOR_S: Final = 0.3
_LATE_PORTS_S: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How the service is started. ports: those that the image exposes. seed: of the trace contexts."""

    argv: tuple[str, ...]
    variables: tuple[tuple[str, str], ...]
    directory: str
    ports: tuple[int, ...]
    seed: str
    request_timeout_s: float


class Start:
    """A started service. listener: the port that is asked, once there is one."""

    def __init__(self, sandbox: Sandbox, launch: Launch, job: Job) -> None:
        self.job = job
        self.found: tuple[Listener, ...] = ()
        self.listener: Listener | None = None
        self._sandbox = sandbox
        self._launch = launch

    @property
    def has_ended(self) -> bool:
        """Whether the service is gone."""
        return self._sandbox.wait(self.job, 0.0) is not None

    def await_listener(self, timeout_s: float) -> bool:
        """Wait until something listens; False when the service ends, or its time is over."""
        deadline = time.monotonic() + timeout_s
        pauses = _pauses()
        while time.monotonic() < deadline:
            self.found = self._sandbox.listening(self.job)
            if self.found:
                return True
            if self._sandbox.wait(self.job, next(pauses)) is not None:
                return False
        return False

    def first_answer(self, request: TrialRequest) -> Answer:
        """Try the ports, and for a while those that come later, until one gives an HTTP answer.

        Of several, one that knows the path is the service's: a second port is often for debugging.
        """
        deadline = time.monotonic() + min(_LATE_PORTS_S, self._launch.request_timeout_s)
        while True:
            answers = []
            for listener in self._by_likelihood():
                answer = self._ask(listener, request, 0)
                if answer.exchange.status:
                    answers.append((listener, answer))
                    if answer.exchange.status != HTTPStatus.NOT_FOUND:
                        break
            if answers:
                # The last one asked knows the path, or else none of them does.
                is_known = answers[-1][1].exchange.status != HTTPStatus.NOT_FOUND
                self.listener, answer = answers[-1 if is_known else 0]
                return answer
            self.listener = listener
            if self._sandbox.wait(self.job, _SELDOM_S) is not None or time.monotonic() > deadline:
                return answer
            self.found = self._sandbox.listening(self.job) or self.found

    def ask(self, request: TrialRequest, number: int, *, found_by: str = "") -> Answer:
        """Make one more request, after ``first_answer``."""
        assert self.listener is not None
        return self._ask(self.listener, request, number, found_by=found_by)

    def connect(self) -> http.client.HTTPConnection:
        """Return a connection that stays open; raises OSError."""
        assert self.listener is not None
        made = self._sandbox.connect(self.listener, self._launch.request_timeout_s, self.job)
        return connection_over(self.listener.port, made)

    def _ask(self, listener: Listener, request: TrialRequest, number: int, *, found_by: str = "") -> Answer:
        started = time.monotonic()
        try:
            made = self._sandbox.connect(listener, self._launch.request_timeout_s, self.job)
        except OSError as error:
            exchange = Exchange(
                method=request.method,
                path=request.path,
                status=0,
                elapsed_ms=(time.monotonic() - started) * 1000,
                error=f"{type(error).__name__}: {error}",
                expected_status=request.status,
                found_by=found_by,
            )
            return Answer(exchange=exchange)
        client = connection_over(listener.port, made)
        return drive(client, request, number=number, seed=self._launch.seed, found_by=found_by)

    def _by_likelihood(self) -> list[Listener]:
        """Order ports: those that the image exposes, then those that others can reach, then by number."""
        return sorted(
            self.found, key=lambda one: (one.port not in self._launch.ports, one.is_loopback, one.port)
        )


def _pauses() -> Iterator[float]:
    """Look often at first: most services listen within a third of a second (see host/listeners.py)."""
    for _ in range(int(_OFTEN_FOR_S / _OFTEN_S)):
        yield _OFTEN_S
    while True:
        yield _SELDOM_S
