"""Layers, links and times: what makes an image hard to explain, to repeat, or to unpack safely."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from seatrial.checks.rule import Rule, sample
from seatrial.checks.settings import process_settings, text, texts
from seatrial.model.facts import PathFact, StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

LAYERS: Final = Rule(
    id="image.layers", severity=Severity.LOW, reference="OCI image-spec, config.md (history) and layer.md"
)
LINKS: Final = Rule(id="image.links", severity=Severity.MEDIUM, reference="CWE-59; OCI image-spec, layer.md")
TIMESTAMPS: Final = Rule(
    id="image.timestamps", severity=Severity.INFO, reference="reproducible-builds.org, SOURCE_DATE_EPOCH"
)

_MOST_LAYERS: Final = 127  # overlayfs' limit as Docker has it
_DAY_S: Final = 86_400


def check_layers(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - one form for all checks
    """Compare the history with the layers, and look at what was odd in them."""
    history = facts.config.get("history")
    entries = history if isinstance(history, list) else []
    made = sum(1 for entry in entries if isinstance(entry, dict) and entry.get("empty_layer") is not True)
    count = len(facts.layer_sizes_bytes)
    fix = "build the image again, from clean layers"
    if entries and made != count:
        return LAYERS.fails(f"the history tells of {made} layers, and there are {count}", fix)
    if count > _MOST_LAYERS:
        return LAYERS.fails(f"{count} layers, more than engines take", "build with fewer steps, or squash")
    if facts.oddities:
        # Information only: ko writes every path from the root on, and kaniko whiteouts of nothing.
        return LAYERS.when(False).fails(sample(list(facts.oddities)), fix)
    return LAYERS.passes(
        f"{count} layers, as the history tells" if entries else f"{count} layers, no history"
    )


def check_links(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as above
    """Look for symbolic links that climb out of the root, and for an entrypoint that leads nowhere."""
    fix = "make links absolute or let them stay inside; remove those that lead nowhere"
    found = [f"/{path.path} -> {path.link_target}" for path in facts.paths if _climbs(path)]
    if found:
        return LINKS.fails(f"links that climb out of the root: {sample(found)}", fix)
    settings = process_settings(facts)
    first = (*texts(settings, "Entrypoint"), *texts(settings, "Cmd"))[:1]
    dangling = [
        path.path
        for path in facts.paths
        if path.kind == "symlink" and not facts.executable and first == (f"/{path.path}",)
    ]
    if dangling:
        return LINKS.fails(f"the entrypoint /{dangling[0]} is a link to nothing", fix)
    return LINKS.passes("no link leads out of the root")


def check_timestamps(facts: StaticFacts, expected: Expectations) -> Verdict:
    """Look for times that have not come yet: a wrong clock, or one that was set to hide something."""
    created = text(facts.config, "created")
    if not expected.today:
        return TIMESTAMPS.unknown("nobody said what day it is")
    tomorrow = datetime.fromisoformat(f"{expected.today}T00:00:00+00:00").timestamp() + 2 * _DAY_S
    if created[:10] > expected.today:
        return TIMESTAMPS.fails(
            f"was created in the future: {created}", "set the clock, or SOURCE_DATE_EPOCH"
        )
    late = [f"/{path.path}" for path in facts.paths if path.mtime_epoch_s > tomorrow]
    if late:
        return TIMESTAMPS.fails(
            f"changed in the future: {sample(late)}",
            "set the files' times to the commit's (SOURCE_DATE_EPOCH)",
        )
    return TIMESTAMPS.passes(f"created {created or 'at an unknown time'}, and no file is from the future")


def _climbs(path: PathFact) -> bool:
    if path.kind != "symlink" or path.link_target.startswith("/"):
        return False
    depth = path.path.count("/")
    for part in path.link_target.split("/"):
        depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
        if depth < 0:
            return True
    return False
