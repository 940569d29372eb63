"""``init`` and ``sync``: what a service is, its pins, and the files that both together make."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from seatrial.config import FILE_NAME as SETTINGS_NAME
from seatrial.config import Settings, find_settings
from seatrial.errors import ConfigError, MachineError, MissingTool, OutputError
from seatrial.health import ask_program, known_owner
from seatrial.host.files import exclusive
from seatrial.host.git import ask_git
from seatrial.instrument.pin import aspect_files
from seatrial.keep.describe import clone_facts, describe, find_hosts, find_root, relative_to
from seatrial.keep.origin import in_the_tree
from seatrial.keep.pinning import TOOL_LINES, Needs, complete_lock, orchestrion_needs
from seatrial.lock import FILE_NAME as LOCK_NAME
from seatrial.lock import Lock, encode_lock, read_lock
from seatrial.model.plan import FlagOwner, Plan
from seatrial.model.request import Request
from seatrial.pipeline import plan_build
from seatrial.plan import service_key, with_flag_owner
from seatrial.propose import settings_of_recipe
from seatrial.scaffold.apply import apply_changes
from seatrial.scaffold.changes import Change, Edited, Kind, Tree, place_templates, plan_changes, read_file
from seatrial.scaffold.changes import Plan as FilePlan
from seatrial.scaffold.ci import GITLAB
from seatrial.scaffold.flags import TOOLS_MOD, WEAVE_DIRECTORY
from seatrial.scaffold.gomod import GO_MOD, Module, ModuleEdits, edit_module
from seatrial.scaffold.journal import is_interrupted, recover
from seatrial.scaffold.settings import SAME_BYTES, Setting, add_settings
from seatrial.scaffold.table import TEMPLATES
from seatrial.scaffold.values import Values
from seatrial.scaffold.vendor import vendored
from seatrial.scaffold.weaving import imported_packages
from seatrial.toolchains.go.build import Watcher, build_program
from seatrial.toolchains.go.environment import GoEnvironment
from seatrial.toolchains.go.sources import read_sources

_SHOWN_MOVES: Final = 8
_HEALTH_FLAG: Final = "health_flag"
_OF_SETTINGS: Final = "what the Dockerfile holds to, too"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was asked for. request.root: the service. hosts: whose CI, or empty for what the repository has.

    pin_file: "go.mod", "tools.mod", or "" for whichever moves none of the service's modules.
    is_first: False for ``sync``, which keeps what ``init`` wrote. may_recover: False where nothing may be
    written: what a killed run left is then an error, and not put back. may_touch_uncommitted: as in
    ``write_files``; without it, settings with changes that git does not have stay as they are.
    """

    request: Request
    hosts: tuple[str, ...] = ()
    pin_file: str = ""
    is_first: bool = True
    may_recover: bool = True
    may_touch_uncommitted: bool = False


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A plan for a repository, with what to tell of it. notes: whole sentences."""

    root: Path
    files: FilePlan
    notes: tuple[str, ...]


def plan_files(wish: Wish, watcher: Watcher) -> Kept:
    """Decide what every kept file is to hold; nothing is written.

    Raises ProjectError, ConfigError (pins that do not fit, markers out of order), OutputError.
    """
    request = wish.request
    _recover(wish, watcher)
    plan, go, settings = plan_build(request, watcher.stage)
    if wish.is_first and not settings.sections:
        # Said in the settings that are written, so that both builds of the image read it there.
        drawn = settings_of_recipe(plan.project, settings)
        if drawn != settings:
            plan, go, settings = plan_build(request, watcher.stage, settings=drawn)
    compilable = plan  # of a prepared copy, perhaps: the tree may lack what a command makes
    plan = replace(plan, project=in_the_tree(plan.project, request.root))
    project = plan.project
    root = find_root(project, request.root)
    held = _held_lock(wish, root)
    hosts = wish.hosts or held.ci or find_hosts(root, project)
    needs = cache(lambda version: orchestrion_needs(version, go.variables))
    lock, pin_notes = complete_lock(held, plan, settings, hosts=hosts, needs=needs)
    owner = _flag_owner(compilable, go, request, held, watcher)
    facts = clone_facts(project, root, held.facts, request.env, is_first=wish.is_first)
    lock = replace(lock, facts={**facts, _HEALTH_FLAG: owner.value})
    plan = with_flag_owner(plan, settings, owner)
    module = Module(
        directory=project.module.directory,
        prefix=_below(root, project.module.directory),
        go=go.program,
        env=go.variables,
    )
    edits = _module_edits(module, plan, lock, asked=wish.pin_file, needs=needs, watcher=watcher)
    values = describe(plan, settings, lock, root=root, owner=owner, edits=edits, env=request.env)
    values = values.placed(place_templates(TEMPLATES, values, root, lock.files))
    trees, listings = _woven_trees(plan, values, root, module.prefix)
    edited = (*edits.edited, *_settings_edit(root, settings, wish, held), *listings)
    files = plan_changes(root, TEMPLATES, values, edited=edited, trees=trees, remembered=lock.files)
    files = _with_lock(files, root, lock)
    return Kept(
        root=root,
        files=files,
        notes=(*pin_notes, *_notes(plan, values, edits, owner, files)),
    )


def _held_lock(wish: Wish, root: Path) -> Lock:
    held = read_lock(root / LOCK_NAME) or Lock()
    if not wish.is_first and not held.files:
        raise ConfigError(f"{LOCK_NAME} knows of no kept files", where=str(root), hint="seatrial init")
    return held


def _below(root: Path, directory: Path) -> str:
    """Return what stands before the names of a directory's files: "svc/", or "" for the root's own."""
    folder = relative_to(directory, root)
    return "" if folder == "." else f"{folder}/"


def _module_edits(
    module: Module, plan: Plan, lock: Lock, *, asked: str, needs: Needs, watcher: Watcher
) -> ModuleEdits:
    """Pin Orchestrion; in a file of its own where the modules are in vendor/, which lacks it."""
    if plan.build.instrument != "orchestrion":
        return ModuleEdits(edited=(), pin_file=GO_MOD, moved=())
    if plan.project.is_vendored and asked == GO_MOD:
        raise ConfigError(
            "Orchestrion is not in vendor/, so go.mod cannot pin it",
            where=str(module.directory),
            hint="leave --tool-pin out: tools.mod pins it",
        )
    watcher.stage(f"asking Go what Orchestrion {lock.orchestrion} requires")
    with tempfile.TemporaryDirectory(prefix="seatrial-") as scratch:
        return edit_module(
            module,
            lock.orchestrion,
            needs_go=needs(lock.orchestrion) or TOOL_LINES,
            asked=asked or (TOOLS_MOD if plan.project.is_vendored else ""),
            scratch=Path(scratch),
        )


def _woven_trees(
    plan: Plan, values: Values, root: Path, prefix: str
) -> tuple[tuple[Tree, ...], tuple[Edited, ...]]:
    """Return the aspects' files, where the module reads them; vendor/ lists them, too."""
    if plan.build.instrument != "orchestrion":
        return (), ()
    aspects = aspect_files(plan.build.integrations)
    tree = Tree(path=prefix + WEAVE_DIRECTORY, purpose="what is woven in", files=aspects)
    if not plan.project.is_vendored:
        return (tree,), ()
    copy, listing = vendored(root, prefix, aspects, imported_packages(values))
    return (tree, copy), (listing,)


def _settings_edit(root: Path, settings: Settings, wish: Wish, held: Lock) -> tuple[Edited, ...]:
    """Return the user's settings with what ours would say, once: afterwards the file is theirs alone.

    Nothing where nothing is missing, and for a file that is not to be written: it has changes that git does
    not have, a link leads to it, or it is not below the root.
    """
    request = wish.request
    path, place = find_settings(request.root)
    if path is None or path.is_symlink() or not path.is_relative_to(root):
        return ()
    name = relative_to(path, root)
    content = read_file(root, name)
    if content is None or (name in held.files and name == SETTINGS_NAME):
        return ()  # the table of templates has the usual name, and keeps it in the lock
    if name in held.files:
        return (Edited(path=name, purpose=_OF_SETTINGS, content=content),)
    if not wish.is_first or (not wish.may_touch_uncommitted and _uncommitted(root, request.env, [name])):
        return ()
    wanted = [SAME_BYTES]
    if request.main and not settings.main:
        # sync is not told which of several main packages it is.
        wanted.append(Setting(section="service", key="main", value=request.main))
    edited = add_settings(content, place, wanted)
    return (Edited(path=name, purpose=_OF_SETTINGS, content=edited),) if edited != content else ()


def _recover(wish: Wish, watcher: Watcher) -> None:
    """Put back what a killed run left, before anything is read; the files' root may lie above the service."""
    place = wish.request.root.absolute()
    for root in (place, *place.parents):
        if not is_interrupted(root):
            continue
        if not wish.may_recover:
            raise OutputError(
                "a run of seatrial init or sync did not come to its end here",
                where=str(root),
                hint="seatrial init puts its files back, and runs again",
            )
        if recover(root):
            watcher.note(f"note: a run that did not come to its end was undone first, in {root}")


def write_files(kept: Kept, env: Mapping[str, str], *, may_touch_uncommitted: bool) -> None:
    """Carry a plan out, all of it or nothing.

    Raises ConfigError for changes that git does not have, OutputError for a place that cannot be written.
    """
    if not may_touch_uncommitted:
        _refuse_uncommitted(kept, env)
    apply_changes(kept.root, kept.files.changes)


def _flag_owner(plan: Plan, go: GoEnvironment, request: Request, held: Lock, watcher: Watcher) -> FlagOwner:
    """Return who answers --health-check: a service whose code names the flag is built plainly and asked.

    Where it cannot be run, such as in a container of a CI, it is who it was when the lock was written.
    """
    place = request.cache / "services" / service_key(plan.project)
    with exclusive(place):
        sources = read_sources(plan.project, place / "libraries-with-flag")
        owner = known_owner(plan, sources, place)
        if owner is not None:
            return owner
        plain = replace(plan.build, instrument="none", orchestrion_version="", health="")
        built = build_program(
            plain, plan.project, go, None, digests=sources.digests, place=place, watcher=watcher
        )
        try:
            return ask_program(plan, built, sources, place, env=request.env)
        except (MachineError, MissingTool) as error:
            if (known := held.facts.get(_HEALTH_FLAG, "")) in set(FlagOwner):
                watcher.note(f"note: the program cannot be run here, {LOCK_NAME} knows its flag: {error}")
                return FlagOwner(known)
            watcher.note(f"note: the program cannot be run here, so no HEALTHCHECK is written: {error}")
            return FlagOwner.NOBODY


def _with_lock(files: FilePlan, root: Path, lock: Lock) -> FilePlan:
    content = encode_lock(replace(lock, files=dict(files.remembered)))
    before = read_file(root, LOCK_NAME)
    kind = Kind.CREATE if before is None else Kind.SAME if before == content else Kind.UPDATE
    change = Change(
        path=LOCK_NAME,
        kind=kind,
        purpose="every version and digest",
        before=before,
        after=content,
        is_ours=True,
    )
    return replace(files, changes=(*files.changes, change))


def _notes(
    plan: Plan, values: Values, edits: ModuleEdits, owner: FlagOwner, files: FilePlan
) -> tuple[str, ...]:
    notes = list(plan.warnings)
    if edits.moved:
        listed = "".join(f"\n  {line}" for line in edits.moved[:_SHOWN_MOVES])
        more = len(edits.moved) - _SHOWN_MOVES
        listed += f"\n  and {more} more" if more > 0 else ""
        where = "is pinned in tools.mod" if edits.pin_file == "tools.mod" else "is pinned there all the same"
        notes.append(f"a tool line in go.mod would move this; Orchestrion {where}:{listed}")
    settings, _ = find_settings(plan.project.root)
    is_edited = any(change.purpose == _OF_SETTINGS for change in files.writes)
    if plan.build.should_stamp_vcs and settings and not is_edited:
        notes.append(
            f"for the Dockerfile's bytes from seatrial build, too: vcs = false, [build] in {settings.name}"
        )
    if owner is FlagOwner.WOVEN and not values.is_woven:
        notes.append("no HEALTHCHECK in the Dockerfile: without weaving only seatrial build can add one")
    notes += [
        f'make reads {name} and not Makefile: put "include Makefile" into it'
        for name in ("GNUmakefile", "makefile")
        if (plan.project.root / name).exists() and values.path("Makefile") == "Makefile"
    ]
    ours = values.path(GITLAB)
    if "gitlab" in values.hosts and ours != GITLAB and ours not in _text(plan.project.root / GITLAB):
        notes.append(
            f"{GITLAB} stays yours; to run ours, too: include: {{local: /{ours}}}, and among your stages"
            " test, build, judge, push"
        )
    if not values.hosts:
        notes.append(
            "no pipeline is written: a host reads one at the repository's root only, and these files lie"
            " below it; one of your own there can run their make targets"
        )
    if taken := sorted(values.make_targets):
        renamed = ", ".join(f"{name} is {values.target(name)}" for name in taken)
        notes.append(f"your Makefile's own targets stay; of Seatrial's, {renamed}")
    return tuple(notes)


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.is_file() else ""


def _refuse_uncommitted(kept: Kept, env: Mapping[str, str]) -> None:
    """A file with changes that git does not have is not edited, but for what Seatrial wrote itself."""
    edited = [change.path for change in kept.files.writes if change.before is not None and not change.is_ours]
    if dirty := _uncommitted(kept.root, env, edited):
        raise ConfigError(
            f"changes that git does not have: {', '.join(dirty)}",
            where=str(kept.root),
            hint="commit them first, so that what Seatrial does can be told apart; or: --allow-uncommitted",
        )


def _uncommitted(root: Path, env: Mapping[str, str], paths: list[str]) -> list[str]:
    """Return those of the paths with changes that git does not have; none where there is no git."""
    status = ask_git(root, env, "status", "--porcelain", "-z", "--", *paths) if paths else None
    return [entry[3:] for entry in (status or "").split("\0") if entry]
