"""The stages of ``seatrial build`` in order: reads as a table of contents."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatrial.base import DebianSettings, resolve
from seatrial.config import Settings, read_settings
from seatrial.errors import ConfigError, MachineError, MissingTool, SeatrialError
from seatrial.health import ask_program, known_owner
from seatrial.host.files import exclusive
from seatrial.host.layout import check_output
from seatrial.instrument.pin import Pin, choose_version, pin, place_aspects
from seatrial.lock import FILE_NAME as LOCK_NAME
from seatrial.lock import Lock, lock_table, read_lock, write_lock
from seatrial.model.image import Base
from seatrial.model.plan import Built, FlagOwner, Plan
from seatrial.model.request import Request
from seatrial.plan import make_plan, service_key, with_flag_owner
from seatrial.toolchains.go.build import Watcher, build_program
from seatrial.toolchains.go.detect import detect
from seatrial.toolchains.go.environment import GoEnvironment
from seatrial.toolchains.go.prepare import prepare
from seatrial.toolchains.go.sources import Sources, read_sources

if TYPE_CHECKING:
    from seatrial.delivery import Tried
    from seatrial.model.outcome import Outcome

_MOST_PROPOSALS: Final = 4
# Where a proposal for making tables fails.
_TABLES: Final = ("[trial] sql", "[trial] before")


def plan_build(
    request: Request,
    progress: Callable[[str], None] = lambda _: None,
    *,
    pinned: Lock | None = None,
    settings: Settings | None = None,
) -> tuple[Plan, GoEnvironment, Settings]:
    """Detect and decide, and do nothing: what ``seatrial build --plan`` prints.

    pinned: in place of the lock beside the service or in the cache. settings: in place of the file's.
    """
    settings = settings or read_settings(request.root, request.config_file)
    lock = pinned or _lock(request) or Lock()
    root = prepare(request, settings.prepare, progress)
    env = _environment(request, lock, settings)
    main = request.main or settings.main
    memory = request.cache / "answers"
    instrument = request.instrument or settings.instrument
    asked = settings.orchestrion_version or lock.orchestrion
    with _names_pinned_go(lock if _is_go_pinned(request, lock) else None):
        project, go = detect(root, main=main, tags=settings.tags, env=env, origin=request.root, memory=memory)
        version = choose_version(asked, go.version) if instrument == "orchestrion" else ""
    compiler = next((value for key, value in go.settings if key == "CC"), "").split(" ")[0]
    found = shutil.which(compiler or "gcc", path=request.env.get("PATH", ""))
    plan = make_plan(project, request, settings, orchestrion_version=version, has_c_compiler=bool(found))
    return plan, go, settings


def build(request: Request, watcher: Watcher) -> Outcome:
    """From source to a delivered image that has been run."""
    began_ns = time.time_ns()
    for output in request.outputs:
        check_output(output)
    plan, go, settings = plan_build(request, watcher.stage)
    for warning in plan.warnings:
        watcher.note(f"note: {warning}")
    place = request.cache / "services" / service_key(plan.project)
    with exclusive(place):
        base = _base(plan, request, settings, watcher)
        tried = _try(plan, go, settings, base, request, place=place, watcher=watcher)
        tried, proposed, is_tried = _with_proposals(tried, base, request, place=place, watcher=watcher)
        from seatrial.delivery import hand_over  # noqa: PLC0415 - imported while the compiler works

        return hand_over(
            tried, base, request=request, began_ns=began_ns, proposed=proposed, is_tried=is_tried
        )


def _try(
    plan: Plan,
    go: GoEnvironment,
    settings: Settings,
    base: Base,
    request: Request,
    *,
    place: Path,
    watcher: Watcher,
) -> Tried:
    plan, built, has_flag = _build(plan, go, settings, request, place=place, watcher=watcher)
    from seatrial.delivery import try_program  # noqa: PLC0415 - imported while the compiler works

    return try_program(
        plan,
        built,
        base,
        settings=settings,
        request=request,
        has_flag=has_flag,
        place=place,
        progress=watcher.stage,
    )


def _with_proposals(
    tried: Tried, base: Base, request: Request, *, place: Path, watcher: Watcher
) -> tuple[Tried, str, bool]:
    """Try again with what the tree says that the service needs, unless its trial was set up by hand.

    Return the last try, the tables for seatrial.toml, and whether that try was made with them.
    """
    from seatrial.delivery import proposal_for, restored  # noqa: PLC0415 - as above

    own, reasons, has_tables = tried.settings, dict[str, str](), True
    unmet: tuple[str, ...] = ()
    for _ in range(_MOST_PROPOSALS):
        found = proposal_for(tried, request, has_tables=has_tables)
        if found is None:
            break
        reasons |= found.reasons
        unmet = found.unmet
        if found.settings == tried.settings:
            break
        if "trial" in own.sections:
            return tried, _advice(unmet, _difference(own, found.settings, reasons)), False
        watcher.note("it did not come to answers: once more, with settings that its tree names")
        unmet = ()
        try:
            plan, go, settings = plan_build(request, watcher.stage, settings=found.settings)
            tried = _try(plan, go, settings, base, request, place=place, watcher=watcher)
        except SeatrialError as error:
            watcher.note(f"note: these settings cannot be used: {error}")
            for line in error.hint.splitlines():
                watcher.note(f"      {line}")
            tried = restored(tried, base, place=place)
            if error.where not in _TABLES or not has_tables:
                return tried, _advice(unmet, _difference(own, found.settings, reasons)), False
            has_tables = False  # without them it may come further, too
    is_tried = tried.settings != own
    text = _difference(own, tried.settings, reasons)
    return tried, text if tried.is_proven else _advice(unmet, text), is_tried


def _difference(own: Settings, found: Settings, reasons: Mapping[str, str]) -> str:
    """Return what was found as the lines of a seatrial.toml; "" where nothing was."""
    if found == own:
        return ""
    from seatrial.propose import written  # noqa: PLC0415 - a trial that holds does not need it

    return written(own, found, reasons)


def _advice(unmet: tuple[str, ...], text: str) -> str:
    """Put what no setting can bring before the settings, as comments of theirs."""
    lines = (f"# {line}" for sentence in unmet for line in sentence.splitlines())
    return "\n".join((*lines, *((text,) if text else ())))


def pin_service(request: Request, watcher: Watcher) -> tuple[Path, dict[str, object]]:
    """Write seatrial.lock beside a service: what a build of now uses; return its path and content."""
    path = request.root / LOCK_NAME
    held = read_lock(path) or Lock()
    plan, go, settings = plan_build(request, watcher.stage)
    _, bases = _resolved_base(plan, held, request, settings, watcher=watcher)
    lock = replace(held, go=go.version, orchestrion=plan.build.orchestrion_version, bases=bases)
    write_lock(path, lock)
    return path, lock_table(lock)


def renewed_bases(
    plan: Plan, lock: Lock, request: Request, settings: Settings, watcher: Watcher
) -> dict[str, dict[str, object]]:
    """Return the lock's bases with the planned one resolved anew, for each architecture that it is held for.

    Raises NetworkError, UntrustedInput.
    """
    bases = dict(lock.bases)
    name = plan.image.base
    kept = {key.partition("/")[2] for key in bases if key.partition("/")[0] == name}
    for architecture in sorted({*kept, request.architecture}):
        asked = replace(request, architecture=architecture)
        _, bases = _resolved_base(
            plan,
            replace(lock, bases=_without(bases, f"{name}/{architecture}")),
            asked,
            settings,
            watcher=watcher,
        )
    return bases


def _without(bases: dict[str, dict[str, object]], key: str) -> dict[str, dict[str, object]]:
    return {name: value for name, value in bases.items() if name != key}


def _lock(request: Request) -> Lock | None:
    """Return the service's own lock, or the one that the cache keeps for it."""
    return read_lock(request.root / LOCK_NAME) or read_lock(_cached_lock(request))


def _cached_lock(request: Request) -> Path:
    return request.cache / "locks" / f"default-{LOCK_NAME}"


@contextmanager
def _names_pinned_go(lock: Lock | None) -> Iterator[None]:
    """Say of a Go that is too old that the lock pins it: what is on PATH may be newer."""
    try:
        yield
    except (MachineError, ConfigError) as error:
        if lock is not None:
            words = f"{LOCK_NAME} pins {lock.go}; seatrial lock --update looks for newer pins that fit"
            error.hint = f"{words}\n{error.hint}" if error.hint else words
        raise


def _environment(request: Request, lock: Lock, settings: Settings) -> Mapping[str, str]:
    """Go itself brings the version that a lock pins (GOTOOLCHAIN)."""
    more = {"GOTOOLCHAIN": lock.go} if _is_go_pinned(request, lock) else {}
    if settings.experiments:
        words = (*filter(None, (request.env.get("GOEXPERIMENT", ""),)), *settings.experiments)
        more["GOEXPERIMENT"] = ",".join(words)
    return {**request.env, **more}


def _is_go_pinned(request: Request, lock: Lock) -> bool:
    """A lock beside the service also pins Go, unless the caller chose one."""
    return bool((request.root / LOCK_NAME).exists() and lock.go and "GOTOOLCHAIN" not in request.env)


def _base(plan: Plan, request: Request, settings: Settings, watcher: Watcher) -> Base:
    """Resolve the base from its lock; without one, resolve it anew and remember it."""
    lock = _lock(request) or Lock()
    base, bases = _resolved_base(plan, lock, request, settings, watcher=watcher)
    for warning in base.warnings:
        watcher.note(f"note: {warning}")
    if bases != lock.bases and not (request.root / LOCK_NAME).exists():
        write_lock(_cached_lock(request), replace(lock, bases=bases))
    return base


def debian_mirror(request: Request, settings: Settings) -> str:
    """Return the Debian archive that was asked for; "" for this machine's own."""
    return settings.mirror or request.env.get("SEATRIAL_DEBIAN_MIRROR", "")


def _resolved_base(
    plan: Plan, lock: Lock, request: Request, settings: Settings, *, watcher: Watcher
) -> tuple[Base, dict[str, dict[str, object]]]:
    """Return the planned base, pinned by ``lock`` where that knows it, and the lock's bases with it."""
    name, architecture = plan.image.base, request.architecture
    mirror = debian_mirror(request, settings)
    base = resolve(
        name,
        architecture=architecture,
        settings=DebianSettings(mirrors=(mirror,) if mirror else ()),
        cache=request.cache,
        lock=lock.base(name, architecture),
        now=request.now,
        progress=watcher.stage,
    )
    return base, {**lock.bases, f"{name}/{architecture}": base.lock}


def _pin(plan: Plan, go: GoEnvironment, request: Request, watcher: Watcher) -> Pin | None:
    if plan.build.instrument == "none":
        return None
    return pin(
        plan.build.orchestrion_version,
        plan.build.integrations,
        go=go.program,
        go_version=go.version,
        env=go.variables,
        cache=request.cache,
        progress=watcher.stage,
        source=plan.project.aspects,
    )


def _build(
    plan: Plan, go: GoEnvironment, settings: Settings, request: Request, *, place: Path, watcher: Watcher
) -> tuple[Plan, Built, bool]:
    """Compile the program, and settle who answers --health-check; return whether anybody does.

    A service that may have the flag itself is compiled without ours and asked; only one that turns out
    not to have it is then linked again, with ours.
    """
    sources = read_sources(plan.project, place / "libraries-with-flag")
    woven_by = _pin(plan, go, request, watcher)

    def compiled(plan: Plan) -> Built:
        return build_program(
            plan.build,
            plan.project,
            go,
            woven_by,
            digests=sources.digests,
            place=place,
            watcher=watcher,
            runtime=_health_runtime(plan, request),
            meanwhile=_import_ahead,
        )

    owner = known_owner(plan, sources, place)
    if owner is None:
        plan = with_flag_owner(plan, settings, FlagOwner.SERVICE)
        built = compiled(plan)
        owner = _asked_owner(plan, built, sources, request, place=place, watcher=watcher)
        if owner is not FlagOwner.WOVEN:
            return plan, built, owner is FlagOwner.SERVICE
    plan = with_flag_owner(plan, settings, owner)
    return plan, compiled(plan), owner is not FlagOwner.NOBODY


def _import_ahead() -> None:
    """Import the second half while the compiler works: a tenth of a second, which would come after it."""
    import seatrial.delivery  # noqa: PLC0415
    import seatrial.instrument.evidence  # noqa: F401, PLC0415


def _health_runtime(plan: Plan, request: Request) -> Path | None:
    """Return where the health check of a program lies that nothing else is woven into."""
    if plan.build.instrument != "none" or not plan.build.health:
        return None
    return place_aspects(request.cache, ())[0]


def _asked_owner(
    plan: Plan, built: Built, sources: Sources, request: Request, *, place: Path, watcher: Watcher
) -> FlagOwner:
    try:
        return ask_program(plan, built, sources, place, env=request.env)
    except (MachineError, MissingTool) as error:
        watcher.note(f"note: no health check is set, because the program cannot be run here: {error}")
        return FlagOwner.NOBODY  # never set blindly
