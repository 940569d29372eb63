"""The sea trial: any image -> facts -> verdicts. Observe first, judge after; no source is needed.

What built the image is not asked: the same steps look at an image of ``seatrial build`` and at a
stranger's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from seatrial.errors import MachineError, MissingTool, SeatrialError, UntrustedInput
from seatrial.host.bubblewrap import find_engine
from seatrial.host.engine_store import ENGINES
from seatrial.host.sandbox import open_sandbox
from seatrial.model.facts import Facts, RunningFacts, StaticFacts
from seatrial.model.outcome import TrialOutcome
from seatrial.model.trial import TrialPlan
from seatrial.model.verdict import Expectations, Severity, State, Verdict
from seatrial.trial.locate import Subject
from seatrial.trial.promises import Promises
from seatrial.verify import judge

ENGINE_CHOICES: Final = ("auto", "sandbox", *ENGINES)

_DIGESTS: Final = "image.digests"
_DIGESTS_REFERENCE: Final = "OCI image-spec, descriptor.md: digests; config.md: diff_ids"


@dataclass(frozen=True, kw_only=True)
class Where:
    """What a trial runs with. cache: Seatrial's cache directory.

    env: the complete environment of the command. architecture: this machine's, such as "amd64".
    today: "YYYY-MM-DD", which ends of support are compared with. engine: of ``ENGINE_CHOICES``.
    has_code_bytes: also look at where the program's bytes are, for papers that show it.
    """

    cache: Path
    env: Mapping[str, str]
    architecture: str
    today: str
    engine: str = "auto"
    has_code_bytes: bool = False


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
    expected = promised.expectations(facts, is_run=plan is not None, today=where.today)
    return judged(name, facts, expected, notes)


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
    """Run an image in the engine that was asked for; by "auto" in the sandbox, else in docker or podman.

    Raises MachineError and MissingTool when it cannot be run, with what each engine says.
    """
    if where.engine in ENGINES:
        return _run_in_engine(image, plan, where.engine, digest=digest, where=where)
    from seatrial.observe.running import observe_running  # noqa: PLC0415 - start-up time with --no-run

    search_path = where.env.get("PATH", "")
    try:
        return observe_running(image, plan, search_path=search_path, cache=where.cache, digest=digest)
    except (MachineError, MissingTool) as error:
        if where.engine != "auto" or _has_sandbox(search_path):
            raise
        return _run_elsewhere(image, plan, error, digest=digest, where=where)


def _run_elsewhere(
    image: Path, plan: TrialPlan, why: SeatrialError, *, digest: str, where: Where
) -> RunningFacts:
    """Run an image in the first engine that answers; raise ``why``, with their words, when none does."""
    said = []
    for engine in ENGINES:
        try:
            facts = _run_in_engine(image, plan, engine, digest=digest, where=where)
        except (MachineError, MissingTool) as error:
            said.append(f"{engine}: {error.what}")
        else:
            limit = f"the sandbox cannot be had here: {why.what}"
            return replace(facts, limits=(limit, *facts.limits))
    raise type(why)(why.what, where=why.where, hint="\n".join((why.hint, *said))) from why


def _run_in_engine(image: Path, plan: TrialPlan, engine: str, *, digest: str, where: Where) -> RunningFacts:
    from seatrial.observe.engines import observe_running_in_engine  # noqa: PLC0415 - seldom needed

    return observe_running_in_engine(
        image, plan, engine=engine, env=where.env, scratch=where.cache / "saved", digest=digest
    )


def _has_sandbox(search_path: str) -> bool:
    """Return whether a sandbox can be made at all: what failed was then something else."""
    try:
        with open_sandbox(find_engine(search_path)):
            return True
    except (MachineError, MissingTool):
        return False


def image_architecture(static: StaticFacts) -> str:
    """Return what the image's configuration names, such as "amd64"; "" when it names none."""
    found = static.config.get("architecture")
    return found if isinstance(found, str) else ""


def _static(subject: Subject, where: Where) -> StaticFacts:
    from seatrial.observe.static import observe_static  # noqa: PLC0415 - start-up time with --from-facts

    where.cache.mkdir(parents=True, exist_ok=True)
    return observe_static(
        subject.path,
        scratch=where.cache,
        architecture=subject.architecture,
        digest=subject.digest,
        has_code_bytes=where.has_code_bytes,
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
