"""The stages of ``seatrial build`` in order: reads as a table of contents."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from seatrial.assemble import assemble, deliver
from seatrial.base import DebianSettings, resolve
from seatrial.config import Settings, read_settings
from seatrial.errors import MachineError, MissingTool
from seatrial.health import ask_program, known_owner
from seatrial.host.files import exclusive
from seatrial.host.layout import check_output
from seatrial.host.tree import read_entries
from seatrial.instrument.pin import Pin, choose_version, pin, place_aspects
from seatrial.lock import FILE_NAME as LOCK_NAME
from seatrial.lock import Lock, lock_table, read_lock, write_lock
from seatrial.model.facts import Facts, RunningFacts
from seatrial.model.image import Base, Entry, EntryKind, Image, ImageConfig
from seatrial.model.outcome import Delivered, Outcome
from seatrial.model.plan import Built, FlagOwner, Output, Plan
from seatrial.model.request import Request
from seatrial.model.verdict import Expectations
from seatrial.plan import SERVER_PATH, make_plan, service_key, with_flag_owner
from seatrial.toolchains.go.build import Watcher, build_program
from seatrial.toolchains.go.detect import detect
from seatrial.toolchains.go.environment import GoEnvironment
from seatrial.toolchains.go.prepare import prepare
from seatrial.toolchains.go.sources import Sources, read_sources
from seatrial.verify import holds, judge
from seatrial.watch import watched_paths


def plan_build(
    request: Request, progress: Callable[[str], None] = lambda _: None
) -> tuple[Plan, GoEnvironment, Settings]:
    """Detect and decide, and do nothing: what ``seatrial build --plan`` prints."""
    settings = read_settings(request.root, request.config_file)
    lock = _lock(request) or Lock()
    root = prepare(request, settings.prepare, progress)
    env = _environment(request, lock)
    main = request.main or settings.main
    memory = request.cache / "answers"
    project, go = detect(root, main=main, tags=settings.tags, env=env, origin=request.root, memory=memory)
    instrument = request.instrument or settings.instrument
    asked = settings.orchestrion_version or lock.orchestrion
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
        plan, built, has_flag = _build(plan, go, settings, request, place=place, watcher=watcher)
        image = _image(plan, _files(plan, built), base, has_health_flag=has_flag, place=place)
        facts = _trial(plan, image, request, place, watcher) if plan.trial else None
        verdicts = judge(facts, _expectations(plan, settings, has_flag=has_flag)) if facts else ()
        is_proven = facts is None or holds(verdicts)
        return Outcome(
            plan=plan,
            built=built,
            image=image,
            facts=facts,
            verdicts=verdicts,
            delivered=tuple(_deliver(image, output, is_proven=is_proven) for output in plan.outputs),
            warnings=(*plan.warnings, *base.warnings),
            watched=watched_paths(plan.project, request, plan.image.files),
            began_ns=began_ns,
        )


def pin_service(request: Request, watcher: Watcher, *, should_renew: bool) -> tuple[Path, dict[str, object]]:
    """Write seatrial.lock beside a service: what a build of now uses; return its path and content.

    should_renew: look for newer packages even where the lock already pins some.
    """
    path = request.root / LOCK_NAME
    held = None if should_renew else read_lock(path)
    plan, go, settings = plan_build(request, watcher.stage)
    _, bases = _resolved_base(plan, held or Lock(), request, settings, watcher=watcher)
    lock = Lock(go=go.version, orchestrion=plan.build.orchestrion_version, bases=bases)
    write_lock(path, lock)
    return path, lock_table(lock)


def _lock(request: Request) -> Lock | None:
    """Return the service's own lock, or the one that the cache keeps for it."""
    return read_lock(request.root / LOCK_NAME) or read_lock(_cached_lock(request))


def _cached_lock(request: Request) -> Path:
    return request.cache / "locks" / f"default-{LOCK_NAME}"


def _environment(request: Request, lock: Lock) -> Mapping[str, str]:
    """A lock beside the service also pins Go; Go itself brings that version (GOTOOLCHAIN)."""
    if (request.root / LOCK_NAME).exists() and lock.go and "GOTOOLCHAIN" not in request.env:
        return {**request.env, "GOTOOLCHAIN": lock.go}
    return request.env


def _base(plan: Plan, request: Request, settings: Settings, watcher: Watcher) -> Base:
    """Resolve the base from its lock; without one, resolve it anew and remember it."""
    lock = _lock(request) or Lock()
    base, bases = _resolved_base(plan, lock, request, settings, watcher=watcher)
    for warning in base.warnings:
        watcher.note(f"note: {warning}")
    if bases != lock.bases and not (request.root / LOCK_NAME).exists():
        write_lock(_cached_lock(request), replace(lock, bases=bases))
    return base


def _resolved_base(
    plan: Plan, lock: Lock, request: Request, settings: Settings, *, watcher: Watcher
) -> tuple[Base, dict[str, dict[str, object]]]:
    """Return the planned base, pinned by ``lock`` where that knows it, and the lock's bases with it."""
    name, architecture = plan.image.base, request.architecture
    mirror = settings.mirror or request.env.get("SEATRIAL_DEBIAN_MIRROR", "")
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


def _trial(plan: Plan, image: Image, request: Request, place: Path, watcher: Watcher) -> Facts:
    """Look at the finished image, then start it, drive it and stop it."""
    from seatrial.observe.static import observe_static  # noqa: PLC0415 - start-up time without a trial

    static = observe_static(image.layout, scratch=place)
    watcher.stage("trying it: started, asked, probed, stopped")
    return Facts(static=static, running=_running(plan, image, request))


def _running(plan: Plan, image: Image, request: Request) -> RunningFacts | None:
    """Run the image; None, which no gate takes for a pass, when this machine cannot."""
    if plan.trial is None or plan.build.architecture != request.host_architecture:
        return None
    search_path = request.env.get("PATH", "")
    from seatrial.observe.running import observe_running  # noqa: PLC0415 - start-up time without a trial

    return observe_running(
        image.layout, plan.trial, search_path=search_path, cache=request.cache, digest=image.digest
    )


def _expectations(plan: Plan, settings: Settings, *, has_flag: bool) -> Expectations:
    is_woven = plan.build.instrument == "orchestrion"
    knows_database = plan.project.uses_database and bool(settings.requests)
    return Expectations(
        size_limit_bytes=plan.image.size_limit_bytes,
        is_woven=is_woven,
        has_healthcheck=has_flag,
        has_spans=is_woven and "net/http" in settings.integrations,
        has_database=True if knows_database else None,
    )


def _deliver(image: Image, output: Output, *, is_proven: bool) -> Delivered:
    """Hand the image over; one that failed keeps its bytes under a name that says so."""
    if not is_proven:
        name = output.path.name.removesuffix(".tar")
        suffix = ".unproven.tar" if output.form == "tar" else ".unproven"
        output = replace(output, path=output.path.with_name(name + suffix))
    size = deliver(image, output)
    return Delivered(path=output.path, form=output.form, size_bytes=size, is_proven=is_proven)
