"""One question to an HTTP server and its whole answer, whatever its status says.

For servers that are talked to, such as registries; files of known size and digest are ``download``'s.
Bodies are asked for as they are: one that was packed on the way would have another digest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Final
from urllib.error import HTTPError
from urllib.request import Request

from seatrial.errors import NetworkError, UntrustedInput
from seatrial.host.download import (
    PASSING,
    USER_AGENT,
    PassingError,
    network_errors,
    plain_opener,
    shown_url,
)

_PIECE_BYTES: Final = 64 << 10
_ERROR_LIMIT_BYTES: Final = 64 << 10
_LONGEST_WAIT_S: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """headers: names in lower case. body: empty for HEAD."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def checked(self) -> Answer:
        """Return self for a status below 400; raise NetworkError with the server's words if not."""
        if self.status < 400:
            return self
        wait = self.headers.get("retry-after", "")
        asked = f", and asks to wait {wait} s" if self.status == 429 and wait else ""
        limit = " (too many requests)" if self.status == 429 else ""
        raise NetworkError(f"HTTP {self.status}{limit}{asked}", where=shown_url(self.url))


@dataclass(frozen=True, kw_only=True)
class Caller:
    """How servers are asked. timeout_s: for each answer or piece; total_s: for one answer as a whole.

    pauses_s: before the second and each further attempt, where a status or a cut connection may pass.
    A server that says how long to wait is believed up to ten seconds.
    """

    timeout_s: float = 20.0
    total_s: float = 60.0
    pauses_s: tuple[float, ...] = (0.5, 2.0)
    sleep: Callable[[float], None] = time.sleep

    def ask(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        authorization: str = "",
        limit_bytes: int = 4 << 20,
    ) -> Answer:
        """Return the answer; authorization is not sent on to where a redirect leads.

        Raises NetworkError (no answer, or none in time), UntrustedInput (more than ``limit_bytes``).
        """
        for pause_s in self.pauses_s:
            try:
                answer = self._once(url, method, headers or {}, authorization, limit_bytes)
            except PassingError as error:
                if _is_timeout(error):
                    raise  # its time was the user's, and twice the time is no better
                self.sleep(pause_s)
                continue
            if answer.status not in PASSING:
                return answer
            wait_s = _seconds(answer.headers.get("retry-after", ""))
            if wait_s is not None and wait_s > _LONGEST_WAIT_S:
                return answer
            self.sleep(pause_s if wait_s is None else wait_s)
        return self._once(url, method, headers or {}, authorization, limit_bytes)

    def _once(
        self, url: str, method: str, headers: Mapping[str, str], authorization: str, limit_bytes: int
    ) -> Answer:
        deadline = time.monotonic() + self.total_s
        sent = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        with network_errors(url):
            request = Request(shown_url(url), headers=sent, method=method)  # noqa: S310 - as in download
            if authorization:
                request.add_unredirected_header("Authorization", authorization)
            try:
                answer = plain_opener().open(request, timeout=self.timeout_s)
            except HTTPError as error:
                with error:
                    body = error.read(_ERROR_LIMIT_BYTES)
                return Answer(url=url, status=error.code, headers=_lowered(error.headers.items()), body=body)
        if not isinstance(answer, HTTPResponse):
            raise NetworkError("no HTTP answer", where=shown_url(url))
        with answer:
            body = b"" if method == "HEAD" else _body(answer, url, deadline, self.total_s, limit_bytes)
            return Answer(url=url, status=answer.status, headers=_lowered(answer.headers.items()), body=body)


def _body(answer: HTTPResponse, url: str, deadline: float, total_s: float, limit_bytes: int) -> bytes:
    """Read piece by piece, so that a server that drips is noticed."""
    pieces: list[bytes] = []
    received = 0
    while True:
        with network_errors(url):
            piece = answer.read1(_PIECE_BYTES)
        if not piece:
            break
        pieces.append(piece)
        received += len(piece)
        if received > limit_bytes:
            raise UntrustedInput(f"more than the {limit_bytes} bytes allowed", where=shown_url(url))
        if time.monotonic() > deadline:
            raise NetworkError(f"not complete after {total_s:g} s", where=shown_url(url))
    announced = answer.headers.get("Content-Length", "")
    if announced.isdecimal() and received < int(announced):
        raise PassingError(f"cut after {received} of {announced} bytes", where=shown_url(url))
    return b"".join(pieces)


def _is_timeout(error: PassingError) -> bool:
    cause = error.__cause__
    return isinstance(getattr(cause, "reason", cause), TimeoutError)


def _lowered(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def _seconds(text: str) -> float | None:
    """Read Retry-After in seconds; its other form, a date, counts as too long."""
    if not text:
        return None
    return float(text) if text.isdecimal() else float("inf")
