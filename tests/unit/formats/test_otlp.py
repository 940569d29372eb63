"""OTLP trace requests, written by hand field by field (trace.proto)."""

from __future__ import annotations

import contextlib
import gzip
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import FormatError
from seatrial.formats.otlp import decode_trace_request, inflate


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def message(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def number_field(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def fixed64(number: int, value: int) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def key_value(key: str, value: bytes) -> bytes:
    return message(1, key.encode()) + message(2, value)


def text(value: str) -> bytes:
    return message(1, value.encode())


TRACE = bytes(range(16))
SPAN = bytes(range(1, 9))
PARENT = bytes(range(2, 10))


def span(*extra: bytes, trace: bytes = TRACE, identifier: bytes = SPAN) -> bytes:
    return b"".join((message(1, trace), message(2, identifier), *extra))


def request(*spans: bytes, resource: bytes = b"", scope: bytes = b"") -> bytes:
    scope_spans = (message(1, scope) if scope else b"") + b"".join(message(2, one) for one in spans)
    return message(1, (message(1, resource) if resource else b"") + message(2, scope_spans))


def test_every_field_of_a_span_is_read() -> None:
    body = request(
        span(
            message(4, PARENT),
            message(5, b"GET /orders"),
            number_field(6, 2),
            fixed64(7, 1000),
            fixed64(8, 2000),
            message(9, key_value("http.route", text("/orders"))),
            message(15, message(2, b"boom") + number_field(3, 2)),
        ),
        resource=message(1, key_value("service.name", text("orders"))),
        scope=message(1, b"net/http"),
    )
    (found,) = decode_trace_request(body)
    assert found.trace_id == TRACE.hex()
    assert found.span_id == SPAN.hex()
    assert found.parent_id == PARENT.hex()
    assert (found.name, found.kind) == ("GET /orders", "server")
    assert (found.start_ns, found.end_ns) == (1000, 2000)
    assert found.attributes == (("http.route", "/orders"),)
    assert (found.status, found.status_message) == ("error", "boom")
    assert (found.scope, found.service_name) == ("net/http", "orders")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (text("x"), "x"),
        (number_field(2, 1), "true"),
        (number_field(2, 0), "false"),
        (number_field(3, 42), "42"),
        (number_field(3, (1 << 64) - 1), "-1"),
        (varint(4 << 3 | 1) + struct.pack("<d", 0.5), "0.5"),
        (message(5, message(1, text("a")) + message(1, number_field(3, 2))), "[a, 2]"),
        (message(6, message(1, key_value("k", text("v")))), "{k: v}"),
        (message(7, b"\x01\xff"), "01ff"),
    ],
)
def test_attribute_values_become_text(value: bytes, shown: str) -> None:
    (found,) = decode_trace_request(request(span(message(9, key_value("key", value)))))
    assert found.attributes == (("key", shown),)


def test_root_span_has_no_parent() -> None:
    assert decode_trace_request(request(span()))[0].parent_id == ""
    assert decode_trace_request(request(span(message(4, bytes(8)))))[0].parent_id == ""


def test_unknown_fields_are_skipped() -> None:
    (found,) = decode_trace_request(request(span(message(999, b"new"), varint(16 << 3 | 5) + bytes(4))))
    assert found.span_id == SPAN.hex()


def test_resource_after_its_spans_still_counts() -> None:
    spans = message(2, message(2, span()))
    late = message(1, message(1, key_value("service.name", text("late"))))
    assert decode_trace_request(message(1, spans + late))[0].service_name == "late"


def nested(depth: int) -> bytes:
    value = text("deep")
    for _ in range(depth):
        value = message(5, message(1, value))
    return value


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a",  # no length
        b"\x0a\x05abc",  # a length over what is left
        b"\x0b",  # a group
        b"\x00",  # field number 0
        b"\x08" + b"\xff" * 10 + b"\x01",  # more than 64 bits
        varint(1 << 3 | 1) + bytes(7),  # a short fixed64
        number_field(1, 5),  # a number where a message belongs
        request(span(trace=bytes(16))),
        request(span(trace=bytes(range(15)))),
        request(span(identifier=bytes(range(7)))),
        request(span(message(5, b"\xff\xfe"))),  # not UTF-8
        request(span(number_field(7, 1))),  # a time of another wire type
        request(span(message(9, key_value("k", nested(20))))),
    ],
)
def test_malformed_request_is_refused(body: bytes) -> None:
    with pytest.raises(FormatError):
        decode_trace_request(body)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(FormatError):
        decode_trace_request(body)


@given(st.integers(0, 60), st.binary(max_size=8))
def test_damaged_request_is_read_or_refused(at: int, damage: bytes) -> None:
    body = bytearray(request(span(message(9, key_value("k", text("v"))))))
    body[at : at + len(damage)] = damage
    with contextlib.suppress(FormatError):
        decode_trace_request(bytes(body))


def test_gzip_is_undone() -> None:
    assert inflate(gzip.compress(b"spans"), "gzip") == b"spans"
    assert inflate(b"spans", "") == b"spans"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"not gzip", "gzip"),
        (gzip.compress(b"spans")[:-3], "gzip"),
        (gzip.compress(bytes(65 << 20)), "gzip"),  # a bomb
        (b"", "br"),
    ],
)
def test_bad_encoding_is_refused(body: bytes, encoding: str) -> None:
    with pytest.raises(FormatError):
        inflate(body, encoding)
