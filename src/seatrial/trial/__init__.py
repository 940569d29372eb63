"""The sea trial: any image -> facts -> verdicts. Observe first, judge after; no source is needed.

What built the image is not asked: the same steps look at an image of ``seatrial build`` and at a
stranger's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.config import Settings
from seatrial.errors import UntrustedInput
from seatrial.model.facts import Facts, RunningFacts, StaticFacts
from seatrial.model.outcome import TrialOutcome
from seatrial.model.trial import TrialPlan, parse_requests
from seatrial.model.verdict import Expectations, Severity, State, Verdict
from seatrial.trial.locate import Subject
from seatrial.trial.promises import Promises
from seatrial.verify import judge

_DIGESTS: Final = "image.digests"
_DIGESTS_REFERENCE: Final = "OCI image-spec, descriptor.md: digests; config.md: diff_ids"


@dataclass(frozen=True, kw_only=True)
class Where:
    """What a trial runs with. cache: Seatrial's cache directory.

    env: the complete environment of the command. architecture: this machine's, such as "amd64".
    """

    cache: Path
    env: Mapping[str, str]
    architecture: str


def try_image(
    name: str, subject: Subject, plan: TrialPlan | None, promised: Promises, where: Where
) -> TrialOutcome:
    """Observe an image, at rest and (with a plan) running, and judge it.

    Raises FormatError (no image, or several to choose from), MachineError and MissingTool (it cannot
    be run here). Bytes that are not what their digest promises are a failed verdict.
    """
    try:
        static = _static(subject, where)
    except UntrustedInput as error:
        return TrialOutcome(image=name, facts=None, verdicts=(_broken(error),))
    notes: tuple[str, ...] = ()
    running = None
    if plan is not None:
        architecture = image_architecture(static)
        if architecture in {"", where.architecture}:
            running = run_image(subject.path, plan, digest=static.digest, where=where)
        else:
            notes = (f"not started: the image is for {architecture}, this machine is {where.architecture}",)
    facts = Facts(static=static, running=running)
    return judged(name, facts, promised.expectations(facts, is_run=plan is not None), notes)


def judged(name: str, facts: Facts, expected: Expectations, notes: tuple[str, ...] = ()) -> TrialOutcome:
    """Judge facts, of now or of a file. That there are any means that the digests held."""
    whole = Verdict(
        id=_DIGESTS,
        state=State.PASS,
        severity=Severity.HIGH,
        reason=f"{_count(len(facts.static.layer_sizes_bytes), 'layer')}, and every byte is as promised",
        reference=_DIGESTS_REFERENCE,
    )
    return TrialOutcome(image=name, facts=facts, verdicts=(whole, *judge(facts, expected)), notes=notes)


def run_image(image: Path, plan: TrialPlan, *, digest: str, where: Where) -> RunningFacts:
    """Run an image in the sandbox."""
    from seatrial.observe.running import observe_running  # noqa: PLC0415 - start-up time with --no-run

    search_path = where.env.get("PATH", "")
    return observe_running(image, plan, search_path=search_path, cache=where.cache, digest=digest)


def image_architecture(static: StaticFacts) -> str:
    """Return what the image's configuration names, such as "amd64"; "" when it names none."""
    found = static.config.get("architecture")
    return found if isinstance(found, str) else ""


def _static(subject: Subject, where: Where) -> StaticFacts:
    from seatrial.observe.static import observe_static  # noqa: PLC0415 - start-up time with --from-facts

    where.cache.mkdir(parents=True, exist_ok=True)
    return observe_static(
        subject.path, scratch=where.cache, architecture=subject.architecture, digest=subject.digest
    )


def _broken(error: UntrustedInput) -> Verdict:
    return Verdict(
        id=_DIGESTS,
        state=State.FAIL,
        severity=Severity.HIGH,
        reason=str(error),
        fix="the bytes are not those that were built: fetch or build the image again, and compare its digest",
        reference=_DIGESTS_REFERENCE,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def trial_plan(settings: Settings, *, service_name: str) -> TrialPlan:
    """Return how an image is driven: as the [trial] section says, else three times the front page."""
    return TrialPlan(
        requests=parse_requests(settings.requests),
        environment=settings.environment,
        files=settings.trial_files,
        arguments=settings.arguments,
        services=settings.services,
        programs=settings.programs,
        service_name=service_name,
    )
