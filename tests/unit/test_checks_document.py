"""docs/checks.md has a row for every rule, with its severity; those at rest in the order of the verdicts."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import seatrial.checks
from facts import EXPECTED, STATIC
from seatrial.checks.rule import Rule
from seatrial.verify import STATIC_CHECKS

TEXT = (Path(__file__).parents[2] / "docs/checks.md").read_text()
ROWS = dict(re.findall(r"^\| `((?:image|binary|trial)\.[a-z0-9-]+)` \| (\w+) \|", TEXT, re.MULTILINE))


def rules() -> dict[str, str]:
    """Return the id and severity of every rule of the code."""
    found = {}
    for module in pkgutil.iter_modules(seatrial.checks.__path__, "seatrial.checks."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Rule):
                found[value.id] = value.severity.value
    return found


def test_every_rule_has_its_row_with_its_severity() -> None:
    assert rules() == ROWS


def test_rows_are_in_the_order_of_the_verdicts() -> None:
    assert [check(STATIC, EXPECTED).id for check in STATIC_CHECKS] == [
        id_ for id_ in ROWS if not id_.startswith("trial.")
    ]
