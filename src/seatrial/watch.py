"""Which paths on this disk a finished build depends on: more than its sources."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from seatrial.config import FILE_NAME
from seatrial.host.git import tracked_files
from seatrial.host.process import find_program
from seatrial.host.recipes import RECIPES
from seatrial.host.tree import paths_below
from seatrial.lock import FILE_NAME as LOCK_NAME
from seatrial.model.project import Project, Repository
from seatrial.model.request import Request

# Files whose appearance alone changes the build, looked for beside and above the service.
_ABOVE = ("go.work", "go.mod")
_BESIDE = (
    FILE_NAME,
    LOCK_NAME,
    "pyproject.toml",
    *RECIPES,
    "go.sum",
    "vendor/modules.txt",
    ".orchestrion.yml",
    "orchestrion.tool.go",
)


def watched_paths(
    project: Project, request: Request, files: tuple[tuple[str, str], ...] = ()
) -> tuple[str, ...]:
    """Return every path whose state decides whether the build must be looked at again.

    A path that is not there is watched too. Directories are watched for files that appear.
    files: what ``[image] files`` names.
    """
    found = (*_paths(project, request), *paths_below(files, project.root))
    return tuple(sorted({str(path) for path in found}))


def _paths(project: Project, request: Request) -> Iterator[Path]:
    if project.root != request.root:  # prepared in a copy: any file may have been read by a command
        yield from _tree(project.repository.top if project.repository else request.root)
    else:
        yield from project.inputs
        yield from project.input_directories
    for folder in (request.root, *request.root.parents):
        yield from (folder / name for name in _ABOVE)
    for folder in {request.root, *(() if project.root != request.root else (project.module.directory,))}:
        yield from (folder / name for name in _BESIDE)
    if request.config_file:
        yield request.config_file
    go = Path(find_program("go", request.env.get("PATH", "")))
    yield from (go, go.resolve(), go.resolve().parent.parent / "VERSION")
    home = Path(request.env.get("HOME", os.path.expanduser("~")))
    settings = request.env.get("GOENV") or Path(
        request.env.get("XDG_CONFIG_HOME") or home / ".config", "go/env"
    )
    yield Path(settings)
    if project.repository:
        yield from _repository_paths(project.repository, request)


def _tree(top: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(top):
        if ".git" in folders:
            folders.remove(".git")
        yield Path(folder)
        yield from (Path(folder, name) for name in names)


def _repository_paths(repository: Repository, request: Request) -> Iterator[Path]:
    """The revision, the version and "-dirty" are read off git: its references, and every tracked file."""
    git_dir = repository.git_dir
    common = git_dir / "commondir"
    shared = (git_dir / common.read_text().strip()).resolve() if common.exists() else git_dir
    yield from (git_dir / "HEAD", git_dir / "index", shared / "packed-refs", shared / "config")
    for folder, _, names in os.walk(shared / "refs"):
        yield Path(folder)
        yield from (Path(folder, name) for name in names)
    folders = set()
    for name in tracked_files(repository.top, request.env):
        path = repository.top / name
        folders.add(path.parent)
        yield path
    yield from folders
