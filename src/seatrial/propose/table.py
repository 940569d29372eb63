"""Settings -> the lines of a seatrial.toml that differ from others, each with its reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from seatrial.config import KEYS, Settings
from seatrial.model.trial import ServiceProgram

_WIDEST: Final = 100


def written(before: Settings, after: Settings, reasons: Mapping[str, str]) -> str:
    """Return the tables of what changed, whole keys at a time: they replace those that are there.

    reasons: key, or "section.key" where two sections have it, or "service.NAME" -> words for a comment.
    """
    blocks = []
    for section, keys in KEYS.items():
        plain, tables = [], []
        for key, (name, kind) in keys.items():
            value = getattr(after, name)
            if value == getattr(before, name):
                continue
            why = reasons.get(f"{section}.{key}") or reasons.get(key, "")
            if kind == "programs":
                known = getattr(before, name)
                tables += [_program(one, reasons) for one in value if one not in known]
            elif kind in {"table", "places"} and not _is_short(dict(value)):
                tables.append("\n".join((f"[{section}.{key}]{_note(why)}", *_pairs(dict(value)))))
            else:
                plain.append(f"{key} = {_value(value, kind)}{_note(why)}")
        if plain:
            blocks.append("\n".join((f"[{section}]", *plain)))
        blocks += tables
    return "\n".join(blocks)


def _note(why: str) -> str:
    return f"  # {why}" if why else ""


def _value(value: object, kind: str) -> str:
    if kind in {"table", "places"} and isinstance(value, tuple):
        return "{" + ", ".join(f"{_key(key)} = {_text(text)}" for key, text in value) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(_text(str(item)) for item in value) + "]"
    return _text(str(value))


def _is_short(table: dict[str, str]) -> bool:
    line = _value(tuple(table.items()), "table")
    return len(line) <= _WIDEST and "\n" not in "".join(table.values())


def _pairs(table: dict[str, str]) -> list[str]:
    return [f"{_key(key)} = {_text(text)}" for key, text in table.items()]


def _program(program: ServiceProgram, reasons: Mapping[str, str]) -> str:
    why = _note(reasons.get(f"service.{program.name}", ""))
    run = ", ".join(_text(word) for word in program.run)
    return f"[trial.service.{program.name}]{why}\nrun = [{run}]\nport = {program.port}"


def _key(name: str) -> str:
    return (
        name if name and all(one.isalnum() or one in "_-" for one in name) and name.isascii() else _text(name)
    )


def _text(text: str) -> str:
    """Return a TOML string; of several lines where it has them."""
    if "\n" in text and "'''" not in text and "\r" not in text:
        return f"'''\n{text}'''"
    # JSON's escapes are TOML's, but for the one of DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
