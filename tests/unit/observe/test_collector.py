"""The OTLP receiver, spoken to over a loopback socket as exporters do."""

from __future__ import annotations

import gzip
import http.client
import socket
from collections.abc import Iterator

import pytest

from seatrial.observe.collector import Collector

TRACE = bytes(range(1, 17))
# ExportTraceServiceRequest{resource_spans{scope_spans{span{trace_id, span_id}}}}
SPAN = b"\x0a\x10" + TRACE + b"\x12\x08" + TRACE[:8]
BODY = b"\x0a\x20\x12\x1e\x12\x1c" + SPAN
PROTOBUF = {"Content-Type": "application/x-protobuf"}


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.fixture
def collector(listener: socket.socket) -> Iterator[Collector]:
    made = Collector(listener)
    yield made
    made.close()


def post(listener: socket.socket, body: bytes, path: str = "/v1/traces", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=5)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", path, body=body, headers=PROTOBUF | named)
    status = connection.getresponse().status
    connection.close()
    return status


def test_spans_are_taken(collector: Collector, listener: socket.socket) -> None:
    assert not collector.has_been_called
    assert post(listener, BODY) == 200
    assert collector.has_been_called
    assert [span.trace_id for span in collector.spans] == [TRACE.hex()]


def test_gzip_and_chunks_are_understood(collector: Collector, listener: socket.socket) -> None:
    assert post(listener, gzip.compress(BODY), Content_Encoding="gzip") == 200
    connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=5)
    connection.request("POST", "/v1/traces", body=iter([BODY[:5], BODY[5:]]), headers=PROTOBUF)
    assert connection.getresponse().status == 200
    connection.close()
    assert len(collector.spans) == 2


def test_one_connection_carries_many_requests(collector: Collector, listener: socket.socket) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=5)
    for _ in range(3):
        connection.request("POST", "/v1/traces", body=BODY, headers=PROTOBUF)
        with connection.getresponse() as answer:
            answer.read()
    connection.close()
    assert len(collector.spans) == 3


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"\x0a\x05x", {}, 400),
        (BODY, {"Content_Type": "application/json"}, 415),
        (b"not gzip", {"Content_Encoding": "gzip"}, 400),
        (b"", {"Content_Length": str(1 << 40)}, 413),
        (b"", {"Content_Length": "-1"}, 413),
    ],
)
def test_what_cannot_be_read_is_refused(
    collector: Collector, listener: socket.socket, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert post(listener, body, **headers) == status
    assert collector.spans == ()


def test_reasons_for_refusal_are_kept_once(collector: Collector, listener: socket.socket) -> None:
    for _ in range(3):
        post(listener, BODY, Content_Type="application/json")
    assert collector.problems == ("spans came as 'application/json'; only OTLP's protobuf form is read",)


def test_metrics_and_logs_are_taken_and_dropped(collector: Collector, listener: socket.socket) -> None:
    assert post(listener, b"anything", "/v1/metrics") == 200
    assert collector.spans == ()
    assert collector.problems == ()


def test_waiting_ends_when_it_is_enough_or_late(collector: Collector, listener: socket.socket) -> None:
    assert not collector.wait(lambda spans: len(spans) > 0, 0.05)
    post(listener, BODY)
    assert collector.wait(lambda spans: len(spans) > 0, 5.0)


@pytest.mark.parametrize(
    "bytes_sent", [b"", b"GARBAGE\r\n\r\n", b"POST /v1/traces HTTP/1.1\r\nContent-Length: zero\r\n\r\n"]
)
def test_garbage_harms_nobody(collector: Collector, listener: socket.socket, bytes_sent: bytes) -> None:
    with socket.create_connection(listener.getsockname(), timeout=5) as connection:
        connection.sendall(bytes_sent)
    assert post(listener, BODY) == 200
