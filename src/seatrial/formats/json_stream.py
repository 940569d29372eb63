"""JSON values that follow each other in one text, as Go's commands print them."""

from __future__ import annotations

import json
from collections.abc import Iterator


def json_stream(text: str) -> Iterator[object]:
    """Yield each value (RFC 8259), whatever white space lies between; ValueError where one is broken."""
    decoder = json.JSONDecoder()
    position = 0
    while position < len(text):
        if text[position].isspace():
            position += 1
            continue
        value, position = decoder.raw_decode(text, position)
        yield value
