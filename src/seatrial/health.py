"""Who answers ``--health-check``: the service's own flag is never shadowed, and none is set blindly."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from seatrial.model.plan import Built, FlagOwner, Plan
from seatrial.plan import SERVER_PATH
from seatrial.toolchains.go.sources import Sources

# Of how the flag is found out: an answer that other rules gave is asked again.
_RULES = 3


def known_owner(plan: Plan, sources: Sources, place: Path) -> FlagOwner | None:
    """Return who answers the flag; None where only the program itself can tell.

    place: the service's directory in the cache, which remembers what programs told.
    """
    declared = plan.image.health_flag
    if declared is not None:
        return FlagOwner.SERVICE if declared else FlagOwner.NOBODY
    if not sources.may_have_flag:
        # A plain program without package net serves nobody, and would have to be given all of it.
        is_server = plan.build.instrument != "none" or plan.project.uses_network
        return FlagOwner.WOVEN if is_server else FlagOwner.NOBODY
    try:
        answer, _, question = _memory(place).read_text().partition(" ")
        return FlagOwner(answer) if question == _question(plan, sources) else None
    except (OSError, ValueError):
        return None


def ask_program(
    plan: Plan, built: Built, sources: Sources, place: Path, *, env: Mapping[str, str]
) -> FlagOwner:
    """Run a program in which nothing is woven over the flag, and remember what it does with it.

    Raises MachineError and MissingTool where programs cannot be run.
    """
    from seatrial.observe.health_flag import detect_health_flag  # noqa: PLC0415 - start-up time

    found = detect_health_flag(
        {f"/{SERVER_PATH}": built.program},
        (f"/{SERVER_PATH}",),
        search_path=env.get("PATH", ""),
        environment=plan.trial.environment if plan.trial else (),
        files=plan.trial.files if plan.trial else (),
        programs=plan.trial.programs if plan.trial else (),
    )
    owner = FlagOwner.SERVICE if found else FlagOwner.WOVEN
    _memory(place).write_text(f"{owner.value} {_question(plan, sources)}")
    return owner


def _memory(place: Path) -> Path:
    return place / "health-flag"


def _question(plan: Plan, sources: Sources) -> str:
    """Return a digest of what the answer depends on: the code that knows the flag, and how it was asked."""
    surroundings = (plan.trial.environment, plan.trial.files) if plan.trial else ()
    asked = (
        _RULES,
        plan.project.main.import_path,
        plan.build.tags,
        surroundings,
        sources.mentions_digest,
    )
    return hashlib.sha256(repr(asked).encode()).hexdigest()
