"""Plan -> Built: the program, woven and static, from the cache when its inputs are the same."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from threading import Thread
from typing import Protocol

from seatrial.errors import SeatrialError, UserBuildFailed
from seatrial.host.files import write_whole
from seatrial.instrument.pin import Pin
from seatrial.model.plan import BuildPlan, Built
from seatrial.model.project import Project
from seatrial.toolchains.go.archives import forget_answers, place_driver
from seatrial.toolchains.go.compile import Compilation, build_environment, compile_program
from seatrial.toolchains.go.environment import GoEnvironment
from seatrial.toolchains.go.plain_health import hooks_digest, runtime_files, write_overlay
from seatrial.toolchains.go.view import make_view

_KEPT_PROGRAMS = 4


class Watcher(Protocol):
    """Where progress goes."""

    def stage(self, title: str) -> None:
        """Begin a piece of work."""

    def note(self, text: str) -> None:
        """Say something that stays."""

    def step(self, done: int, total: int) -> None:
        """Show how far the present piece of work is."""


def build_program(
    plan: BuildPlan,
    project: Project,
    go: GoEnvironment,
    pin: Pin | None,
    *,
    digests: Mapping[Path, str],
    place: Path,
    watcher: Watcher,
    runtime: Path | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Built:
    """Compile, or find what was compiled from the same inputs.

    digests: sha256 hex of every path in ``project.inputs``.
    runtime: the aspect module, whose health check is put into a program that is not woven; or None.
    place: this service's own directory in the cache, held by this run alone.
    meanwhile: done on a thread of its own while the compiler is waited for.
    Raises UserBuildFailed (the compiler's words, or nothing was woven), MachineError.
    """
    key = _key(plan, project, go, pin, digests=digests, runtime=runtime)
    folder = place / "programs" / key
    kept = _recall(folder)
    if kept:
        return kept
    watcher.stage(_title(plan, project, pin, place))
    view = make_view(
        project, place / "view", pin, digests, runtime_files(project, runtime) if runtime else {}
    )
    overlay = write_overlay(project, go, view, place / "overlay") if runtime else None
    # A name of its own: the linker of a run that was killed with SIGKILL may still be writing to its own.
    for leftover in place.glob("linking*"):
        leftover.unlink(missing_ok=True)
    scratch = place / f"linking-{os.urandom(6).hex()}"
    if meanwhile:
        Thread(target=meanwhile).start()
    job = Compilation(plan=plan, project=project, go=go, view=view, pin=pin, overlay=overlay)
    driver = place_driver(place, pin, go, build_environment(job)) if pin else None
    try:
        compile_program(replace(job, driver=driver), scratch, watcher.step)
    except SeatrialError:
        if driver:
            forget_answers(driver)
        raise
    built = _proven(scratch, plan, project, pin)
    if pin:
        _woven_marker(project, pin, place).touch()
    _remember(folder, scratch, built)
    _forget_old(place / "programs", folder)
    return replace(built, program=folder / "server", is_from_cache=False)


def _title(plan: BuildPlan, project: Project, pin: Pin | None, place: Path) -> str:
    what = f"{project.main.import_path} ({project.package_count} packages)"
    if pin is None:
        return f"compiling {what}"
    is_first = not _woven_marker(project, pin, place).exists()
    why = (
        ": the first time, the standard library is woven too; about 2 minutes on two cores"
        if is_first
        else ""
    )
    return f"weaving and compiling {what} with Orchestrion {plan.orchestrion_version}{why}"


def _woven_marker(project: Project, pin: Pin, place: Path) -> Path:
    """Return the file that says that Go's cache holds a standard library woven with this pin.

    A vendored service has its own copy of the aspects, at its own path, and so weaves for itself.
    """
    owner = place if project.is_vendored else place.parent
    return owner / f".woven-{pin.aspects_digest[:16]}-{project.toolchain_version}"


def _woven_in(pin: Pin | None, runtime: Path | None) -> list[str]:
    if pin:
        return [pin.version, pin.aspects_digest]
    return [runtime.name, hooks_digest()] if runtime else []


def _key(
    plan: BuildPlan,
    project: Project,
    go: GoEnvironment,
    pin: Pin | None,
    *,
    digests: Mapping[Path, str],
    runtime: Path | None,
) -> str:
    """Return the digest of everything that the program's bytes depend on."""
    repository = project.repository if plan.should_stamp_vcs and go.flags.buildvcs != "false" else None
    stamp = [repository.revision, repository.version, repository.is_dirty] if repository else []
    asked = [
        asdict(plan),
        _woven_in(pin, runtime),
        [go.version, go.flags.kept, go.flags.ldflags, go.flags.buildvcs, go.flags.mod, go.settings],
        [project.main.import_path, str(project.workspace), project.is_vendored],
        stamp,
        sorted((os.path.relpath(path, project.module.directory), digest) for path, digest in digests.items()),
    ]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]


def _proven(program: Path, plan: BuildPlan, project: Project, pin: Pin | None) -> Built:
    """Look at the finished program: is it static, is it woven, and what is inside it?"""
    from seatrial.instrument.evidence import read_evidence  # noqa: PLC0415 - not before the compiler runs

    evidence = read_evidence(program)
    if pin and not evidence.go.is_woven:
        program.unlink()
        raise UserBuildFailed(
            "nothing was woven into the program",
            where=project.main.import_path,
            hint="the likely reason: another -toolexec is in force, or main() is not an ordinary function; "
            f"asked for: {', '.join(plan.integrations)}",
        )
    if not evidence.elf.is_static:
        program.unlink()
        asked = ", ".join(filter(None, (evidence.elf.interpreter, *evidence.elf.needed)))
        raise UserBuildFailed(
            f"the program is not static: it asks for {asked}",
            where=project.main.import_path,
            hint="C libraries need their .a files to be linked statically (apt-get install …-dev)",
        )
    return Built(
        program=program,
        sha256=evidence.sha256,
        size_bytes=evidence.size_bytes,
        is_static=evidence.elf.is_static,
        is_woven=evidence.go.is_woven,
        modules_hidden=tuple(f"{module.path} {module.version}" for module in evidence.go.hidden_modules),
        is_from_cache=False,
    )


def _remember(folder: Path, program: Path, built: Built) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    program.chmod(0o755)
    os.replace(program, folder / "server")
    values = {**asdict(built), "program": str(folder / "server"), "is_from_cache": True}
    write_whole(folder / "built.json", json.dumps(values).encode())


def _recall(folder: Path) -> Built | None:
    """Return what was compiled before; the description is written last, so it speaks of a whole program."""
    try:
        values = json.loads((folder / "built.json").read_bytes())
        size = (folder / "server").stat().st_size
        built = Built(
            **{**values, "program": folder / "server", "modules_hidden": tuple(values["modules_hidden"])}
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if size != built.size_bytes:
        return None
    os.utime(folder)
    return built


def _forget_old(programs: Path, newest: Path) -> None:
    """Keep the last few programs, so that going back to an earlier state costs nothing."""
    found = sorted(programs.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for folder in found[_KEPT_PROGRAMS:]:
        if folder != newest:
            shutil.rmtree(folder, ignore_errors=True)
