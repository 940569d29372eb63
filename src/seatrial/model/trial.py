"""What a trial will do to an image: decided before it is started, printable and comparable."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from seatrial.errors import ConfigError

SERVICES: Final = ("postgres",)

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_TARGET: Final = re.compile(r"/[!-~]*")


@dataclass(frozen=True, kw_only=True)
class TrialRequest:
    """One HTTP request to drive the service with.

    path: the request target, with its query. body: sent as application/json when not empty.
    status: the answer's expected status; 0 for any below 500.
    """

    method: str = "GET"
    path: str = "/"
    body: str = ""
    status: int = 0


# The front page, three times: the first answer warms up what the others then show.
DEFAULT_REQUESTS: Final = (TrialRequest(), TrialRequest(), TrialRequest())


@dataclass(frozen=True, kw_only=True)
class TrialPlan:
    """How an image is started, driven and stopped. Times in seconds.

    requests: made one after the other, in this order; each on its own connection.
    environment: set over the image's own; values may hold ``{postgres.url}``, ``.host``, ``.port``,
    ``.user``, ``.password`` and ``.database``. arguments: replace the image's Cmd when not empty.
    files: path in the container -> content, with the same placeholders; there for the trial only.
    services: what runs beside it (``SERVICES``). health_argv: the health command; when empty, the
    one in the image's Healthcheck, and when there is none, nothing is probed.
    expects_spans: wait for spans up to ``spans_timeout_s`` before the service is stopped.
    """

    requests: tuple[TrialRequest, ...] = DEFAULT_REQUESTS
    environment: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    health_argv: tuple[str, ...] = ()
    service_name: str = "trial"
    expects_spans: bool = True
    start_timeout_s: float = 20.0
    request_timeout_s: float = 10.0
    spans_timeout_s: float = 3.0
    health_timeout_s: float = 5.0
    stop_timeout_s: float = 10.0


def parse_request(text: str) -> TrialRequest:
    """Read ``GET /orders``, ``/orders`` or ``POST /orders {"customer": "x"}``; raise ConfigError.

    The body, when there is one, must be JSON and is sent as written.
    """
    first, _, rest = text.strip().partition(" ")
    method, remainder = ("GET", text.strip()) if first.startswith("/") else (first.upper(), rest.strip())
    path, _, body = remainder.partition(" ")
    if method not in _METHODS or _TARGET.fullmatch(path) is None:
        raise ConfigError(
            f"not a request: {text!r}",
            where="[trial] requests",
            hint='write "GET /orders", or with a JSON body "POST /orders {\\"customer\\": \\"x\\"}"',
        )
    if body.strip():
        try:
            json.loads(body)
        except ValueError as error:
            raise ConfigError(
                f"the body is not JSON: {error}", where=f"[trial] requests: {text!r}"
            ) from error
    return TrialRequest(method=method, path=path, body=body.strip())


def parse_requests(texts: tuple[str, ...]) -> tuple[TrialRequest, ...]:
    """Read the requests of a configuration; the default ones when there are none."""
    return tuple(parse_request(text) for text in texts) or DEFAULT_REQUESTS
