"""A woven service as a process of this machine, with a collector beside it: what it does and tells."""

from __future__ import annotations

import signal
import socket
import subprocess
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from builds import Seatrial
from seatrial.model.facts import Span
from seatrial.observe.collector import Collector


class Service:
    """A service that says "web HOST:PORT lines HOST:PORT" once it listens for HTTP, and for plain lines."""

    def __init__(self, program: Path, log: Path, environment: dict[str, str]) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.collector = Collector(listener)
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{listener.getsockname()[1]}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        } | environment
        self._log = log
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(
                (str(program),), env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        assert self.process.stdout is not None
        _, self.web, _, self.lines = self.process.stdout.readline().split()

    def ask(self, line: str) -> tuple[int, str]:
        """Make one request, such as "GET /orders/7"; return the status and what was answered."""
        method, path = line.split()
        request = urllib.request.Request(f"http://{self.web}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def say(self, line: str) -> str:
        """Ask the server that is not net/http's."""
        host, port = self.lines.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(line.encode() + b"\n")
            return connection.makefile().readline().strip()

    def end(self) -> tuple[Span, ...]:
        """Stop it, which flushes the spans; return all that came."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(10) == 0, self.errors()
        return self.collector.spans

    def close(self) -> None:
        """End it however it is."""
        self.process.kill()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.collector.close()

    def errors(self) -> str:
        return self._log.read_text()


def weave(source: Path, place: Path) -> Path:
    """Build a service by Seatrial, and return the program out of its image."""
    done = Seatrial()("build", str(source), "--no-trial", "--base", "scratch", "-o", str(place / "image"))
    assert done.code == 0, done.stderr
    for blob in (place / "image/blobs/sha256").iterdir():
        if blob.read_bytes()[:2] == b"\x1f\x8b":
            with tarfile.open(blob) as layer:
                if "server" in layer.getnames():
                    layer.extract("server", place, filter="data")
    return place / "server"


class Run(Protocol):
    """Starts a program with these variables."""

    def __call__(self, program: Path, /, **environment: str) -> Service: ...


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Start a program, which is ended with the test."""
    started: list[Service] = []

    def begin(program: Path, /, **environment: str) -> Service:
        started.append(Service(program, tmp_path / "log", environment))
        return started[-1]

    yield begin
    for service in started:
        service.close()


def named(spans: tuple[Span, ...], name: str) -> Span:
    """Return the one span of this name."""
    (found,) = (span for span in spans if span.name == name)
    return found


def wait_for(service: Service, name: str) -> None:
    """Wait for a span that is made on its own time."""
    assert service.collector.wait(lambda spans: any(span.name == name for span in spans), 10), name
