"""Trying one mutant as the command would, and comparing what was noticed with what was claimed."""

from __future__ import annotations

import os
import platform
import tempfile
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from builds import CACHE
from mutants.draft import read_draft
from mutants.good import SERVICE, SETTINGS, Good
from mutants.mutant import REFUSED, Mutant
from seatrial.config import Settings, read_settings, trial_plan
from seatrial.errors import SeatrialError
from seatrial.model.outcome import TrialOutcome
from seatrial.model.trial import TrialPlan
from seatrial.model.verdict import State, Verdict
from seatrial.trial import Where, try_image
from seatrial.trial.locate import Subject
from seatrial.trial.promises import promises

TODAY = "2026-11-24"  # later than the good image, and while its distribution gets fixes
SERVICES = ("", "postgres")
"""What the good image is tried with: a SQLite file of its own, and a database beside it."""
_PROMISED = ("static", "woven", "spans", "healthcheck", "database", "user=65532")  # as by a build
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class Noticed(StrEnum):
    """caught: it stops the image. told: an information says that it fails. missed: neither."""

    CAUGHT = "caught"
    TOLD = "told"
    MISSED = "missed"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What came of one mutant. reason: of the first claimed check, as the user reads it.

    missed: claimed checks that noticed nothing. strays: checks that stop the image, and that nobody
    said would. silent: those that were said to stop it, too, and do not.
    """

    name: str
    noticed: Noticed
    reason: str
    missed: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


def try_good(good: Good, service: str = "") -> TrialOutcome:
    """Try the good image itself."""
    return _try(good.layout, is_run=True, service=service)


def try_mutant(mutant: Mutant, good: Good) -> Finding:
    """Make one mutant, try it, and remove it."""
    with tempfile.TemporaryDirectory(prefix="mutant-", dir=good.layout.parent) as place:
        draft = read_draft(good.layout, good.programs)
        mutant.apply(draft)
        layout = draft.write(Path(place) / "image")
        try:
            outcome = _try(layout, is_run=mutant.is_run, service=mutant.service)
        except SeatrialError as error:
            return _refusal(mutant, error.what)
    return compare(mutant, outcome.verdicts)


def compare(mutant: Mutant, verdicts: tuple[Verdict, ...]) -> Finding:
    """Compare verdicts with the claims."""
    by_id = {verdict.id: verdict for verdict in verdicts}
    found = [by_id.get(claim) for claim in mutant.claims]
    missed = tuple(
        claim
        for claim, verdict in zip(mutant.claims, found, strict=True)
        if verdict is None or not _is_noticed(verdict, mutant)
    )
    expected = {*mutant.claims, *mutant.also}
    strays = tuple(
        f"{one.id}: {one.reason}" for one in verdicts if one.is_blocking and one.id not in expected
    )
    first = next((one for one in found if one is not None), None)
    noticed = Noticed.TOLD if mutant.is_information else Noticed.CAUGHT
    return Finding(
        name=mutant.name,
        noticed=Noticed.MISSED if missed else noticed,
        reason=first.reason if first else "no verdict",
        missed=tuple(f"{claim}: {by_id[claim].reason if claim in by_id else 'none'}" for claim in missed),
        strays=strays,
        silent=tuple(name for name in mutant.also if name not in {v.id for v in verdicts if v.is_blocking}),
    )


def unfounded(mutant: Mutant, good: TrialOutcome) -> tuple[str, ...]:
    """Return claims that the good image fails, too, so that they say nothing of the mutant."""
    passed = {verdict.id for verdict in good.verdicts if verdict.state is State.PASS}
    return tuple(claim for claim in mutant.claims if claim != REFUSED and claim not in passed)


def false_alarms(good: TrialOutcome) -> tuple[str, ...]:
    """Return what would stop the good image."""
    return tuple(f"{verdict.id}: {verdict.reason}" for verdict in good.verdicts if verdict.is_blocking)


def _is_noticed(verdict: Verdict, mutant: Mutant) -> bool:
    if mutant.is_information:
        return verdict.state is State.FAIL and not verdict.is_blocking
    return verdict.is_blocking


def _refusal(mutant: Mutant, reason: str) -> Finding:
    is_claimed = mutant.claims == (REFUSED,)
    return Finding(
        name=mutant.name,
        noticed=Noticed.CAUGHT if is_claimed else Noticed.MISSED,
        reason=reason,
        missed=() if is_claimed else mutant.claims,
    )


def _try(layout: Path, *, is_run: bool, service: str) -> TrialOutcome:
    settings = read_settings(SERVICE, SETTINGS)
    machine = platform.machine()
    where = Where(
        cache=CACHE / "seatrial",
        env=os.environ,
        architecture=_MACHINES.get(machine, machine),
        today=TODAY,
    )
    plan = _plan(settings, service) if is_run else None
    return try_image("mutant", Subject(path=layout), plan, promises(settings, _PROMISED), where)


def _plan(settings: Settings, service: str) -> TrialPlan:
    """Return the good service's plan, with less patience: what hangs here hangs for ever."""
    return replace(
        trial_plan(settings, service_name="notes", root=Path()),
        services=(service,) if service else (),
        start_timeout_s=6.0,
        request_timeout_s=3.0,
        health_timeout_s=2.0,
        stop_timeout_s=2.0,
    )
