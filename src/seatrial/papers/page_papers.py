"""The papers on the page: configuration, layers, modules, packages, what could not be seen, and the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from seatrial.model.facts import Facts, GoFacts, RunningFacts, StaticFacts
from seatrial.papers.markup import Markup, element, joined
from seatrial.papers.page_parts import fold, pairs, plain_list, section, size, table

_LOG_LINES: Final = 400


def papers_section(facts: Facts) -> Markup:
    """Return the section, each part folded but for what could not be seen."""
    return section("papers", "Papers", joined(*_limits(facts)), joined(*_parts(facts.static)))


def log_section(running: RunningFacts) -> Markup:
    """Return the end of what the service printed."""
    lines = running.log_lines
    if not lines:
        return section("log", "Log", element("p", "It printed nothing."))
    shown = lines[-_LOG_LINES:]
    words = (
        f"The last {len(shown)} of {len(lines)} lines" if len(shown) < len(lines) else f"{len(lines)} lines"
    )
    text = element("pre", "\n".join(shown), tabindex="0", role="region", aria_label="Log of the service")
    return section("log", "Log", element("p", words, class_="soft"), text)


def _limits(facts: Facts) -> Iterator[Markup]:
    if facts.running is None:
        yield element("p", "The image was looked at only; it was not started.")
    elif facts.running.limits:
        yield element("h3", f"What {facts.running.engine} could not show")
        yield plain_list(facts.running.limits)


def _parts(static: StaticFacts) -> Iterator[Markup]:
    platform = f"{static.config.get('os', '?')}/{static.config.get('architecture', '?')}"
    names = dict(static.os_release)
    system = names.get("PRETTY_NAME") or names.get("ID") or "no distribution"
    yield element("h3", "What it is")
    yield pairs(
        [
            ("digest", static.digest),
            ("platform", platform),
            ("stands on", system),
            ("starts", static.executable or "nothing that was found"),
        ]
    )
    text = json.dumps(static.config, indent=2, sort_keys=True)
    pre = element("pre", text, tabindex="0", role="region", aria_label="Image configuration")
    yield fold("Configuration", "as the image gives it", pre)
    if static.annotations:
        yield fold("Annotations", str(len(static.annotations)), pairs(static.annotations))
    yield from _layers(static)
    if static.go:
        yield from _modules(static.go)
    if static.packages:
        rows = ((one.name, one.version, one.kind, size(one.installed_bytes)) for one in static.packages)
        packages = table("Packages", ("name", "version", "kind", "installed"), rows, amounts=1)
        yield fold("Packages", str(len(static.packages)), packages)
    if static.secrets:
        found = (
            (one.path, one.kind, str(one.layer), "yes" if one.is_hidden else "no") for one in static.secrets
        )
        shapes = table("Shapes of secrets", ("path", "kind", "layer", "hidden by a layer above"), found)
        yield fold("Shapes of secrets", str(len(static.secrets)), shapes)
    if static.problems:
        yield fold("Oddities of the layers", str(len(static.problems)), plain_list(static.problems))


def _layers(static: StaticFacts) -> Iterator[Markup]:
    if not static.layers:
        return
    rows = (
        (str(number), layer.digest, layer.created_by, size(layer.size_bytes), size(layer.content_bytes))
        for number, layer in enumerate(static.layers)
    )
    columns = ("layer", "digest", "made by", "blob", "files")
    yield fold("Layers", str(len(static.layers)), table("Layers, bottom first", columns, rows, amounts=2))


def _modules(go: GoFacts) -> Iterator[Markup]:
    yield fold("Build of the program", go.go_version, pairs([("main package", go.main_path), *go.settings]))
    rows = [
        (one.path, one.version, one.replaced_by, "woven in, not listed" if is_hidden else "listed")
        for is_hidden, modules in ((False, (go.main_module, *go.modules)), (True, go.hidden_modules))
        for one in modules
    ]
    modules = table(
        "Go modules in the program", ("module", "version", "replaced by", "build information"), rows
    )
    yield fold("Go modules", str(len(rows)), modules)
