"""``make docs``: the schema for editors, and the tables of docs/configuration.md, from the schema's words."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import seatrial
from seatrial.formats.jsonvalue import as_table
from seatrial.schema import schema

SCHEMA = Path(seatrial.__file__).with_name("seatrial.schema.json")
PAGE = Path(__file__).parents[1] / "docs/configuration.md"
_HEAD = "| key | default | meaning |\n|-|-|-|\n"
_REGION = re.compile(r"(<!-- (\w+): written by `make docs` -->\n).*?(<!-- end -->\n)", re.DOTALL)
_WORDS = re.compile(r"(?P<meaning>.*?)(?: Default: (?P<default>.*))?", re.DOTALL)


def schema_text() -> str:
    """Return what seatrial.schema.json holds."""
    return json.dumps(schema(), indent=2) + "\n"


def page_text(page: str) -> str:
    """Return the page with its tables as the schema has them; raise KeyError for a table nobody knows."""
    tables = {name: _HEAD + "".join(rows) for name, rows in _tables()}
    found = [name for _, name, _ in _REGION.findall(page)]
    if sorted(found) != sorted(tables):
        raise KeyError(f"the page has the tables {found}, and the schema {list(tables)}")
    return _REGION.sub(lambda region: region[1] + tables[region[2]] + region[3], page)


def _tables() -> Iterator[tuple[str, list[str]]]:
    sections = _properties(schema())
    yield (
        "settings",
        [
            _row(f"[{section}] {key}", value)
            for section, content in sections.items()
            for key, value in _properties(content).items()
        ],
    )
    trial = _properties(sections["trial"])
    (_, table) = _list(as_table(as_table(trial["requests"])["items"])["anyOf"])
    yield "requests", [_row(key, value) for key, value in _properties(table).items()]
    program = as_table(trial["service"])["additionalProperties"]
    yield "services", [_row(key, value) for key, value in _properties(program).items()]


def _row(name: str, value: object) -> str:
    property_ = as_table(value)
    words = _WORDS.fullmatch(str(property_["description"]).removesuffix("."))
    assert words is not None
    # As TOML and JSON write them alike: texts, numbers, arrays, and tables that are empty.
    default = words["default"] or f"`{json.dumps(property_['default'])}`"
    cells = (f"`{name}`", default, words["meaning"].removesuffix(".") + _choices(property_))
    # A vertical line would end the cell.
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _choices(property_: dict[str, object]) -> str:
    """Return what may be chosen from, as the end of a meaning."""
    items = as_table(property_.get("items", {}))
    for words, holder in (("One of", property_), ("Known:", items)):
        if "enum" in holder:
            return f". {words} " + ", ".join(f"`{json.dumps(choice)}`" for choice in _list(holder["enum"]))
    return ""


def _properties(value: object) -> dict[str, object]:
    return as_table(as_table(value)["properties"])


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def main() -> int:
    """Write both files; return the exit code."""
    SCHEMA.write_text(schema_text())
    PAGE.write_text(page_text(PAGE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
