"""An OTLP/HTTP receiver on a listener inside the sandbox (OTLP specification, "OTLP/HTTP")."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Final

from seatrial.errors import FormatError
from seatrial.formats.otlp import LARGEST_BODY, decode_trace_request, inflate
from seatrial.model.facts import Span

OTLP_PORT: Final = 4318

_MOST_SPANS: Final = 50_000
_MOST_PROBLEMS: Final = 20
_PROTOBUF: Final = "application/x-protobuf"
_CONNECTION_TIMEOUT_S: Final = 30.0


class Collector:
    """Takes spans until it is closed; every method may be called from any thread."""

    def __init__(self, listener: socket.socket) -> None:
        self._changed = threading.Condition()
        self._spans: list[Span] = []
        self._problems: list[str] = []
        self._requests = 0
        self._server = _Server(listener, self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="otlp", daemon=True
        )
        self._thread.start()

    @property
    def spans(self) -> tuple[Span, ...]:
        """What has come so far, in the order in which it came."""
        with self._changed:
            return tuple(self._spans)

    @property
    def problems(self) -> tuple[str, ...]:
        """Requests that could not be read."""
        with self._changed:
            return tuple(self._problems)

    @property
    def has_been_called(self) -> bool:
        """Anything at all was sent: then there is an exporter, and it is worth waiting for it."""
        with self._changed:
            return self._requests > 0

    def wait(self, is_enough: Callable[[tuple[Span, ...]], bool], timeout_s: float) -> bool:
        """Return once the spans are enough, or False when they are not after ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not is_enough(tuple(self._spans)):
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return is_enough(tuple(self._spans))
        return True

    def close(self) -> None:
        """Stop taking; requests that have been sent are read to their end (at most a second)."""
        self._server.shutdown()
        self._thread.join()
        self._server.join(1.0)

    def take(self, path: str, content_type: str, body: bytes) -> int:
        """Read one request's body and return the HTTP status to answer with."""
        with self._changed:
            self._requests += 1
        if path != "/v1/traces":
            return 200  # metrics and logs are taken and dropped: an error would only fill the log
        if content_type.partition(";")[0].strip() != _PROTOBUF:
            return self._refuse(415, f"spans came as {content_type!r}; only OTLP's protobuf form is read")
        try:
            spans = decode_trace_request(body)
        except FormatError as error:
            return self._refuse(400, f"a trace request cannot be read: {error}")
        with self._changed:
            self._spans.extend(spans[: _MOST_SPANS - len(self._spans)])
            self._changed.notify_all()
        return 200

    def _refuse(self, status: int, problem: str) -> int:
        with self._changed:
            if len(self._problems) < _MOST_PROBLEMS and problem not in self._problems:
                self._problems.append(problem)
        return status


class _Server(socketserver.TCPServer):
    """Serves the given listener, a thread for each connection: exporters keep theirs open."""

    def __init__(self, listener: socket.socket, collector: Collector) -> None:
        super().__init__(("127.0.0.1", OTLP_PORT), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.collector = collector
        self._handlers: list[threading.Thread] = []

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], address: object) -> None:
        """Answer a connection in a thread of its own."""
        handler = threading.Thread(target=self._serve, args=(request, address), name="otlp", daemon=True)
        self._handlers = [thread for thread in self._handlers if thread.is_alive()] + [handler]
        handler.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the connections to end."""
        deadline = time.monotonic() + timeout_s
        for handler in self._handlers:
            handler.join(max(0.0, deadline - time.monotonic()))

    def _serve(self, request: socket.socket, address: tuple[str, int]) -> None:
        try:
            _Handler(request, address, self)
        except (OSError, ValueError):
            pass  # the service went away in the middle of a request
        finally:
            self.shutdown_request(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _CONNECTION_TIMEOUT_S
    server: _Server

    def do_POST(self) -> None:
        """Take one export request; an empty protobuf message is a complete success."""
        body = self._body()
        if body is None:
            self.close_connection = True
            self._answer(413)
            return
        try:
            content = inflate(body, self.headers.get("Content-Encoding", "").strip().lower())
        except FormatError:
            self._answer(400)
            return
        self._answer(self.server.collector.take(self.path, self.headers.get("Content-Type", ""), content))

    def _body(self) -> bytes | None:
        """Return the request's body, of a length told or in chunks (RFC 9112); None when too large."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunked_body()
        length = int(self.headers.get("Content-Length", "0"))
        return self.rfile.read(length) if 0 <= length <= LARGEST_BODY else None

    def _chunked_body(self) -> bytes | None:
        content = bytearray()
        while True:
            size = int(self.rfile.readline(1024).partition(b";")[0], 16)
            if size < 0 or len(content) + size > LARGEST_BODY:
                return None
            if size == 0:
                while self.rfile.readline(65536).strip():
                    pass
                return bytes(content)
            content += self.rfile.read(size)
            self.rfile.readline(16)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", _PROTOBUF)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
        """Say nothing: only the CLI prints."""
