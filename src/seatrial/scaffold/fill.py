"""Template text -> file text: @NAME@ is a value, and lines between ``@if word`` and ``@end`` are optional.

Chosen so that a template looks like the file that it makes: $ and {} mean something in Make, shell and
YAML, and lines of a recipe begin with a tab, so a directive at column 0 is never one of theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Final

_TEMPLATES: Final = Path(__file__).parent / "templates"
_PLACEHOLDER: Final = re.compile(r"@([A-Z][A-Z0-9_]*)@")
_DIRECTIVE: Final = re.compile(r"@(if|unless|end)(?: ([a-z_]+))?")


def fill(name: str, values: Mapping[str, str], words: Mapping[str, bool] | None = None) -> str:
    """Return the text of templates/``name``.

    values: for @NAME@; a line that is a lone placeholder whose value is empty is left out, and a value
    of several lines stands as it is. words: for ``@if word`` and ``@unless word``.
    Raises KeyError or ValueError for a template that does not fit its values: a defect, found by tests.
    """
    return fill_text((_TEMPLATES / name).read_text(encoding="utf-8"), values, words or {})


def fill_text(text: str, values: Mapping[str, str], words: Mapping[str, bool]) -> str:
    """Fill a template's text: see ``fill``."""
    lines: list[str] = []
    open_blocks: list[bool] = []
    for line in text.splitlines(keepends=True):
        if found := _DIRECTIVE.fullmatch(line.rstrip("\n")):
            _enter(found, words, open_blocks)
        elif all(open_blocks):
            lines += _filled(line, values)
    if open_blocks:
        raise ValueError("an @if without its @end")
    return "".join(lines)


def unused(text: str, values: Set[str]) -> set[str]:
    """Return the values that a template's text does not name."""
    return set(values) - set(_PLACEHOLDER.findall(text))


def _enter(found: re.Match[str], words: Mapping[str, bool], blocks: list[bool]) -> None:
    if found[1] == "end":
        blocks.pop()
    else:
        blocks.append(words[found[2]] == (found[1] == "if"))


def _filled(line: str, values: Mapping[str, str]) -> list[str]:
    lone = _PLACEHOLDER.fullmatch(line.strip())
    if lone and not values[lone[1]]:
        return []
    return [_PLACEHOLDER.sub(lambda match: values[match[1]], line)]
