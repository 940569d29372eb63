"""The house rules: who may import whom, no cycles, no module too long to read."""

from __future__ import annotations

import ast
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
TESTS = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (SOURCE / "seatrial").rglob("*.py")
}

# Part of the package -> parts it may import; "model" and "errors" are open to all but themselves.
# docs/architecture.md shows the same table.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "model": set(),
    "formats": set(),
    "host": {"formats"},
    "checks": set(),
    "config": {"config_values", "formats", "host"},
    "config_values": set(),
    "propose": {"config", "formats", "host"},
    "lock": {"formats", "host"},
    "schema": {"config", "config_values"},
    "tags": set(),
    "instrument": {"host", "formats"},
    "base": {"host", "formats"},
    "toolchains": {"instrument", "host", "formats"},
    "plan": {"config", "config_values"},
    "watch": {"config", "lock", "host"},
    "health": {"plan", "toolchains", "observe"},
    "assemble": {"base", "host", "formats"},
    "observe": {"host", "formats"},
    "verify": {"checks"},
    "papers": {"formats"},
    "scaffold": {"host", "formats", "config"},
    "renew": {"checks", "host", "formats"},
    "keep": {
        "pipeline",
        "renew",
        "scaffold",
        "toolchains",
        "instrument",
        "health",
        "propose",
        "plan",
        "config",
        "lock",
        "host",
    },
    "trial": {"observe", "verify", "config", "config_values", "host"},
    "delivery": {
        "assemble",
        "observe",
        "verify",
        "trial",
        "propose",
        "plan",
        "watch",
        "config",
        "host",
    },
    "pipeline": {
        "toolchains",
        "instrument",
        "base",
        "assemble",
        "observe",
        "verify",
        "delivery",
        "propose",
        "health",
        "plan",
        "watch",
        "config",
        "lock",
        "host",
    },
    "cli": {
        "pipeline",
        "keep",
        "renew",
        "scaffold",
        "trial",
        "papers",
        "tags",
        "config",
        "config_values",
        "host",
    },
    "__init__": set(),
    "__main__": {"cli"},
}
LONGEST = 400


def part(module: str) -> str:
    names = module.split(".")
    return names[1] if len(names) > 1 else "__init__"


def imports(module: str) -> set[str]:
    """Return every module of ours that this one imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else node.module for name in names]
        found.update(name for name in names if name in MODULES)
    return found


@pytest.mark.parametrize("module", sorted(MODULES))
def test_module_imports_only_what_its_part_may(module: str) -> None:
    own = part(module)
    allowed = MAY_IMPORT[own] | {own, "model", "errors", "__init__"}
    if own == "errors":
        allowed = {"errors"}
    if own == "model":
        allowed = {"model", "errors"}
    assert {part(name) for name in imports(module)} <= allowed


def test_auditor_does_not_import_the_builder() -> None:
    builder = {"toolchains", "instrument", "assemble", "pipeline"}
    auditors = [name for name in MODULES if part(name) in {"observe", "verify", "checks"}]
    assert auditors
    for module in auditors:
        assert not {part(name) for name in imports(module)} & builder


def test_no_import_cycle() -> None:
    graph = {module: imports(module) - {module, "seatrial"} for module in MODULES}
    assert tuple(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("module", sorted(MODULES))
def test_module_can_be_read_at_one_sitting(module: str) -> None:
    assert len(MODULES[module].read_text().splitlines()) <= LONGEST


def test_every_module_says_what_it_is_for() -> None:
    for module, path in MODULES.items():
        assert ast.get_docstring(ast.parse(path.read_text())), module


def test_each_test_module_has_a_name_of_its_own() -> None:
    """pytest stops at the collection where two have one; a run of a part does not show it."""
    found = Counter(path.name for path in TESTS.rglob("test_*.py"))
    assert [name for name, count in found.items() if count > 1] == []
