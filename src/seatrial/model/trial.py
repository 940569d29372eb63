"""What a trial will do to an image: decided before it is started, printable and comparable."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import Final

from seatrial.errors import ConfigError

SERVICES: Final = ("postgres",)

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
TARGET: Final = re.compile(r"/[!-~]*")
_EXPECTED: Final = re.compile(r"\s->\s*([1-5]\d\d)\s*$")


@dataclass(frozen=True, kw_only=True)
class TrialRequest:
    """One HTTP request to drive the service with.

    path: the request target, with its query. body: sent as application/json when not empty and when
    headers name no other type. status: the answer's expected status; 0 for any below 500.
    """

    method: str = "GET"
    path: str = "/"
    body: str = ""
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServiceProgram:
    """A program of this machine that runs beside the service, such as redis-server.

    run: its command line; "{data}" in it is a directory of its own. port: of 127.0.0.1; it is ready once
    something listens there. name: gives the placeholders ``{NAME.host}`` and ``{NAME.port}``.
    """

    name: str
    run: tuple[str, ...]
    port: int


# The front page, three times: the first answer warms up what the others then show.
DEFAULT_REQUESTS: Final = (TrialRequest(), TrialRequest(), TrialRequest())


@dataclass(frozen=True, kw_only=True)
class TrialPlan:
    """How an image is started, driven and stopped. Times in seconds.

    requests: made one after the other, in this order; each on its own connection.
    environment: set over the image's own; values may hold ``{postgres.url}``, ``.host``, ``.port``,
    ``.user``, ``.password`` and ``.database``. arguments: replace the image's Cmd when not empty.
    before: arguments of runs of the same program that come before it, and must succeed. scripts: file ->
    SQL, for the trial's PostgreSQL before those.
    files: path in the container -> content, with the same placeholders; there for the trial only.
    services: what runs beside it (``SERVICES``), and programs: others, with ``{NAME.host}`` and ``.port``
    as placeholders. health_argv: the health command; when empty, the
    one in the image's Healthcheck, and when there is none, nothing is probed.
    expects_spans: wait for spans up to ``spans_timeout_s`` before the service is stopped.
    """

    requests: tuple[TrialRequest, ...] = DEFAULT_REQUESTS
    environment: tuple[tuple[str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()
    before: tuple[tuple[str, ...], ...] = ()
    scripts: tuple[tuple[str, str], ...] = ()
    services: tuple[str, ...] = ()
    programs: tuple[ServiceProgram, ...] = ()
    health_argv: tuple[str, ...] = ()
    service_name: str = "trial"
    expects_spans: bool = True
    start_timeout_s: float = 20.0
    request_timeout_s: float = 10.0
    spans_timeout_s: float = 3.0
    health_timeout_s: float = 5.0
    stop_timeout_s: float = 10.0


def parse_request(text: str) -> TrialRequest:
    """Read ``GET /orders``, ``/orders``, ``POST /orders {"customer": "x"}`` or ``GET /admin -> 401``.

    The body, when there is one, must be JSON and is sent as written. Raises ConfigError.
    """
    expected = _EXPECTED.search(text)
    status = int(expected[1]) if expected else 0
    line = (text[: expected.start()] if expected else text).strip()
    first, _, rest = line.partition(" ")
    method, remainder = ("GET", line) if first.startswith("/") else (first.upper(), rest.strip())
    path, _, body = remainder.partition(" ")
    if method not in METHODS or TARGET.fullmatch(path) is None:
        raise ConfigError(
            f"not a request: {text!r}",
            where="[trial] requests",
            hint='write "GET /orders", "GET /admin -> 401", or with a JSON body \'POST /orders {"a": 1}\'',
        )
    if body.strip():
        try:
            json.loads(body)
        except ValueError as error:
            raise ConfigError(
                f"the body is not JSON: {error}", where=f"[trial] requests: {text!r}"
            ) from error
    return TrialRequest(method=method, path=path, body=body.strip(), status=status)


def parse_commands(lines: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Split command lines as a shell does, and expand nothing; raise ConfigError."""
    found = []
    for line in lines:
        try:
            found.append(tuple(shlex.split(line)))
        except ValueError as error:
            raise ConfigError(
                f"not a command line: {line!r} ({error})", where="[trial] before", hint='such as "migrate up"'
            ) from error
    return tuple(found)


def parse_requests(requests: tuple[str | TrialRequest, ...]) -> tuple[TrialRequest, ...]:
    """Read the requests of a configuration; the default ones when there are none."""
    read = (parse_request(one) if isinstance(one, str) else one for one in requests)
    return tuple(read) or DEFAULT_REQUESTS
