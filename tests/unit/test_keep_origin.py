"""A project of a prepared copy, named in the user's own tree; what lies elsewhere stays where it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from go_project import go_project
from seatrial.keep.origin import in_the_tree
from seatrial.model.project import LocalModule, Repository

COPY = Path("/cache/prepared/1/tree")
TOP = Path("/home/u/repo")


def test_paths_of_the_copy_are_those_of_the_tree_and_others_stay() -> None:
    project = go_project(COPY / "svc")
    elsewhere = LocalModule(path="example.com/lib", directory=Path("/srv/lib"))
    beside = LocalModule(path="example.com/beside", directory=COPY / "beside")
    copied = replace(
        project,
        members=(*project.members, beside, elsewhere),
        workspace=COPY / "go.work",
        inputs=(Path("/srv/lib/lib.go"), COPY / "svc/made.txt"),
        repository=Repository(
            top=TOP,
            tree=COPY,
            git_dir=TOP / ".git",
            revision="",
            commit_epoch_s=0,
            version="",
            is_dirty=False,
            source_url="",
        ),
    )
    found = in_the_tree(copied, TOP / "svc")
    assert (found.root, found.module.directory) == (TOP / "svc", TOP / "svc")
    assert [member.directory for member in found.members] == [TOP / "svc", TOP / "beside", Path("/srv/lib")]
    assert found.workspace == TOP / "go.work"
    assert found.inputs == (Path("/srv/lib/lib.go"), TOP / "svc/made.txt")
    assert found.repository is not None
    assert found.repository.tree == TOP


def test_without_a_copy_or_a_repository() -> None:
    project = go_project(TOP)
    assert in_the_tree(project, TOP) is project
    assert in_the_tree(go_project(COPY), TOP).main.directory == TOP
