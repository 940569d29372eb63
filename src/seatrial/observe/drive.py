"""Requests to a service in the sandbox, each with a trace context that its spans must carry on."""

from __future__ import annotations

import hashlib
import http.client
import socket
import time
from dataclasses import dataclass
from typing import Final

from seatrial.model.facts import Exchange
from seatrial.model.trial import TrialRequest

_EXCERPT_CHARACTERS: Final = 2048
_LARGEST_ANSWER: Final = 16 << 20


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An exchange, and what only the trial itself needs of it. location: of a redirect, or ""."""

    exchange: Exchange
    body: bytes = b""
    content_type: str = ""
    location: str = ""


def trace_context(seed: str, number: int) -> tuple[str, str]:
    """Return a trace id and a traceparent header (W3C Trace Context): the same in every trial of an image."""
    identifier = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()
    return identifier[:32], f"00-{identifier[:32]}-{identifier[32:48]}-01"


def connection_over(port: int, made: socket.socket) -> http.client.HTTPConnection:
    """Return an HTTP client that uses this socket, and never one of this machine."""
    client = http.client.HTTPConnection("localhost", port, timeout=made.gettimeout() or 1.0)
    client.auto_open = 0
    client.sock = made
    return client


def headers_of(request: TrialRequest, traceparent: str) -> dict[str, str]:
    """Return a request's headers: ours, then the plan's own."""
    headers = {"User-Agent": "seatrial"}
    if request.body:
        headers["Content-Type"] = "application/json"
    named = {name.title(): value for name, value in request.headers}
    return headers | named | {"traceparent": traceparent}


def drive(
    client: http.client.HTTPConnection, request: TrialRequest, *, number: int, seed: str, found_by: str = ""
) -> Answer:
    """Make one request, whose connection is closed then; what goes wrong is in the exchange.

    seed, number: of the trace context.
    """
    trace_id, traceparent = trace_context(seed, number)
    status, body, error, content_type, location = 0, b"", "", "", ""
    started = time.monotonic()
    try:
        client.request(
            request.method,
            request.path,
            body=request.body.encode() or None,
            headers=headers_of(request, traceparent),
        )
        with client.getresponse() as answer:
            content_type, location = answer.getheader("Content-Type", ""), answer.getheader("Location", "")
            status, body = answer.status, answer.read(_LARGEST_ANSWER)
    except (OSError, http.client.HTTPException) as failure:
        status, error = 0, f"{type(failure).__name__}: {failure}"
    finally:
        client.close()
    exchange = Exchange(
        method=request.method,
        path=request.path,
        status=status,
        elapsed_ms=(time.monotonic() - started) * 1000,
        error=error,
        trace_id=trace_id,
        body_excerpt=body.decode("utf-8", "replace")[:_EXCERPT_CHARACTERS],
        expected_status=request.status,
        found_by=found_by,
    )
    return Answer(exchange=exchange, body=body, content_type=content_type, location=location)
