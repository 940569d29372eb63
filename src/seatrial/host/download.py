"""Downloads whose size and digest are known before the first byte: http, https and file.

The proxy settings are the usual environment variables, read by urllib. urllib is imported when
something is to be downloaded: it would be a third of a warm build's start-up time.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from seatrial.errors import NetworkError, OutputError, UntrustedInput

if TYPE_CHECKING:
    import urllib.request

_PIECE_BYTES: Final = 64 << 10
_GONE: Final = frozenset({404, 410})
PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
USER_AGENT: Final = "seatrial"

_T = TypeVar("_T")


class NotFoundError(NetworkError):
    """The server answered, and it does not have the file (404, 410, or no such local file)."""


class PassingError(NetworkError):
    """A failure that the next attempt may not meet."""


class _Body(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Fetcher:
    """How downloads are made. timeout_s: for each answer or piece; total_s: for one attempt at a file.

    pauses_s: before the second and each further attempt. Refused connections, unknown hosts and
    certificates that do not hold are not tried again.
    """

    timeout_s: float = 30.0
    total_s: float = 600.0
    pauses_s: tuple[float, ...] = (0.5, 2.0)
    sleep: Callable[[float], None] = time.sleep

    def read(self, url: str, *, limit_bytes: int) -> bytes:
        """Return a small file whose digest is not known beforehand, such as a signed index.

        Raises NotFoundError, NetworkError (after retries), UntrustedInput (more than ``limit_bytes``).
        """
        return self._retrying(lambda: b"".join(self._pieces(url, limit_bytes)))

    def save(self, url: str, destination: Path, *, size_bytes: int, sha256: str) -> None:
        """Put a file of known size and sha256 (64 hex) at ``destination``, whole or not at all.

        The digest is checked while reading, and the first byte over the size stops the read.
        Raises NotFoundError, NetworkError (after retries), UntrustedInput (another size or digest),
        OutputError.
        """
        temporary = destination.with_name(f".{destination.name}.{os.urandom(6).hex()}.tmp")
        try:
            self._retrying(lambda: self._save_once(url, temporary, size_bytes, sha256))
            os.replace(temporary, destination)
        except OSError as error:
            raise OutputError(f"cannot be written: {error.strerror}", where=str(destination)) from error
        finally:
            temporary.unlink(missing_ok=True)

    def _save_once(self, url: str, temporary: Path, size_bytes: int, sha256: str) -> None:
        digest = hashlib.sha256()
        written = 0
        with open(temporary, "wb") as file:
            for piece in self._pieces(url, size_bytes):
                digest.update(piece)
                written += len(piece)
                file.write(piece)
        if written != size_bytes:
            raise UntrustedInput(f"{written} bytes, {size_bytes} were promised", where=shown_url(url))
        if digest.hexdigest() != sha256:
            raise UntrustedInput(f"sha256 {digest.hexdigest()}, {sha256} was promised", where=shown_url(url))

    def _retrying(self, attempt: Callable[[], _T]) -> _T:
        for pause_s in self.pauses_s:
            try:
                return attempt()
            except PassingError:
                self.sleep(pause_s)
        return attempt()

    def _pieces(self, url: str, limit_bytes: int) -> Iterator[bytes]:
        deadline = time.monotonic() + self.total_s
        received = 0
        body, announced = _open(url, self.timeout_s)
        with closing(body):
            while piece := _read_piece(body, url):
                received += len(piece)
                if received > limit_bytes:
                    raise UntrustedInput(f"more than the {limit_bytes} bytes allowed", where=shown_url(url))
                if time.monotonic() > deadline:
                    raise NetworkError(f"not complete after {self.total_s:g} s", where=shown_url(url))
                yield piece
        if announced is not None and received < announced:
            raise PassingError(f"cut after {received} of {announced} bytes", where=shown_url(url))


def shown_url(url: str) -> str:
    """Return a URL as it may be printed: without user and password."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return scheme + mark + place.rpartition("@")[2] + slash + path


def _open(url: str, timeout_s: float) -> tuple[_Body, int | None]:
    """Return the body of an answer and the length that was announced."""
    if url.startswith("file://"):
        return _open_file(url)
    import urllib.request  # noqa: PLC0415 - start-up time
    from http.client import HTTPResponse  # noqa: PLC0415 - start-up time
    from urllib.error import HTTPError  # noqa: PLC0415 - start-up time

    opener = plain_opener()
    with network_errors(url):
        try:
            request = urllib.request.Request(shown_url(url), headers={"User-Agent": USER_AGENT})  # noqa: S310 - the handlers above decide
            if authorization := _authorization(url):
                request.add_unredirected_header("Authorization", authorization)
            answer = opener.open(request, timeout=timeout_s)
        except HTTPError as error:
            error.close()
            raise _refusal(error.code)(f"HTTP {error.code} {error.reason}", where=shown_url(url)) from error
    if not isinstance(answer, HTTPResponse):
        raise NetworkError("no HTTP answer", where=shown_url(url))
    length = answer.headers.get("Content-Length", "")
    return answer, int(length) if length.isdecimal() else None


def plain_opener() -> urllib.request.OpenerDirector:
    """Return what opens http and https, through the proxies of the environment, and nothing else.

    The default opener would also follow a redirect to ftp.
    """
    import urllib.request  # noqa: PLC0415 - start-up time

    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _authorization(url: str) -> str:
    """Return the Basic credentials of "https://user:password@host/", or nothing."""
    from base64 import b64encode  # noqa: PLC0415 - start-up time
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - start-up time

    user, mark, _ = urlsplit(url).netloc.rpartition("@")
    return f"Basic {b64encode(unquote(user).encode()).decode()}" if mark else ""


def _refusal(status: int) -> type[NetworkError]:
    if status in _GONE:
        return NotFoundError
    return PassingError if status in PASSING else NetworkError


def _open_file(url: str) -> tuple[_Body, int | None]:
    from urllib.parse import unquote, urlsplit  # noqa: PLC0415 - start-up time

    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"}:
        raise NetworkError("a file URL with a host", where=shown_url(url))
    try:
        file = open(unquote(parts.path), "rb")  # noqa: SIM115 - the caller closes it, as it does an answer
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError("no such file", where=shown_url(url)) from error
    except OSError as error:
        raise NetworkError(f"cannot be read: {error.strerror}", where=shown_url(url)) from error
    return file, None


def _read_piece(body: _Body, url: str) -> bytes:
    with network_errors(url):
        return body.read(_PIECE_BYTES)


@contextmanager
def network_errors(url: str) -> Iterator[None]:
    """Translate what urllib, http.client and the sockets below them raise."""
    from http.client import HTTPException, InvalidURL  # noqa: PLC0415 - start-up time
    from socket import gaierror  # noqa: PLC0415 - start-up time
    from ssl import SSLError  # noqa: PLC0415 - start-up time

    try:
        yield
    except (OSError, HTTPException, ValueError) as error:
        # URLError is an OSError that wraps the cause.
        cause = getattr(error, "reason", error)
        lasting = isinstance(cause, (gaierror, ConnectionRefusedError, SSLError, InvalidURL, ValueError, str))
        kind = NetworkError if lasting else PassingError
        raise kind(f"no answer: {cause}", where=shown_url(url)) from error
