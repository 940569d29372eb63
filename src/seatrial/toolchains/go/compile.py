"""BuildPlan -> program: one ``go build`` in the view, woven by Orchestrion or plain."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import MachineError, SeatrialError, ToolFailed, UserBuildFailed
from seatrial.host.process import run_watched
from seatrial.instrument.pin import WEAVE_MODULE, Pin
from seatrial.model.plan import BuildPlan
from seatrial.model.project import Project
from seatrial.toolchains.go.environment import GoEnvironment
from seatrial.toolchains.go.plain_health import RUNTIME
from seatrial.toolchains.go.view import PIN_DIRECTORY, View

# `go build -v` prints the import path of each package as it begins to compile it.
_PACKAGE_LINE = re.compile(r"[\w.~-]+(/[\w.~@+-]+)*")
# -buildid= : the linker's build id hashes the module cache's path, which must not change the bytes.
_LDFLAGS = "-s -w -buildid="
_GENERATED = (
    "does `go build` work in a fresh clone? If these names are generated and not committed, say how\n"
    'made in seatrial.toml: [build] prepare = ["go generate ./..."]'
)
_WOVEN = (
    "the lines that are woven into this package do not fit its version. A newer version of the library\n"
    'may; an image without tracing needs none: --instrument none, or [instrument] with = "none".\n'
    "This is a defect of Seatrial's aspects: please report it with the library's version"
)
_STATIC_CGO = "-linkmode external -extldflags '-static'"


@dataclass(frozen=True, kw_only=True)
class Compilation:
    """All that one compilation needs.

    pin: None for a plain build. overlay: for -overlay, or None. driver: answers what Orchestrion asks of
    its archives (archives.py), or None.
    """

    plan: BuildPlan
    project: Project
    go: GoEnvironment
    view: View
    pin: Pin | None
    overlay: Path | None = None
    driver: Path | None = None


def compile_program(job: Compilation, output: Path, progress: Callable[[int, int], None]) -> None:
    """Write the linked program to ``output``.

    progress: called with (packages begun, packages in all).
    Raises UserBuildFailed with the compiler's own words, in terms of the user's paths.
    """
    begun: set[str] = set()
    total = job.project.package_count

    def watch(line: str) -> None:
        if _PACKAGE_LINE.fullmatch(line):
            begun.add(line)
            progress(min(len(begun), total), total)

    builder = (str(job.pin.program), "go") if job.pin else (str(job.go.program),)
    flags = build_flags(job.plan, job.go, job.project.module.path)
    if job.overlay:
        flags = (*flags, f"-overlay={job.overlay}")
    argv = (*builder, "build", "-v", *flags, "-o", str(output), job.project.main.import_path)
    done = run_watched(argv, cwd=job.view.directory, env=build_environment(job), on_line=watch)
    if done.returncode != 0:
        output.unlink(missing_ok=True)
        raise _failure(done.stderr.decode(errors="replace"), job.view, done.returncode)


def build_flags(plan: BuildPlan, go: GoEnvironment, module_path: str) -> tuple[str, ...]:
    """Return the flags of ``go build`` that the bytes depend on. module_path: the service's."""
    ldflags = [go.flags.ldflags, plan.ldflags, _LDFLAGS]
    if plan.health:
        runtime = WEAVE_MODULE if plan.instrument == "orchestrion" else f"{module_path}/{RUNTIME}"
        ldflags.append(f"-X {runtime}/health.settings={plan.health}")
    tags = plan.tags
    if plan.is_cgo:
        ldflags.append(_STATIC_CGO)
        tags = (*tags, "netgo", "osusergo", "sqlite_omit_load_extension")
    kept_tags = next(
        (flag.partition("=")[2] for flag in go.flags.kept if flag.lstrip("-").startswith("tags=")), ""
    )
    all_tags = ",".join(filter(None, (kept_tags.replace(" ", ","), *tags)))
    stamp = (go.flags.buildvcs or "auto") if plan.should_stamp_vcs else "false"
    return (
        "-trimpath",
        f"-ldflags={' '.join(filter(None, ldflags))}",
        f"-buildvcs={stamp}",
        *((f"-tags={all_tags}",) if all_tags else ()),
    )


def build_environment(job: Compilation) -> dict[str, str]:
    """Return the complete environment of the build: the user's, with what the view changes."""
    plan, project, go, view = job.plan, job.project, job.go, job.view
    mod = "vendor" if project.is_vendored else go.flags.mod
    goflags = go.variables["GOFLAGS"] + (f" -mod={mod}" if mod and view.workspace is None else "")
    changed = {
        "GOFLAGS": goflags,
        "GOWORK": str(view.workspace) if view.workspace else "off",
        "CGO_ENABLED": "1" if plan.is_cgo else "0",
        "GOOS": "linux",
        "GOARCH": plan.architecture,
        "PWD": str(view.directory),
        # The version check would want Orchestrion among the service's own requirements.
        "DD_ORCHESTRION_IS_GOMOD_VERSION": "true",
    }
    if job.driver:
        changed["GOPACKAGESDRIVER"] = str(job.driver)
    if project.repository:
        changed |= {
            "GIT_DIR": str(project.repository.git_dir),
            "GIT_WORK_TREE": str(project.repository.top),
            "GIT_OPTIONAL_LOCKS": "0",
        }
    return {**go.variables, **changed}


def _failure(words: str, view: View, status: int) -> SeatrialError:
    text = words.replace(str(view.root), str(view.origin))
    if (
        view.directory.name == PIN_DIRECTORY
    ):  # Go prints paths as seen from the member that the view adds to the workspace
        text = re.sub(r"^\.\./", "", text, flags=re.MULTILINE)
    kept = [
        line
        for line in text.splitlines()
        if line.strip() and not _PACKAGE_LINE.fullmatch(line) and not line.startswith("go: downloading")
    ]
    message = "\n".join(dict.fromkeys(kept)) or f"go build ended with status {status}"
    if "no space left on device" in message:
        return MachineError("the disk is full", hint="free some space; `go clean -cache` gives Go's back")
    if "signal: killed" in message:
        return MachineError(message, hint="the compiler was killed, most often for want of memory")
    if "-lpthread" in message or "cannot find -l" in message or "cc1" in message:
        return ToolFailed(message, hint="install the static libraries it names (apt-get install libc6-dev …)")
    if re.search(r"orchestrion: (fork/exec|open) .*: no such file or directory", message):
        return MachineError("Orchestrion was removed while it was running", hint="run seatrial build again")
    if "<generated>:" in message:
        hint = _WOVEN
    else:
        hint = _GENERATED if re.search(r"undefined: \w+\.\w+", message) else ""
    return UserBuildFailed(message, hint=hint)
