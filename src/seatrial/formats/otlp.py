"""OTLP trace requests -> spans (OpenTelemetry protocol 1.x, trace.proto; Protocol Buffers wire format).

What a service sends is a stranger's bytes: every length is checked against what is left, nesting and
counts are limited, and a field of another wire type than the schema's is an error. Unknown fields are
skipped, as the format's evolution asks for.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from seatrial.errors import FormatError
from seatrial.model.facts import Span

LARGEST_BODY: Final = 16 << 20
_LARGEST_INFLATED: Final = 64 << 20
_MOST_SPANS: Final = 50_000
_DEEPEST_VALUE: Final = 16
_VARINT: Final = 0
_FIXED64: Final = 1
_BYTES: Final = 2
_FIXED32: Final = 5
_KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES: Final = ("unset", "ok", "error")
_SIGN: Final = 1 << 63

# A field: its number, wire type, and an int (varint, fixed) or the bytes.
_Field = tuple[int, int, "int | memoryview"]


def decode_trace_request(body: bytes) -> tuple[Span, ...]:
    """Read an ExportTraceServiceRequest; raise FormatError for anything that is not exactly one."""
    spans: list[Span] = []
    for number, wire, value in _fields(memoryview(body)):
        if number == 1:
            spans.extend(_resource_spans(_message(wire, value)))
        if len(spans) > _MOST_SPANS:
            raise FormatError(f"more than {_MOST_SPANS} spans in one request")
    return tuple(spans)


def inflate(body: bytes, encoding: str) -> bytes:
    """Undo a request's Content-Encoding: "gzip", "identity" or none; raise FormatError."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise FormatError(f"content encoding {encoding!r} is not known")
    stream = zlib.decompressobj(wbits=31)
    try:
        content = stream.decompress(body, _LARGEST_INFLATED)
    except zlib.error as error:
        raise FormatError(f"the body is not gzip: {error}") from error
    if not stream.eof or stream.unused_data:
        raise FormatError("the gzip body is cut short, too long or too large")
    return content


def _resource_spans(message: memoryview) -> Iterator[Span]:
    service_name = ""
    scopes: list[memoryview] = []
    for number, wire, value in _fields(message):
        if number == 1:
            service_name = dict(_attributes(_message(wire, value), 1)).get("service.name", "")
        elif number == 2:
            scopes.append(_message(wire, value))
    for scope in scopes:  # after the loop: a resource may come after its spans
        yield from _scope_spans(scope, service_name)


def _scope_spans(message: memoryview, service_name: str) -> Iterator[Span]:
    scope_name = ""
    spans: list[memoryview] = []
    for number, wire, value in _fields(message):
        if number == 1:
            for inner, inner_wire, inner_value in _fields(_message(wire, value)):
                if inner == 1:
                    scope_name = _text(inner_wire, inner_value)
        elif number == 2:
            spans.append(_message(wire, value))
    for span in spans:
        yield _span(span, scope_name, service_name)


def _span(message: memoryview, scope: str, service_name: str) -> Span:
    ids = {1: b"", 2: b"", 4: b""}
    name, kind, status, status_message = "", 0, "unset", ""
    times = {7: 0, 8: 0}
    attributes: list[tuple[str, str]] = []
    for number, wire, value in _fields(message):
        if number in ids:
            ids[number] = bytes(_message(wire, value))
        elif number in times:
            times[number] = _integer(wire, value, _FIXED64)
        elif number == 5:
            name = _text(wire, value)
        elif number == 6:
            kind = _integer(wire, value, _VARINT)
        elif number == 9:
            attributes.append(_key_value(_message(wire, value)))
        elif number == 15:
            status, status_message = _status(_message(wire, value))
    return Span(
        trace_id=_identifier(ids[1], 16, "trace"),
        span_id=_identifier(ids[2], 8, "span"),
        parent_id=_identifier(ids[4], 8, "parent span") if any(ids[4]) else "",
        name=name,
        kind=_KINDS[kind] if kind < len(_KINDS) else "unspecified",
        start_ns=times[7],
        end_ns=times[8],
        scope=scope,
        attributes=tuple(attributes),
        status=status,
        status_message=status_message,
        service_name=service_name,
    )


def _status(message: memoryview) -> tuple[str, str]:
    code, text = 0, ""
    for number, wire, value in _fields(message):
        if number == 2:
            text = _text(wire, value)
        elif number == 3:
            code = _integer(wire, value, _VARINT)
    return _STATUSES[code] if code < len(_STATUSES) else "unset", text


def _identifier(raw: bytes, length: int, what: str) -> str:
    """Return an id in lower-case hex; a span without its ids is not a span (trace.proto)."""
    if len(raw) != length or not any(raw):
        raise FormatError(f"a {what} id of {len(raw)} bytes, or of zeros only")
    return raw.hex()


def _attributes(message: memoryview, field: int) -> Iterator[tuple[str, str]]:
    for number, wire, value in _fields(message):
        if number == field:
            yield _key_value(_message(wire, value))


def _key_value(message: memoryview, depth: int = 0) -> tuple[str, str]:
    key, text = "", ""
    for number, wire, value in _fields(message):
        if number == 1:
            key = _text(wire, value)
        elif number == 2:
            text = _any_value(_message(wire, value), depth + 1)
    return key, text


def _any_value(message: memoryview, depth: int) -> str:
    """Return an AnyValue (common.proto) as text: "true", "-1", "0.5", "[a, b]", "{k: v}", hex bytes."""
    if depth > _DEEPEST_VALUE:
        raise FormatError("an attribute is nested too deeply")
    text = ""
    for number, wire, value in _fields(message):
        if number == 1:
            text = _text(wire, value)
        elif number == 2:
            text = "true" if _integer(wire, value, _VARINT) else "false"
        elif number == 3:
            unsigned = _integer(wire, value, _VARINT)
            text = str(unsigned - 2 * _SIGN if unsigned >= _SIGN else unsigned)
        elif number == 4:
            text = repr(struct.unpack("<d", _integer(wire, value, _FIXED64).to_bytes(8, "little"))[0])
        elif number == 5:
            items = [
                _any_value(_message(inner_wire, inner), depth + 1)
                for inner_number, inner_wire, inner in _fields(_message(wire, value))
                if inner_number == 1
            ]
            text = f"[{', '.join(items)}]"
        elif number == 6:
            pairs = [
                _key_value(_message(inner_wire, inner), depth + 1)
                for inner_number, inner_wire, inner in _fields(_message(wire, value))
                if inner_number == 1
            ]
            text = "{" + ", ".join(f"{key}: {item}" for key, item in pairs) + "}"
        elif number == 7:
            text = _message(wire, value).hex()
    return text


def _message(wire: int, value: int | memoryview) -> memoryview:
    if wire != _BYTES or isinstance(value, int):
        raise FormatError(f"wire type {wire} where bytes belong")
    return value


def _text(wire: int, value: int | memoryview) -> str:
    try:
        return str(_message(wire, value), "utf-8")
    except UnicodeDecodeError as error:
        raise FormatError("a text that is not UTF-8") from error


def _integer(wire: int, value: int | memoryview, expected: int) -> int:
    if wire != expected or not isinstance(value, int):
        raise FormatError(f"wire type {wire} where {expected} belongs")
    return value


def _fields(message: memoryview) -> Iterator[_Field]:
    """Yield a message's fields in order; every length is checked before it is used."""
    at = 0
    end = len(message)
    while at < end:
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if number == 0 or number >= 1 << 29:
            raise FormatError(f"field number {number}")
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, wire, value
            continue
        if wire == _BYTES:
            length, at = _varint(message, at)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:  # groups (3 and 4) are not in proto3
            raise FormatError(f"wire type {wire}")
        if length > end - at:
            raise FormatError(f"a field of {length} bytes where {end - at} are left")
        part = message[at : at + length]
        at += length
        yield number, wire, part if wire == _BYTES else int.from_bytes(part, "little")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a base-128 number of at most 64 bits, and the position after it."""
    value = 0
    for count in range(10):
        if at >= len(message):
            raise FormatError("a number is cut short")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, at
    raise FormatError("a number of more than 64 bits")
