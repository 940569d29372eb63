"""SIGTERM, with requests in flight: are they answered, are their spans sent, and how does it end?"""

from __future__ import annotations

import contextlib
import http.client
import select
import signal
import time
from dataclasses import dataclass
from typing import Final

from seatrial.host.sandbox import Sandbox
from seatrial.model.facts import Exchange, Shutdown
from seatrial.model.trial import TrialPlan, TrialRequest
from seatrial.observe.drive import headers_of, trace_context
from seatrial.observe.start import Start

_HELD: Final = 3
# Of the trace contexts: far from those of the requests that were driven.
_FIRST_NUMBER: Final = 10_000
_READ_TIMEOUT_S: Final = 1.0
_SETTLE_S: Final = 0.03
_STOP_LISTENING_S: Final = 0.1
_POLL_S: Final = 0.002
_ANSWER_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class _Held:
    """A connection that has answered once, and whose second request lacks the last byte of its body."""

    client: http.client.HTTPConnection
    trace_id: str


@dataclass(frozen=True, kw_only=True)
class Stop:
    """How it ended. wanted: trace ids of what was answered around the signal, whose spans are to come."""

    shutdown: Shutdown
    wanted: frozenset[str]


def repeatable(requests: tuple[TrialRequest, ...], exchanges: tuple[Exchange, ...]) -> TrialRequest | None:
    """Return the first request that only reads and was answered well; None when there is none."""
    for request, exchange in zip(requests, exchanges, strict=False):
        if request.method == "GET" and 200 <= exchange.status < 400:
            return request
    return None


def stop(
    sandbox: Sandbox, start: Start, request: TrialRequest | None, plan: TrialPlan, *, seed: str, number: int
) -> Stop:
    """Send the stop signal while requests are in flight, and wait for the end; kill what does not end.

    number: of the signal that engines send to this image.
    request: what is in flight, a GET whose one byte of a body is held back: a server that has read its
    head is about it, and answers when the byte is there (Go's net/http reads a body before it answers).
    """
    answered, held = _hold(sandbox, start, request, seed) if request else (frozenset[str](), [])
    started = time.monotonic()
    start.job.send_signal(number)
    finished = _finish(sandbox, start, held) if held else frozenset[str]()
    left_s = plan.stop_timeout_s - (time.monotonic() - started)
    exit_code = sandbox.wait(start.job, max(left_s, 0.0))
    elapsed_ms = ((start.job.ended_s or time.monotonic()) - started) * 1000
    sandbox.kill(start.job)
    shutdown = Shutdown(
        exit_code=exit_code,
        elapsed_ms=elapsed_ms,
        in_flight=len(held),
        finished=len(finished),
        signal=signal_name(number),
    )
    return Stop(shutdown=shutdown, wanted=answered | finished)


def signal_name(number: int) -> str:
    """Return "SIGTERM" for 15, and the number for what has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _hold(
    sandbox: Sandbox, start: Start, request: TrialRequest, seed: str
) -> tuple[frozenset[str], list[_Held]]:
    """Bring requests in flight; return the trace ids of the answers before them, too."""
    answered: set[str] = set()
    held: list[_Held] = []
    for number in range(_FIRST_NUMBER, _FIRST_NUMBER + _HELD):
        with contextlib.suppress(OSError, http.client.HTTPException):
            client = start.connect()
            first, traceparent = trace_context(seed, number)
            client.request("GET", request.path, headers=headers_of(request, traceparent))
            with client.getresponse() as answer:
                answer.read()
            answered.add(first)
            if client.sock is None:  # it does not keep connections open
                continue
            second, traceparent = trace_context(seed, number + _HELD)
            client.putrequest("GET", request.path)
            for name, value in (headers_of(request, traceparent) | {"Content-Length": "1"}).items():
                client.putheader(name, value)
            client.endheaders()
            held.append(_Held(client=client, trace_id=second))
    is_read = _await_read(sandbox, start)
    early, _, _ = select.select([one.client.sock for one in held], [], [], 0.0)
    for one in [one for one in held if one.client.sock in early or not is_read]:
        one.client.close()  # answered before its body was there, or not taken up: it is not in flight
        held.remove(one)
    return frozenset(answered), held


def _await_read(sandbox: Sandbox, start: Start) -> bool:
    """Wait until the service has read what it was sent, and a moment more; False when it does not."""
    assert start.listener is not None
    deadline = time.monotonic() + _READ_TIMEOUT_S
    while sandbox.count_unread(start.listener.port):
        if time.monotonic() > deadline or sandbox.wait(start.job, _POLL_S) is not None:
            return False
    return sandbox.wait(start.job, _SETTLE_S) is None


def _finish(sandbox: Sandbox, start: Start, held: list[_Held]) -> frozenset[str]:
    """Once the signal has been heard, send the missing bytes; return the trace ids of whole answers."""
    deadline = time.monotonic() + _STOP_LISTENING_S
    while start.listener in sandbox.listening() and time.monotonic() < deadline:
        if sandbox.wait(start.job, _POLL_S) is not None:
            break
    sandbox.wait(start.job, _SETTLE_S)  # one that forgets to wait for its requests ends now
    finished: set[str] = set()
    deadline = time.monotonic() + _ANSWER_TIMEOUT_S
    for one in held:
        with contextlib.suppress(OSError, http.client.HTTPException):
            one.client.sock.settimeout(max(deadline - time.monotonic(), 0.05))
            one.client.send(b" ")
    for one in held:
        with contextlib.suppress(OSError, http.client.HTTPException):
            one.client.sock.settimeout(max(deadline - time.monotonic(), 0.05))
            with one.client.getresponse() as answer:
                answer.read()
            finished.add(one.trace_id)
        one.client.close()
    return frozenset(finished)
