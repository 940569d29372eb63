"""A service that was read in a prepared copy -> the same, in the user's own tree, where files are kept."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from seatrial.model.project import LocalModule, Project


def in_the_tree(project: Project, root: Path) -> Project:
    """Return the project with every path of the copy made one of the tree.

    root: the directory that was asked for, of which ``project.root`` is a copy when ``[build] prepare``
    has commands. A path of neither, as of the module cache, stays. The inputs that only a command makes
    are named, too, and are not there.
    """
    if project.root == root:
        return project
    repository = project.repository
    copy = repository.tree if repository else project.root

    def moved(path: Path) -> Path:
        if not path.is_relative_to(copy):
            return path
        return Path(os.path.normpath(root / os.path.relpath(path, project.root)))

    def module(found: LocalModule) -> LocalModule:
        return replace(found, directory=moved(found.directory))

    return replace(
        project,
        root=root,
        module=module(project.module),
        members=tuple(module(member) for member in project.members),
        workspace=moved(project.workspace) if project.workspace else None,
        main=replace(project.main, directory=moved(project.main.directory)),
        inputs=tuple(moved(path) for path in project.inputs),
        input_directories=tuple(moved(path) for path in project.input_directories),
        repository=replace(repository, tree=repository.top) if repository else None,
        aspects=moved(project.aspects) if project.aspects else None,
    )
