"""Orchestrion's own files, and the files that are written once: settings and the linter's."""

from __future__ import annotations

import json
from typing import Final

from seatrial.scaffold.files import Template
from seatrial.scaffold.fill import fill
from seatrial.scaffold.flags import WEAVE_DIRECTORY, WEAVE_MODULE
from seatrial.scaffold.values import Values

# What every integration stands on (instrument/pin.py weaves them always).
_FOUNDATIONS: Final = ("gls", "start", "health", "manual")


def _is_woven(values: Values) -> bool:
    return values.is_woven


def imported_packages(values: Values) -> tuple[str, ...]:
    """Return the import paths in orchestrion.tool.go; the module's root stands for all of them."""
    if not values.is_vendored:
        return (WEAVE_MODULE,)
    folders = sorted({*_FOUNDATIONS, *values.integrations})
    return (WEAVE_MODULE, *(f"{WEAVE_MODULE}/{name}" for name in folders))


def render_tool_file(values: Values) -> str:
    """Return orchestrion.tool.go: its imports name what weaves, and keep it in go.mod through tidying."""
    names = imported_packages(values)
    lines = "".join(f'\t_ "{name}"\n' for name in names)
    imports = f"import (\n{lines})" if len(names) > 1 else f'import _ "{WEAVE_MODULE}"'
    words = {"vendored": values.is_vendored}
    return fill("orchestrion.tool.go", {"WEAVE": WEAVE_DIRECTORY, "IMPORTS": imports}, words)


def render_orchestrion(values: Values) -> str:
    """Return orchestrion.yml, by Orchestrion's own schema."""
    # The very file that the tool file's import leads to: one read under two paths would be woven twice.
    place = f"vendor/{WEAVE_MODULE}" if values.is_vendored else WEAVE_DIRECTORY
    return fill("orchestrion.yml", {"NAME": values.name, "MODULE": json.dumps(values.module), "WEAVE": place})


def render_golangci(values: Values) -> str:
    """Return .golangci.yml (version 2 of its format)."""
    words = {"GOLANGCI": values.pins.tools["golangci-lint"], "SINCE": values.revision}
    return fill("golangci.yml", words, {"since": bool(values.revision)})


def render_settings(values: Values) -> str:
    """Return seatrial.toml."""
    place = values.module_directory
    main = values.main if place == "." else f"./{place}/{values.main.removeprefix('./')}".removesuffix("/.")
    files = ", ".join(f"{json.dumps(path)} = {json.dumps(source)}" for path, source in values.image_files)
    return fill(
        "seatrial.toml",
        {
            "MAIN": main,
            "TAGS": _texts(values.tags),
            "ARGUMENTS": _texts(values.arguments),
            "FILES": files,
            "PORTS": _texts(values.ports),
        },
        {
            "main": main != ".",
            "tags": bool(values.tags),
            "flag": values.answers_flag,
            "image": bool(values.arguments or values.image_files or values.ports),
            "arguments": bool(values.arguments),
            "files": bool(values.image_files),
            "ports": bool(values.ports),
        },
    )


def _texts(words: tuple[str, ...]) -> str:
    return ", ".join(json.dumps(word, ensure_ascii=False) for word in words)


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
    Template(
        path="seatrial.toml",
        purpose="Seatrial's settings",
        render=render_settings,
        # It would be read in place of those in pyproject.toml.
        is_wanted=lambda values: not values.has_settings,
        is_kept=False,
    ),
)
