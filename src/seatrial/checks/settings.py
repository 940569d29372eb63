"""Reading an image configuration's "config" object (OCI config.md): absent is empty, odd is empty too."""

from __future__ import annotations

from seatrial.model.facts import StaticFacts


def process_settings(facts: StaticFacts) -> dict[str, object]:
    """Return the part that says how to start the image."""
    found = facts.config.get("config")
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}


def text(table: dict[str, object], key: str) -> str:
    """Return a text, "" when there is none."""
    value = table.get(key)
    return value if isinstance(value, str) else ""


def texts(table: dict[str, object], key: str) -> tuple[str, ...]:
    """Return an array of texts, empty when there is none."""
    value = table.get(key)
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def table(parent: dict[str, object], key: str) -> dict[str, object]:
    """Return a nested object, empty when there is none."""
    value = parent.get(key)
    return {str(name): item for name, item in value.items()} if isinstance(value, dict) else {}
