"""Orchestrion's own files, and the files that are written once: settings and the linter's."""

from __future__ import annotations

import json
from typing import Final

from seatrial.scaffold.files import Template
from seatrial.scaffold.fill import fill
from seatrial.scaffold.flags import WEAVE_DIRECTORY
from seatrial.scaffold.values import Values


def _is_woven(values: Values) -> bool:
    return values.is_woven


def render_tool_file(_: Values) -> str:
    """Return orchestrion.tool.go: its imports name what weaves, and keep it in go.mod through tidying."""
    return fill("orchestrion.tool.go", {"WEAVE": WEAVE_DIRECTORY})


def render_orchestrion(values: Values) -> str:
    """Return orchestrion.yml, by Orchestrion's own schema."""
    return fill(
        "orchestrion.yml",
        {"NAME": values.name, "MODULE": json.dumps(values.module), "WEAVE": WEAVE_DIRECTORY},
    )


def render_golangci(values: Values) -> str:
    """Return .golangci.yml (version 2 of its format)."""
    return fill("golangci.yml", {"GOLANGCI": values.pins.tools["golangci-lint"]})


def render_settings(values: Values) -> str:
    """Return seatrial.toml."""
    place = values.module_directory
    main = values.main if place == "." else f"./{place}/{values.main.removeprefix('./')}".removesuffix("/.")
    return fill(
        "seatrial.toml",
        {"MAIN": main, "PORTS": ", ".join(json.dumps(port) for port in values.ports)},
        {"main": main != ".", "flag": values.answers_flag, "ports": bool(values.ports)},
    )


TEMPLATES: Final = (
    Template(
        path="orchestrion.tool.go",
        purpose="what Orchestrion weaves, for go.mod",
        render=render_tool_file,
        comment="//",
        is_wanted=_is_woven,
        in_module=True,
    ),
    Template(
        path="orchestrion.yml",
        purpose="what Orchestrion weaves",
        render=render_orchestrion,
        is_wanted=_is_woven,
        in_module=True,
    ),
    Template(
        path=".golangci.yml",
        purpose="the linter's settings",
        render=render_golangci,
        is_wanted=lambda values: not values.has_linter_settings,
        is_kept=False,
    ),
    Template(path="seatrial.toml", purpose="Seatrial's settings", render=render_settings, is_kept=False),
)
