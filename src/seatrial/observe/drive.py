"""Requests to a service in the sandbox, each with a trace context that its spans must carry on."""

from __future__ import annotations

import hashlib
import http.client
import time
from typing import Final

from seatrial.host.listeners import Listener
from seatrial.host.sandbox import Sandbox
from seatrial.model.facts import Exchange
from seatrial.model.trial import TrialRequest

_EXCERPT_CHARACTERS: Final = 2048
_LARGEST_ANSWER: Final = 16 << 20


def drive(
    sandbox: Sandbox, listener: Listener, request: TrialRequest, *, number: int, seed: str, timeout_s: float
) -> Exchange:
    """Make one request on a connection of its own; what goes wrong is in the exchange.

    seed, number: give the trace context (W3C Trace Context), so that a trial can be repeated.
    """
    identifier = hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()
    trace_id, span_id = identifier[:32], identifier[32:48]
    headers = {"traceparent": f"00-{trace_id}-{span_id}-01", "User-Agent": "seatrial"}
    if request.body:
        headers["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection("localhost", listener.port, timeout=timeout_s)
    connection.auto_open = 0  # never this machine's localhost
    started = time.monotonic()
    try:
        connection.sock = sandbox.connect(listener, timeout_s)
        connection.request(request.method, request.path, body=request.body.encode() or None, headers=headers)
        with connection.getresponse() as answer:
            status, body = answer.status, answer.read(_LARGEST_ANSWER)
        error = ""
    except (OSError, http.client.HTTPException) as failure:
        status, body, error = 0, b"", f"{type(failure).__name__}: {failure}"
    finally:
        connection.close()
    return Exchange(
        method=request.method,
        path=request.path,
        status=status,
        elapsed_ms=(time.monotonic() - started) * 1000,
        error=error,
        trace_id=trace_id,
        body_excerpt=body.decode("utf-8", "replace")[:_EXCERPT_CHARACTERS],
    )
