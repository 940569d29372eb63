"""The second half of a build: program + base -> image, tried, judged, handed over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatrial.assemble import assemble, deliver
from seatrial.config import Settings
from seatrial.host.git import tracked_files
from seatrial.host.tree import read_entries
from seatrial.model.facts import Facts, RunningFacts
from seatrial.model.image import Base, Entry, EntryKind, Image, ImageConfig
from seatrial.model.outcome import Delivered, Outcome
from seatrial.model.plan import Built, Output, Plan
from seatrial.model.project import Repository
from seatrial.model.request import Request
from seatrial.model.verdict import Expectations, State, Verdict
from seatrial.plan import SERVER_PATH
from seatrial.trial import Where, judged, run_image
from seatrial.verify import holds
from seatrial.watch import watched_paths

if TYPE_CHECKING:
    from seatrial.propose import Proposal

# Verdicts on a service that was not given what it needs.
_STUCK: Final = frozenset({"trial.starts", "trial.answers", "trial.reachable", "trial.health-up"})
_TRIED: Final = "it comes this far with these settings, found in its tree; in seatrial.toml, to be completed:"
_UNTRIED: Final = "its tree speaks of these settings; in seatrial.toml:"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """An image that was made and run, before it is handed over. facts: None without a trial.

    has_flag: whether its program answers --health-check.
    """

    plan: Plan
    settings: Settings
    built: Built
    image: Image
    facts: Facts | None
    verdicts: tuple[Verdict, ...]
    has_flag: bool

    @property
    def is_proven(self) -> bool:
        """Whether nothing stops it."""
        return self.facts is None or holds(self.verdicts)


def try_program(
    plan: Plan,
    built: Built,
    base: Base,
    *,
    settings: Settings,
    request: Request,
    has_flag: bool,
    place: Path,
    progress: Callable[[str], None],
) -> Tried:
    """Assemble the image, run it, and judge it.

    has_flag: whether the program answers --health-check. place: the service's directory in the cache.
    """
    image = _image(plan, _files(plan, built), base, has_health_flag=has_flag, place=place)
    facts = _trial(plan, image, request, place, progress) if plan.trial else None
    expected = _expectations(plan, settings, request, has_flag=has_flag)
    verdicts = judged(image.reference, facts, expected).verdicts if facts else ()
    return Tried(
        plan=plan,
        settings=settings,
        built=built,
        image=image,
        facts=facts,
        verdicts=verdicts,
        has_flag=has_flag,
    )


def restored(tried: Tried, base: Base, *, place: Path) -> Tried:
    """Put an image together once more that another one took the place of."""
    files = _files(tried.plan, tried.built)
    return replace(tried, image=_image(tried.plan, files, base, has_health_flag=tried.has_flag, place=place))


def proposal_for(tried: Tried, request: Request, *, has_tables: bool) -> Proposal | None:
    """Return the settings that a trial asks for which did not come to answers; None when there are none.

    has_tables: whether one that makes tables may be among them.
    """
    stuck = any(one.id in _STUCK and one.state is State.FAIL for one in tried.verdicts)
    if not stuck or tried.facts is None or tried.facts.running is None:
        return None
    from seatrial.propose import propose  # noqa: PLC0415 - a trial that holds does not need it

    return propose(
        tried.plan.project,
        tried.settings,
        tried.facts.running,
        tracked=_known_files(tried.plan.project.repository, request.env),
        has_tables=has_tables,
    )


def _known_files(repository: Repository | None, env: Mapping[str, str]) -> Callable[[Path], bool]:
    """Return what tells a file of the repository, or one that was made of it, from its author's own."""
    from seatrial.propose.files import is_private  # noqa: PLC0415 - as above

    names = set(tracked_files(repository.top, env)) if repository else set()
    if repository is None or not names:
        return lambda path: not is_private(path.name)  # git knows of no file: names have to tell
    top, tree = repository.top, repository.tree

    def is_known(path: Path) -> bool:
        name = path.relative_to(tree) if path.is_relative_to(tree) else None
        is_made = name is not None and tree != top and not (top / name).exists()
        return name is not None and (name.as_posix() in names or is_made)

    return is_known


def hand_over(
    tried: Tried, base: Base, *, request: Request, began_ns: int, proposed: str = "", is_tried: bool = False
) -> Outcome:
    """Deliver an image under the name that it deserves.

    began_ns: when the build began: what changed since then was not seen by it. proposed: tables for
    seatrial.toml; is_tried: the image was run with them.
    """
    plan = tried.plan
    return Outcome(
        plan=plan,
        built=tried.built,
        image=tried.image,
        facts=tried.facts,
        verdicts=_advised(tried.verdicts, proposed, is_tried=is_tried),
        delivered=tuple(_deliver(tried.image, output, is_proven=tried.is_proven) for output in plan.outputs),
        warnings=(*plan.warnings, *base.warnings),
        watched=watched_paths(
            plan.project, request, (*plan.image.files, *(("", name) for name in tried.settings.sql))
        ),
        began_ns=began_ns,
        proposal=proposed if is_tried else "",
    )


def _advised(verdicts: tuple[Verdict, ...], proposed: str, *, is_tried: bool) -> tuple[Verdict, ...]:
    """Put what was found in the service's tree in the place of a check's general advice."""
    if not proposed:
        return verdicts
    words = _TRIED if is_tried else _UNTRIED
    return tuple(
        replace(one, fix=f"{one.fix}\n{words}\n{proposed}")
        if one.id in _STUCK and one.state is State.FAIL
        else one
        for one in verdicts
    )


def _files(plan: Plan, built: Built) -> tuple[Entry, ...]:
    server = Entry(
        path=SERVER_PATH,
        kind=EntryKind.FILE,
        mode=0o755,
        mtime_epoch_s=plan.image.epoch_s,
        content=built.program,
        content_sha256=built.sha256,
    )
    return (server, *read_entries(plan.image.files, plan.project.root, mtime_epoch_s=plan.image.epoch_s))


def _image(plan: Plan, files: tuple[Entry, ...], base: Base, *, has_health_flag: bool, place: Path) -> Image:
    config = ImageConfig(
        architecture=plan.build.architecture,
        entrypoint=(f"/{SERVER_PATH}",),
        cmd=plan.image.arguments,
        env=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",),
        ports=plan.image.ports,
        labels=plan.image.labels,
        annotations=(*plan.image.labels, ("org.opencontainers.image.created", plan.image.created)),
        created=plan.image.created,
        healthcheck=plan.image.healthcheck if has_health_flag else None,
    )
    return assemble(
        files=files,
        base=base,
        config=config,
        scratch=place / "assembly",
        reference=plan.image.reference,
    )


def _trial(plan: Plan, image: Image, request: Request, place: Path, progress: Callable[[str], None]) -> Facts:
    """Look at the finished image, then start it, drive it and stop it."""
    from seatrial.observe.static import observe_static  # noqa: PLC0415 - start-up time without a trial

    static = observe_static(image.layout, scratch=place, has_code_bytes=request.wants_sizes)
    progress("trying it: started, asked, probed, stopped")
    return Facts(static=static, running=_running(plan, image, request))


def _running(plan: Plan, image: Image, request: Request) -> RunningFacts | None:
    """Run the image; None, which no gate takes for a pass, when this machine cannot."""
    if plan.trial is None or plan.build.architecture != request.host_architecture:
        return None
    where = Where(
        cache=request.cache,
        env=request.env,
        architecture=request.host_architecture,
        today=request.today,
    )
    return run_image(image.layout, plan.trial, digest=image.digest, where=where)


def _expectations(plan: Plan, settings: Settings, request: Request, *, has_flag: bool) -> Expectations:
    is_woven = plan.build.instrument == "orchestrion"
    knows_database = plan.project.uses_database and bool(settings.requests)
    return Expectations(
        size_limit_bytes=plan.image.size_limit_bytes,
        is_woven=is_woven,
        has_healthcheck=has_flag,
        has_spans=is_woven and "net/http" in settings.integrations,
        has_database=True if knows_database else None,
        today=request.today,
        is_graceful=settings.graceful_stop,
    )


def _deliver(image: Image, output: Output, *, is_proven: bool) -> Delivered:
    """Hand the image over; one that failed keeps its bytes under a name that says so."""
    if not is_proven:
        name = output.path.name.removesuffix(".tar")
        suffix = ".unproven.tar" if output.form == "tar" else ".unproven"
        output = replace(output, path=output.path.with_name(name + suffix))
    size = deliver(image, output)
    return Delivered(path=output.path, form=output.form, size_bytes=size, is_proven=is_proven)
