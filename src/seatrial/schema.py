"""The JSON Schema of seatrial.toml, for editors: made from the same table that the parser reads."""

from __future__ import annotations

from seatrial.config import CHOICES, KEYS
from seatrial.model.trial import METHODS

_KINDS: dict[str, dict[str, object]] = {
    "text": {"type": "string"},
    "truth": {"type": "boolean"},
    "count": {"type": "integer", "minimum": 1, "maximum": 100},
    "texts": {"type": "array", "items": {"type": "string"}},
    "ports": {"type": "array", "items": {"type": "string", "pattern": r"^\d{1,5}(/(tcp|udp))?$"}},
    "requests": {
        "type": "array",
        "items": {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["path"],
                    "properties": {
                        "method": {"enum": list(METHODS)},
                        "path": {"type": "string", "pattern": "^/"},
                        "body": {},
                        "status": {"type": "integer", "minimum": 100, "maximum": 599},
                        "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                    },
                },
            ]
        },
    },
    "programs": {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z][a-z0-9_-]*$"},
        "additionalProperties": {
            "type": "object",
            "additionalProperties": False,
            "required": ["run", "port"],
            "properties": {
                "run": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            },
        },
    },
    "table": {"type": "object", "additionalProperties": {"type": "string"}},
    "places": {"type": "object", "additionalProperties": {"type": "string"}},
    "addresses": {"type": "object", "additionalProperties": {"type": "string"}},
    "target": {"type": "string", "pattern": "^/[!-~]*$"},
    "size": {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*([A-Za-z]*)\s*$"},
    "duration": {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(ms|s|m|h)\s*$"},
}
_LISTS = ("integrations", "services")


def schema() -> dict[str, object]:
    """Return the schema (JSON Schema 2020-12); ``seatrial.schema.json`` holds it for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "seatrial.toml",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            section: {
                "type": "object",
                "additionalProperties": False,
                "properties": {key: _kind(kind) for key, (_, kind) in keys.items()},
            }
            for section, keys in KEYS.items()
        },
    }


def _kind(kind: str) -> dict[str, object]:
    if kind not in CHOICES:
        return _KINDS[kind]
    choice: dict[str, object] = {"enum": list(CHOICES[kind])}
    return {"type": "array", "items": choice} if kind in _LISTS else choice
