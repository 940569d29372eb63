"""Typed reading of parsed JSON or TOML: ``object`` in, values out, FormatError on a wrong shape."""

from __future__ import annotations

from seatrial.errors import FormatError


def as_table(value: object, where: str = "") -> dict[str, object]:
    """Return a JSON object (TOML table) with text keys."""
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return value
    raise FormatError(f"expected an object, found {type(value).__name__}", where=where)


def as_list(value: object, where: str = "") -> list[object]:
    """Return a JSON array; a missing one (None) reads as empty, as Go's encoder omits them."""
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise FormatError(f"expected an array, found {type(value).__name__}", where=where)


def text_at(table: dict[str, object], key: str, default: str = "") -> str:
    """Return the text under ``key``, or ``default`` when it is not there."""
    value = table.get(key, default)
    if isinstance(value, str):
        return value
    raise FormatError(f"expected text, found {type(value).__name__}", where=key)


def texts_at(table: dict[str, object], key: str) -> tuple[str, ...]:
    """Return the array of texts under ``key``; empty when it is not there."""
    values = as_list(table.get(key), key)
    if all(isinstance(value, str) for value in values):
        return tuple(str(value) for value in values)
    raise FormatError("expected an array of texts", where=key)


def table_at(table: dict[str, object], key: str) -> dict[str, object]:
    """Return the object under ``key``; empty when it is not there."""
    value = table.get(key)
    return {} if value is None else as_table(value, key)
