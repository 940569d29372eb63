"""``lock --update``: the pins of a service and of its kept files -> newer ones, or why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from seatrial.config import Settings
from seatrial.errors import ConfigError, SeatrialError
from seatrial.keep.describe import find_root
from seatrial.keep.pinning import TOOL_LINES, fill_lock
from seatrial.lock import FILE_NAME as LOCK_NAME
from seatrial.lock import Lock, lock_table, read_lock, write_lock
from seatrial.model.plan import Plan
from seatrial.model.project import Project
from seatrial.model.request import Request
from seatrial.pipeline import debian_mirror, plan_build, renewed_bases
from seatrial.renew import MODULE_TOOLS, Question, look_up
from seatrial.renew.asking import Task
from seatrial.renew.bases import base_proposal
from seatrial.renew.cooldown import CoolDown
from seatrial.renew.fitting import canonical_go
from seatrial.renew.found import Floor, GoPins, Group, Proposal
from seatrial.renew.versions import go_numbers
from seatrial.toolchains.go.build import Watcher


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """What was asked for. groups: what may move. minor: a Go to move to, or "". timeout_s: of each answer.

    min_release_age_days: 0 takes any release.
    """

    request: Request
    groups: frozenset[Group]
    minor: str
    timeout_s: float
    min_release_age_days: int


@dataclass(frozen=True, kw_only=True)
class Renewed:
    """What is proposed. path: of the lock. problems: what does not fit all the same. notes: sentences."""

    path: Path
    held: Lock | None
    lock: Lock
    proposals: tuple[Proposal, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_new(self) -> bool:
        """True when writing would change the file, or make it."""
        return self.held != self.lock

    @property
    def has_kept_files(self) -> bool:
        """True when ``sync`` has something to bring up to date."""
        return bool(self.lock.files)


def propose(asked: Renewal, watcher: Watcher) -> Renewed:
    """Look for newer pins and decide; nothing is written.

    Raises NetworkError (who did not answer, and which pins that concerns), ConfigError, ProjectError.
    """
    request = asked.request
    held = read_lock(request.root / LOCK_NAME)
    plan, settings = _plan(request, held or Lock(), watcher)
    path = _lock_path(request, plan.project)
    if path.parent != request.root:
        held = read_lock(path)
    current = _filled(held or Lock(), plan, settings)
    bases: dict[str, dict[str, object]] = {}
    question = Question(
        go=_go_pins(asked, current, plan, settings),
        images=current.images,
        actions=current.actions,
        tools=current.tools,
        hosts=current.ci,
        asked_base=settings.base,
        architecture="amd64",
        now=request.now,
        env=request.env,
        timeout_s=asked.timeout_s,
        more=_base_task(asked, current, plan, settings, watcher=watcher, found=bases),
    )
    fitted = look_up(question, watcher.stage)
    lock = _with_proposals(current, fitted.proposals, bases)
    return Renewed(
        path=path,
        held=held,
        lock=lock,
        proposals=fitted.proposals,
        problems=fitted.problems,
        notes=_notes(plan, current, lock, asked),
    )


def write(renewed: Renewed) -> None:
    """Write the lock, whole. Raises OutputError."""
    if renewed.is_new:
        write_lock(renewed.path, renewed.lock)


def content(renewed: Renewed) -> dict[str, object]:
    """Return what the file holds, or would."""
    return lock_table(renewed.lock)


def _plan(request: Request, held: Lock, watcher: Watcher) -> tuple[Plan, Settings]:
    """Plan by the pinned Go where it can be had; a lock whose pins do not fit is what is to be mended."""
    numbers = go_numbers(held.go)
    usable = held.go if numbers is not None and numbers[:2] >= TOOL_LINES else ""
    try:
        plan, _, settings = plan_build(
            request, watcher.stage, pinned=replace(held, go=usable, orchestrion="")
        )
    except SeatrialError:
        if not usable:
            raise
        plan, _, settings = plan_build(request, watcher.stage, pinned=replace(held, go="", orchestrion=""))
    return plan, settings


def _lock_path(request: Request, project: Project) -> Path:
    """Return the lock that the kept files were made from, else the one beside the service."""
    own = request.root / LOCK_NAME
    if own.exists():
        return own
    try:
        kept = find_root(project, request.root) / LOCK_NAME
    except SeatrialError:
        return own
    return kept if kept.exists() else own


def _filled(held: Lock, plan: Plan, settings: Settings) -> Lock:
    """Return the pins as they are; what the kept files need and the lock lacks comes from the first pins."""
    lock = fill_lock(held, plan, settings, hosts=held.ci)[0] if held.files else held
    woven_by = plan.build.orchestrion_version if plan.build.instrument == "orchestrion" else ""
    return replace(
        lock,
        go=held.go or plan.project.toolchain_version,
        orchestrion=(held.orchestrion or woven_by) if woven_by else held.orchestrion,
    )


def _go_pins(asked: Renewal, current: Lock, plan: Plan, settings: Settings) -> GoPins:
    is_woven = plan.build.instrument == "orchestrion"
    line = plan.project.go_line
    floors = (Floor(go=line, reason=f"go.mod says go {line}"),) if line else ()
    return GoPins(
        go=canonical_go(current.go),
        golang=current.images.get("golang", ""),
        orchestrion=current.orchestrion if is_woven else "",
        tools={name: current.tools[name] for name in MODULE_TOOLS if name in current.tools},
        floors=floors,
        groups=asked.groups,
        asked_minor=asked.minor,
        fixed_orchestrion=settings.orchestrion_version if is_woven else "",
        cool_down=CoolDown(days=asked.min_release_age_days, now=asked.request.now),
    )


def _base_task(
    asked: Renewal,
    current: Lock,
    plan: Plan,
    settings: Settings,
    *,
    watcher: Watcher,
    found: dict[str, dict[str, object]],
) -> tuple[Task[tuple[Proposal, ...]], ...]:
    """Return the question for newer packages, whose answer is left in ``found``, too."""
    if Group.BASE not in asked.groups:
        return ()

    def work() -> tuple[Proposal, ...]:
        bases = renewed_bases(plan, current, asked.request, settings, watcher)
        proposals = []
        for name, after in sorted(bases.items()):
            before = current.bases.get(name)
            proposal = base_proposal(name, before, after)
            if proposal.has_moved:
                found[name] = after
            if before != after:
                proposals.append(proposal)
        return tuple(proposals)

    host = debian_mirror(asked.request, settings) or "the Debian mirror"
    return (Task(host=host, pins=(f"bases.{plan.image.base}",), groups=(Group.BASE,), work=work),)


def _with_proposals(
    lock: Lock, proposals: Iterable[Proposal], bases: Mapping[str, dict[str, object]]
) -> Lock:
    """Return the lock with every proposal in its place."""
    moved = {proposal.name: proposal.after for proposal in proposals if proposal.has_moved}

    def table(name: str, pins: Mapping[str, str]) -> dict[str, str]:
        return {key: moved.get(f"{name}.{key}", value) for key, value in pins.items()}

    return replace(
        lock,
        go=moved.get("go", lock.go),
        orchestrion=moved.get("orchestrion", lock.orchestrion),
        images=table("images", lock.images),
        actions=table("actions", lock.actions),
        tools=table("tools", lock.tools),
        bases={**lock.bases, **bases},
    )


def _notes(plan: Plan, current: Lock, lock: Lock, asked: Renewal) -> tuple[str, ...]:
    notes = list(plan.warnings)
    env = asked.request.env
    if lock.go and env.get("GOTOOLCHAIN", "") not in {"", "auto", lock.go}:
        notes.append(f"GOTOOLCHAIN={env['GOTOOLCHAIN']}: seatrial build here uses that Go, and not {lock.go}")
    hosts = current.ci
    if lock.actions != current.actions and asked.min_release_age_days:
        notes.append("--min-release-age is not for actions: git does not say how long a release has been out")
    if hosts and current.actions and "github" not in hosts and Group.ACTIONS in asked.groups:
        notes.append("actions stay: this service's pipeline is GitLab's")
    if hosts and "gitlab" not in hosts and Group.IMAGES in asked.groups and "docker-cli" in current.tools:
        notes.append("docker-cli and docker-dind stay: this service's pipeline is GitHub's")
    return tuple(notes)


def refuse(renewed: Renewed) -> None:
    """Raise ConfigError for pins that cannot be put together, with what is in the way."""
    if renewed.problems:
        raise ConfigError(
            "\n".join(renewed.problems),
            where=str(renewed.path),
            hint="seatrial.lock is as it was; pin by hand what is named above, and try again",
        )
