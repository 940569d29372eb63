"""The services that a plan names, and the words in its variables and files that stand for their addresses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from seatrial.host.sandbox import Sandbox
from seatrial.model.trial import ServiceProgram, TrialPlan
from seatrial.observe.postgres import PLACEHOLDERS, Postgres
from seatrial.observe.program import Program, program_placeholders
from seatrial.observe.service import Service

Pairs = tuple[tuple[str, str], ...]


def fill_placeholders(pairs: Pairs, programs: Iterable[ServiceProgram] = ()) -> Pairs:
    """Return names and values with "{postgres.url}", "{redis.port}" and their like replaced in the values."""
    words = dict(PLACEHOLDERS)
    for program in programs:
        words |= program_placeholders(program)

    def filled(value: str) -> str:
        for word, meant in words.items():
            value = value.replace(word, meant)
        return value

    return tuple((name, filled(value)) for name, value in pairs)


def prepare_services(
    plan: TrialPlan, sandbox: Sandbox, cache: Path | None
) -> tuple[Postgres | None, tuple[Service, ...]]:
    """Begin to make what the plan names; return the database among it, and all of it."""
    postgres = Postgres(sandbox, cache) if Postgres.name in plan.services else None
    programs = tuple(Program(sandbox, program) for program in plan.programs)
    services: tuple[Service, ...] = (postgres, *programs) if postgres else programs
    for service in services:
        service.prepare()
    return postgres, services
