"""One table of tags; everything that gives tags is run on the same real repositories."""

from __future__ import annotations

import functools
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from workflow_runner import read_yaml

from scaffold_values import SERVICE
from seatrial.cli.tags import run as run_tags
from seatrial.formats.jsonvalue import as_list, as_table, table_at, text_at, texts_at
from seatrial.host.git import read_repository
from seatrial.host.git_names import read_names
from seatrial.scaffold.ci import render_github, render_gitlab
from seatrial.scaffold.make import render_makefile
from seatrial.tags import image_tags
from tagged_repositories import CASES, ENV, Case, filled, github, make_repository

SCRIPT = Path(__file__).parents[2] / "src/seatrial/scaffold/templates/version/image-tags.sh"
SHELLS = tuple(shell for shell in ("dash", "bash", "busybox") if shutil.which(shell))


def script(directory: Path, env: Mapping[str, str], mode: str, shell: str = "sh") -> tuple[int, str]:
    words = ("busybox", "sh") if shell == "busybox" else (shell,)
    done = subprocess.run(
        (*words, str(SCRIPT), mode), cwd=directory, env={**ENV, **env}, capture_output=True, check=False
    )
    return done.returncode, done.stdout.decode(errors="surrogateescape")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_command_and_script_follow_the_table(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = make_repository(tmp_path / "r", case, {})
    tags = [filled(tag, directory) for tag in case.tags]
    version = filled(case.version, directory)

    for name in set(monkeypatch_names()) - set(case.env):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**ENV, **case.env}.items():
        monkeypatch.setenv(name, value)
    code = run_tags([str(directory), "--json", "--pushable"])
    found = json.loads(capsys.readouterr().out)
    assert (found["tags"], found["version"]) == (tags, version)
    # What `seatrial build` fills into -ldflags and labels: else its program would not be make's.
    repository = read_repository(directory, {**ENV, **case.env})
    assert repository is not None
    assert repository.version == version
    assert (code == 0, found["is_pushable"]) == (case.is_pushable, case.is_pushable)

    for shell in SHELLS:
        assert script(directory, case.env, "tags", shell) == (0, "".join(f"{tag}\n" for tag in tags)), shell
        assert script(directory, case.env, "version", shell) == (0, f"{version}\n"), shell
        assert (script(directory, case.env, "pushable", shell)[0] == 0) == case.is_pushable, shell


KEPT = {
    "Makefile": render_makefile(SERVICE),
    "scripts/image-tags.sh": SCRIPT.read_text(),
    ".gitignore": "output\n",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_make_and_both_pipelines_follow_the_table(case: Case, tmp_path: Path) -> None:
    kept = {f"{case.directory}/{name}": text for name, text in KEPT.items()}
    directory = make_repository(tmp_path / "r", case, kept)
    tags = [filled(tag, directory) for tag in case.tags]
    version = filled(case.version, directory)
    env = {**ENV, **case.env}

    def run(*argv: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, cwd=directory, env={**env, **more}, capture_output=True, text=True, check=False
        )

    assert run("make", "-s", "tags").stdout.split() == tags
    assert run("make", "-s", "--eval=version: ; @echo $(VERSION)", "version").stdout == f"{version}\n"

    github = run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", github_step(), **files(directory))
    gitlab = run("sh", "-e", "-c", gitlab_lines() + '\necho "$VERSION"; echo "$tags"')
    is_request = case.env.get("GITHUB_EVENT_NAME") == "pull_request"
    if case.is_pushable or is_request:
        output = (directory / "output").read_text()
        assert github.returncode == 0, github.stderr
        assert f"version={version}\ntags={' '.join(tags)} \n" in output
        assert f"VERSION={version}\n" in output
    else:
        assert github.returncode != 0
        assert not (directory / "output").exists()
    if case.is_pushable or "CI_MERGE_REQUEST_IID" in case.env:
        assert gitlab.stdout.split() == [version, *tags], gitlab.stderr
    else:
        assert gitlab.returncode != 0
        assert not gitlab.stdout


def files(directory: Path) -> dict[str, str]:
    """Give the workflow's step one file for all that it writes."""
    return dict.fromkeys(("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"), str(directory / "output"))


@functools.cache
def github_step() -> str:
    """Return the step that names the image."""
    build = table_at(table_at(read_yaml(render_github(SERVICE)), "jobs"), "build")
    steps = [as_table(step) for step in as_list(build["steps"])]
    (script,) = (text_at(step, "run") for step in steps if step.get("id") == "name")
    return script


@functools.cache
def gitlab_lines() -> str:
    """Return the lines of the build job that name the image: all before make."""
    lines = texts_at(table_at(read_yaml(render_gitlab(SERVICE)), "build"), "script")
    return "\n".join(itertools.takewhile(lambda line: not line.startswith("make"), lines))


def monkeypatch_names() -> tuple[str, ...]:
    """Return what a pipeline around these tests may have set."""
    import os

    return tuple(name for name in os.environ if name not in ENV)


@pytest.fixture(scope="module")
def checkout() -> Path:
    return make_repository(
        Path(tempfile.mkdtemp(prefix="seatrial-tags-")) / "r", Case(name="", tags=(), version=""), {}
    )


# What git allows in the name of a branch, and more: CI's variables may hold anything but NUL.
NAMES = st.one_of(
    st.text(
        st.characters(blacklist_characters="\0\n", blacklist_categories=["Cs"]), min_size=1, max_size=150
    ),
    st.text("ab1.-_/", min_size=1),
    st.binary(min_size=1, max_size=20)
    .filter(lambda data: not {0, 10} & set(data))
    .map(lambda data: data.decode(errors="surrogateescape")),
    st.sampled_from(
        ["latest", "edge", "1.4", "pr-7", "sha-1", "a-dirty", "a-0123abcd", "-", ".", "main", "x" * 300]
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, kind=st.sampled_from(["heads", "tags"]))
def test_any_name_gives_the_same_tag_in_shell(checkout: Path, name: str, kind: str) -> None:
    env = github(f"refs/{kind}/{name}")
    expected = image_tags(read_names(checkout, ENV), env)
    assert script(checkout, env, "tags") == (0, "".join(f"{tag}\n" for tag in expected.tags))
    assert script(checkout, env, "version") == (0, f"{expected.version}\n")


def test_without_a_commit_there_is_nothing_to_name(tmp_path: Path) -> None:
    code, output = script(tmp_path, {}, "tags")
    assert (code, output) == (1, "")
    done = subprocess.run(
        (sys.executable, "-m", "seatrial", "tags"),
        cwd=tmp_path,
        env=ENV,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "no git commit" in done.stderr
