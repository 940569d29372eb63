"""Plan, settings and lock -> what the templates may know of a service."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from seatrial.config import FILE_NAME, Settings, find_settings
from seatrial.errors import ProjectError
from seatrial.host.git import ask_git
from seatrial.keep.pinning import read_pins
from seatrial.lock import Lock
from seatrial.model.plan import FlagOwner, Plan
from seatrial.model.project import Project
from seatrial.scaffold import make
from seatrial.scaffold.changes import read_file
from seatrial.scaffold.files import MAKEFILE
from seatrial.scaffold.gomod import ModuleEdits
from seatrial.scaffold.region import read_text
from seatrial.scaffold.values import Values

HOSTS: Final = ("github", "gitlab")
# Where others' files lie.
_NOT_BUILT: Final = {"vendor", "node_modules", "testdata"}
_LINTER_FILES: Final = tuple(f".golangci.{suffix}" for suffix in ("yml", "yaml", "toml", "json"))


def find_root(project: Project, asked: Path) -> Path:
    """Return the directory that the files are for: docker build sees nothing outside of it."""
    root = project.workspace.parent if project.workspace else asked
    if project.module.directory not in {root, *root.parents} and not project.module.directory.is_relative_to(
        root
    ):
        raise ProjectError("the service's module lies elsewhere", where=str(project.module.directory))
    if root.is_relative_to(project.module.directory):
        root = project.module.directory
    outside = [member for member in project.members if not member.directory.is_relative_to(root)]
    if outside:
        raise ProjectError(
            f"docker build in {root} cannot see {outside[0].directory}, which the service is made of",
            where=str(project.module.directory / "go.mod"),
            hint="put both into one workspace (go work init) and name its directory, with --main; or use\n"
            "seatrial build, which needs no Dockerfile",
        )
    return root


def relative_to(path: Path, root: Path) -> str:
    """Return a path below the root in POSIX form; "." for the root itself."""
    return path.relative_to(root).as_posix() if path != root else "."


def find_hosts(root: Path, project: Project) -> tuple[str, ...]:
    """Return whose CI the repository uses, by its files and its origin; GitHub's where nothing says."""
    url = project.repository.source_url if project.repository else ""
    found = {
        "github": (root / ".github").is_dir() or "github.com" in url,
        "gitlab": (root / ".gitlab-ci.yml").exists() or "gitlab" in url,
    }
    return tuple(name for name in HOSTS if found[name]) or ("github",)


def is_whole_repository(root: Path, project: Project) -> bool:
    """True where files in ``root`` are at the repository's root: no host reads a pipeline below it."""
    return project.repository is None or project.repository.top.samefile(root)


def describe(
    plan: Plan,
    settings: Settings,
    lock: Lock,
    *,
    root: Path,
    owner: FlagOwner,
    edits: ModuleEdits,
    env: Mapping[str, str],
) -> Values:
    """Return the values, but for the places of the files."""
    project = plan.project
    is_woven = plan.build.instrument == "orchestrion"
    # Without weaving, only `seatrial build` can add a health check: it replaces files of Go itself.
    has_check = owner is FlagOwner.SERVICE or (owner is FlagOwner.WOVEN and is_woven)
    module = project.module.directory
    service = relative_to(project.root, root)
    return Values(
        name=plan.image.name,
        module=project.module.path,
        module_directory=relative_to(module, root),
        main=_main(project),
        pins=read_pins(lock),
        pin_file=edits.pin_file,
        is_woven=is_woven,
        is_cgo=plan.build.is_cgo,
        is_vendored=project.is_vendored,
        integrations=plan.build.integrations,
        ports=plan.image.ports,
        arguments=plan.image.arguments,
        healthcheck=plan.image.healthcheck if has_check else None,
        health_settings=plan.build.health,
        tags=plan.build.tags,
        experiments=settings.experiments,
        ldflags=settings.ldflags,
        prepare=settings.prepare,
        prepare_directory=service,
        image_files=tuple((path, posixpath.join(service, source)) for path, source in plan.image.files)
        if service != "."
        else plan.image.files,
        labels=settings.labels,
        size_limit_bytes=plan.image.size_limit_bytes,
        hosts=frozenset(lock.ci) if is_whole_repository(root, project) else frozenset(),
        default_branch=lock.facts["default_branch"],
        source_url=lock.facts["source"],
        revision=project.repository.revision if project.repository else "",
        workspace_modules=tuple(
            relative_to(member.directory, root) for member in project.members if member.directory != module
        ),
        inputs=tuple(
            relative_to(path, root) for path in project.inputs if path.is_relative_to(root) and path.is_file()
        ),
        answers_flag=owner is FlagOwner.SERVICE,
        has_linter_settings=any((root / name).exists() for name in _LINTER_FILES)
        and ".golangci.yml" not in lock.files,
        has_settings=find_settings(root)[0] not in {None, root / FILE_NAME},
        wants_ignores=_wants_ignores(project, root, lock, env),
        has_other_dockerfiles=_has_other_dockerfiles(root, lock, env),
        makefile=_makefile(root, lock),
        make_targets=_make_targets(root, lock) - (set() if settings.prepare else {make.PREPARE}),
    )


def _main(project: Project) -> str:
    relative = os.path.relpath(project.main.directory, project.module.directory)
    return "." if relative == "." else f"./{relative}"


def clone_facts(
    project: Project, root: Path, held: Mapping[str, str], env: Mapping[str, str], *, is_first: bool
) -> dict[str, str]:
    """Return what the files say of the repository, and not every clone knows.

    held: what the lock has of it, which counts where this clone has no answer. is_first: False for ``sync``,
    to which it counts anyway: a fork's origin is another one.
    """
    head = ask_git(root, env, "symbolic-ref", "--short", "refs/remotes/origin/HEAD") or ""
    own = {
        "source": project.repository.source_url if project.repository else "",
        "default_branch": head.partition("/")[2],
    }
    known = {name: fact for name, fact in own.items() if fact}
    facts = {**held, **known} if is_first else {**known, **held}
    return {"source": "", "default_branch": _likely_branch(root, env), **facts}


def _likely_branch(root: Path, env: Mapping[str, str]) -> str:
    branches = (ask_git(root, env, "branch", "--format=%(refname:short)") or "").split()
    return next((name for name in ("main", "master", "trunk") if name in branches), "main")


def _wants_ignores(project: Project, root: Path, lock: Lock, env: Mapping[str, str]) -> bool:
    if ".gitignore" in lock.files or project.repository is None:
        return ".gitignore" in lock.files
    outputs = {"bin/server", "bin/orchestrion", "coverage.out"}
    ignored = (ask_git(root, env, "check-ignore", *sorted(outputs)) or "").splitlines()
    return not outputs <= set(ignored)


def _has_other_dockerfiles(root: Path, lock: Lock, env: Mapping[str, str]) -> bool:
    """True where builds of the user's own read .dockerignore: what is left out for ours, they may need."""
    if ".dockerignore" in lock.files:
        return False
    if (root / ".dockerignore").exists():
        return True
    words = (
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
        "*Dockerfile*",
        "*Containerfile*",
    )
    paths = [Path(line) for line in (ask_git(root, env, *words) or "").splitlines()]
    others = [path for path in paths if str(path) not in {"Dockerfile", *lock.files}]
    return any(not _NOT_BUILT & set(path.parts) for path in others)


def _makefile(root: Path, lock: Lock) -> str:
    """Return the name of the file that make reads, as it is spelt: some file systems know both by either."""
    if MAKEFILE in lock.files:
        return MAKEFILE
    names = {path.name for path in root.iterdir()}
    return next((name for name in make.NAMES if name in names), MAKEFILE)


def _make_targets(root: Path, lock: Lock) -> frozenset[str]:
    """Return the targets of ours that the user's own Makefile has; none where the Makefile is ours."""
    name = _makefile(root, lock)
    is_ours = name in lock.files and make.INCLUDED not in lock.files
    content = None if is_ours or (root / name).is_symlink() else read_file(root, name)
    return make.read_targets(read_text(content).text) if content is not None else frozenset()
