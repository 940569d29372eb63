"""Newer pins that fit together: ask all sources at once, then decide from what they said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from seatrial.host.exchange import Caller
from seatrial.host.registry import Registry
from seatrial.host.registry_access import is_tag, parse_repository
from seatrial.renew.actions import propose_action, read_tags, repository_of
from seatrial.renew.asking import Task, ask_all
from seatrial.renew.cooldown import CoolDown, parse_time
from seatrial.renew.fitting import ORCHESTRION, Fit, builder_tags, fit
from seatrial.renew.found import GoFacts, GolangImage, GoPins, Group, Proposal
from seatrial.renew.images import DOCKER_TOOLS, golang_image, propose_docker, propose_static
from seatrial.renew.modules import GO, MODULES, GoAsker
from seatrial.renew.references import split_reference
from seatrial.renew.trivy import NAME as TRIVY
from seatrial.renew.trivy import propose_trivy
from seatrial.renew.versions import go_numbers, order_key

GITHUB_VARIABLE: Final = "SEATRIAL_GITHUB"
_GITHUB: Final = "https://github.com"
MODULE_TOOLS: Final = ("golangci-lint", "govulncheck", "syft")

_Facts = GoFacts | tuple[Proposal, ...]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What may move, and as whom to ask.

    go: the pins that must fit one Go. images, actions, tools: as in the lock. hosts: whose CI is kept, or
    empty where that is not known. asked_base: [base] image, where the settings name one.
    architecture: of the builder image to look into. timeout_s: for each answer.
    """

    go: GoPins
    images: Mapping[str, str]
    actions: Mapping[str, str]
    tools: Mapping[str, str]
    hosts: tuple[str, ...]
    asked_base: str
    architecture: str
    now: datetime
    env: Mapping[str, str]
    timeout_s: float
    more: tuple[Task[tuple[Proposal, ...]], ...] = field(default=())

    @property
    def cool_down(self) -> CoolDown:
        """How long a release must have been out."""
        return self.go.cool_down

    @property
    def github(self) -> str:
        """Where actions and trivy's releases are: $SEATRIAL_GITHUB, such as an enterprise's own host."""
        return self.env.get(GITHUB_VARIABLE, "").rstrip("/") or _GITHUB

    @property
    def github_host(self) -> str:
        """Its name for messages."""
        return urlsplit(self.github).netloc.rpartition("@")[2] or self.github

    @property
    def is_modules_wanted(self) -> bool:
        """True when Go's module proxy has anything to say."""
        return bool(self.go.groups & {Group.GO, Group.TOOLS})


def look_up(question: Question, progress: Callable[[str], None]) -> Fit:
    """Ask, and decide; more: other questions that are asked beside ours.

    Raises NetworkError, which names every host that did not answer, and ConfigError.
    """
    asker = GoAsker(env=question.env, timeout_s=3 * question.timeout_s)
    tasks: list[Task[_Facts]] = [*_module_task(question, asker), *_direct_tasks(question), *question.more]
    hosts = ", ".join(dict.fromkeys(task.host for task in tasks))
    progress(f"asking {hosts}" if hosts else "nothing to ask")
    answers = ask_all(tasks)
    facts = next((answer for answer in answers if isinstance(answer, GoFacts)), GoFacts())
    found = [proposal for answer in answers if not isinstance(answer, GoFacts) for proposal in answer]
    pins = question.go
    tags = builder_tags(pins, facts)
    if tags:
        progress(f"asking {_registry_of(pins.golang)} for {', '.join(tags)}")
    images = ask_all([_golang_task(question, tag) for tag in tags])
    fitted = fit(pins, replace(facts, golang=dict(zip(tags, images, strict=True))))
    return Fit(proposals=tuple(_sorted([*fitted.proposals, *found])), problems=fitted.problems)


def _sorted(proposals: list[Proposal]) -> list[Proposal]:
    order = list(Group)
    return sorted(proposals, key=lambda one: (order.index(one.group), one.name != "go", one.name))


def _module_task(question: Question, asker: GoAsker) -> Iterator[Task[_Facts]]:
    """One task for Go, Orchestrion and the tools, which one proxy knows; and then Trivy's release."""
    if not question.is_modules_wanted:
        return
    pins, groups = question.go, question.go.groups
    has_trivy = TRIVY in question.tools and Group.TOOLS in groups
    wanted = dict(pins.tools) if Group.TOOLS in groups else {}
    if pins.orchestrion and Group.GO in groups:
        wanted[ORCHESTRION] = pins.orchestrion
    names = ([GO] if Group.GO in groups else []) + list(wanted)

    def work() -> GoFacts:
        modules = [MODULES[name] for name in wanted]
        versions = asker.versions([*([GO] if Group.GO in groups else []), *modules])
        asked = {
            name: _worth_asking(name, pinned, versions.get(MODULES[name], ()))
            for name, pinned in wanted.items()
        }
        known = versions.get(GO, ())
        return GoFacts(
            go_versions=known,
            go_published=asker.go_published(_newer_go(known, pins.go)) if pins.cool_down.days else {},
            releases=asker.releases(asked),
        )

    host = asker.host()
    if names:
        yield Task(
            host=host, pins=tuple(names), groups=tuple(sorted(groups & {Group.GO, Group.TOOLS})), work=work
        )
    if has_trivy:
        yield Task(host=host, pins=(TRIVY,), groups=(Group.TOOLS,), work=lambda: _trivy(question, asker))


def _worth_asking(name: str, pinned: str, versions: tuple[str, ...]) -> tuple[str, ...]:
    """Return those whose needs matter: the pin and newer ones; of Orchestrion all, to name the nearest."""
    if name == ORCHESTRION:
        return versions
    return tuple(version for version in versions if order_key(version) >= order_key(pinned))


def _newer_go(versions: tuple[str, ...], pinned: str) -> list[str]:
    than = go_numbers(pinned) or ()
    return [version for version in versions if (go_numbers(version) or ()) > than]


def _trivy(question: Question, asker: GoAsker) -> tuple[Proposal, ...]:
    caller = Caller(timeout_s=question.timeout_s)
    versions = asker.versions([MODULES[TRIVY]]).get(MODULES[TRIVY], ())
    newer = _worth_asking(TRIVY, question.tools[TRIVY], versions) if question.cool_down.days else ()
    releases = asker.releases({TRIVY: newer})[TRIVY]
    waits = {one.version: question.cool_down.holds(one.version, one.published) for one in releases}
    waits = {version: reason for version, reason in waits.items() if reason}
    waits.pop(question.tools[TRIVY], None)
    return propose_trivy(question.tools, versions, caller.ask, host=question.github, waits=waits)


def _direct_tasks(question: Question) -> Iterator[Task[_Facts]]:
    """Tasks whose answers stand for themselves."""
    groups = question.go.groups
    if Group.ACTIONS in groups and (not question.hosts or "github" in question.hosts):
        repositories: dict[str, list[str]] = {}
        for name in question.actions:
            repositories.setdefault(repository_of(name), []).append(name)
        for repository, names in repositories.items():
            yield _action_task(question, repository, tuple(names))
    if Group.IMAGES not in groups:
        return
    if static := question.images.get("static", ""):
        yield Task(
            host=_registry_of(static),
            pins=("images.static",),
            groups=(Group.IMAGES,),
            work=lambda: (_static(question, static),),
        )
    docker = {name: question.tools[name] for name in DOCKER_TOOLS if name in question.tools}
    if docker and (not question.hosts or "gitlab" in question.hosts):
        yield Task(
            host=_registry_of(next(iter(docker.values()))),
            pins=tuple(f"tools.{name}" for name in docker),
            groups=(Group.IMAGES,),
            work=lambda: _docker(question, docker),
        )


def _static(question: Question, reference: str) -> Proposal:
    return propose_static(
        reference,
        _digests(question),
        now=question.now,
        asked_base=question.asked_base,
        created=_created(question),
        cool_down=question.cool_down,
    )


def _docker(question: Question, pins: dict[str, str]) -> tuple[Proposal, ...]:
    return propose_docker(
        pins,
        _digests(question),
        _tags(question),
        created=_created(question),
        cool_down=question.cool_down,
    )


def _action_task(question: Question, repository: str, names: tuple[str, ...]) -> Task[_Facts]:
    def work() -> tuple[Proposal, ...]:
        tags = read_tags(question.github, repository, question.env, question.timeout_s)
        return tuple(propose_action(name, question.actions[name], tags) for name in names)

    return Task(
        host=question.github_host,
        pins=tuple(f"actions.{name}" for name in names),
        groups=(Group.ACTIONS,),
        work=work,
    )


def _golang_task(question: Question, tag: str) -> Task[GolangImage | None]:
    def work() -> GolangImage | None:
        registry = _registry(question, split_reference(question.go.golang)[0])
        digest = registry.digest(tag)
        inside = registry.configuration(digest, question.architecture) if digest else None
        return golang_image(digest, inside)

    return Task(
        host=_registry_of(question.go.golang),
        pins=("go", "images.golang"),
        groups=(Group.IMAGES,),
        work=work,
    )


def _registry_of(reference: str) -> str:
    """Return the registry that an image's reference names, for messages."""
    return parse_repository(split_reference(reference)[0]).registry


def _registry(question: Question, name: str) -> Registry:
    return Registry(
        repository=parse_repository(name), env=question.env, caller=Caller(timeout_s=question.timeout_s)
    )


def _digests(question: Question) -> Callable[[str, str], str | None]:
    known: dict[str, Registry] = {}

    def digest(name: str, tag: str) -> str | None:
        if name not in known:
            known[name] = _registry(question, name)
        return known[name].digest(tag) if is_tag(tag) else None

    return digest


def _created(question: Question) -> Callable[[str, str], datetime | None]:
    def created(name: str, digest: str) -> datetime | None:
        found = _registry(question, name).configuration(digest, question.architecture)
        return parse_time(found.created) if found else None

    return created


def _tags(question: Question) -> Callable[[str], tuple[str, ...] | None]:
    return lambda name: _registry(question, name).tags()
