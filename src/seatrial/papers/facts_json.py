"""Facts <-> JSON: what was observed once can be judged again, elsewhere and later.

The document's shape is that of the dataclasses in ``seatrial.model.facts``: a field that is new there
is written and read with no line changed here, and a file of an older Seatrial lacks it and has its
default.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
from typing import Final, Union, get_args, get_origin, get_type_hints

from seatrial.errors import FormatError
from seatrial.formats.jsonvalue import as_table, text_at
from seatrial.model.facts import Facts

FORMAT: Final = "seatrial facts 1"

_KEYS: Final = {"format", "image", "facts"}


def facts_text(image: str, facts: Facts) -> str:
    """Return the file of --facts: the image's name and all that was observed, in a stable order."""
    document = {"format": FORMAT, "image": image, "facts": plain(facts)}
    # ASCII: a path in an image may hold bytes that are no UTF-8 (PEP 383), and has to survive.
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def read_facts(content: bytes, where: str) -> tuple[str, Facts]:
    """Read such a file; return the image's name and the facts.

    Raises FormatError naming the field: an unknown key, a missing one, another type, another format.
    """
    try:
        document = as_table(json.loads(content), where)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not JSON: {error}", where=where) from error
    if document.get("format") != FORMAT:
        raise FormatError(
            f"the format is {document.get('format')!r}, not {FORMAT!r}",
            where=where,
            hint="a file of facts comes from seatrial trial --facts FILE",
        )
    if set(document) != _KEYS:
        raise FormatError(f"expected the keys {', '.join(sorted(_KEYS))}", where=where)
    facts = _read(Facts, document["facts"], f"{where}: facts")
    assert isinstance(facts, Facts)
    return text_at(document, "image"), facts


def plain(value: object) -> object:
    """Return facts as what JSON has: dataclasses as objects, tuples as arrays."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value


def _read(kind: object, value: object, where: str) -> object:
    """Return ``value`` as the type that a field is annotated with."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, value, where)
    origin = get_origin(kind)
    if origin in (types.UnionType, Union):
        return None if value is None else _read(get_args(kind)[0], value, where)
    if origin is tuple:
        return _read_tuple(get_args(kind), value, where)
    if origin is dict:
        return as_table(value, where)
    return _read_scalar(kind, value, where)


def _read_dataclass(kind: type, value: object, where: str) -> object:
    table = as_table(value, where)
    hints = get_type_hints(kind)
    for key in table:
        if key not in hints:
            raise FormatError(f"unknown field {key!r}", where=where)
    for field in dataclasses.fields(kind):
        if field.default is dataclasses.MISSING and field.name not in table:
            raise FormatError(f"the field {field.name!r} is missing", where=where)
    values = {key: _read(hints[key], item, f"{where}.{key}") for key, item in table.items()}
    made: object = kind(**values)
    return made


def _read_tuple(kinds: tuple[object, ...], value: object, where: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise FormatError(f"expected an array, found {type(value).__name__}", where=where)
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise FormatError(f"expected {len(kinds)} items, found {len(value)}", where=where)
    return tuple(
        _read(kind, item, f"{where}[{number}]")
        for number, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )


def _read_scalar(kind: object, value: object, where: str) -> object:
    """Return a text, number or truth; a whole number stands for itself where any number may."""
    if kind is float and type(value) in (int, float) and isinstance(value, (int, float)):
        if math.isfinite(value):
            return float(value)
        raise FormatError("expected a finite number", where=where)
    if isinstance(kind, type) and type(value) is kind:
        return value
    name = kind.__name__ if isinstance(kind, type) else str(kind)
    raise FormatError(f"expected {name}, found {type(value).__name__}", where=where)
