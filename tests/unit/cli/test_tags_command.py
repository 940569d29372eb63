"""``seatrial tags`` as a person and a script read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.cli.tags import run
from seatrial.errors import ConfigError, ProjectError
from tagged_repositories import Case, git, make_repository

RELEASE = Case(name="", git=(("tag", "v1.4.2"),), tags=(), version="")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (
        "GITHUB_REF",
        "GITHUB_EVENT_NAME",
        "CI_COMMIT_TAG",
        "CI_COMMIT_BRANCH",
        "CI_MERGE_REQUEST_IID",
    ):
        monkeypatch.delenv(name, raising=False)
    return make_repository(tmp_path / "r", RELEASE, {})


def test_one_tag_a_line_the_most_exact_first(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([str(repository)]) == 0
    assert capsys.readouterr().out == "1.4.2\n1.4\n1\nlatest\n"


def test_image_gives_whole_references(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([str(repository), "--image", "ghcr.io/me/orders"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "ghcr.io/me/orders:1.4.2"


def test_changed_files_fail_only_where_it_was_asked(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository / "new.go").write_text("package main\n")
    assert run([str(repository)]) == 0
    assert run([str(repository), "--pushable"]) == 1
    said = capsys.readouterr()
    assert said.out == "1.4.2-dirty\n" * 2
    assert "not to be pushed: there are changed files" in said.err


def test_shallow_clone_warns_on_standard_error(
    repository: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(repository, "commit", "-q", "--allow-empty", "-m", "next")
    git(repository, "tag", "v1.4.3")
    git(tmp_path, "clone", "-q", "--depth=1", "--branch=v1.4.3", f"file://{repository}", "shallow")
    assert run([str(tmp_path / "shallow")]) == 0
    said = capsys.readouterr()
    assert said.out == "1.4.3\n"
    assert "shallow clone" in said.err


def test_places_without_a_commit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a directory"):
        run([str(tmp_path / "missing")])
    with pytest.raises(ProjectError, match="no git commit"):
        run([str(tmp_path)])
