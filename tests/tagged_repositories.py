"""Real git repositories in every state that has other tags, and the tags that each must have."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Where these tests run may be a pipeline itself: its words are not the repository's.
_FOREIGN = ("GITHUB_", "CI_", "GIT_", "DEFAULT_BRANCH")
ENV = {
    **{name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)},
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
}
COMMIT = "0123456789abcdef0123456789abcdef01234567"  # stands for the one that is checked out


@dataclass(frozen=True, kw_only=True)
class Case:
    """One state of a repository, and what must come of it.

    git: commands run after a first commit on main, in order. directory: where the tags are asked for.
    env: what CI says. tags, version: {sha} stands for the commit's first 12 digits.
    """

    name: str
    tags: tuple[str, ...]
    version: str
    git: tuple[tuple[str, ...], ...] = ()
    directory: str = "."
    env: Mapping[str, str] = field(default_factory=dict)
    is_dirty: bool = False
    is_shallow: bool = False
    is_pushable: bool = True


def github(ref: str, event: str = "push") -> dict[str, str]:
    """Return what GitHub sets (docs.github.com, "Default environment variables")."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REF": ref,
        "GITHUB_SHA": COMMIT,
        "GITHUB_EVENT_NAME": event,
        "DEFAULT_BRANCH": "main",
    }


def gitlab(**words: str) -> dict[str, str]:
    """Return what GitLab sets (docs.gitlab.com, "Predefined CI/CD variables")."""
    return {"GITLAB_CI": "true", "CI_COMMIT_SHA": COMMIT, "CI_DEFAULT_BRANCH": "main", **words}


_TAG = ("tag", "v1.4.2")
_FULL = ("1.4.2", "1.4", "1", "latest")
_EDGE = ("edge", "sha-{sha}")
_OFF = ("checkout", "-q", "--detach")
_NEXT = ("commit", "-q", "--allow-empty", "-m", "next")

CASES = (
    Case(name="main", tags=_EDGE, version="{sha}"),
    Case(
        name="main-dirty",
        tags=("edge-dirty", "sha-{sha}-dirty"),
        version="{sha}-dirty",
        is_dirty=True,
        is_pushable=False,
    ),
    Case(name="tag", git=(_TAG,), tags=_FULL, version="1.4.2"),
    Case(name="tag-annotated", git=(("tag", "-a", "v1.4.2", "-m", "x"),), tags=_FULL, version="1.4.2"),
    Case(
        name="tag-dirty",
        git=(_TAG,),
        tags=("1.4.2-dirty",),
        version="1.4.2-dirty",
        is_dirty=True,
        is_pushable=False,
    ),
    Case(
        name="two-tags",
        git=(("tag", "v1.4.10"), ("tag", "v1.4.9"), ("tag", "v1.4.10-rc.1"), ("tag", "v1.4.10+b")),
        tags=("1.4.10", "1.4", "1", "latest"),
        version="1.4.10",
    ),
    Case(name="after-tag", git=(_TAG, _NEXT), tags=_EDGE, version="1.4.2-1-g{sha}"),
    Case(name="pre-release", git=(("tag", "v1.5.0-rc.1"),), tags=("1.5.0-rc.1",), version="1.5.0-rc.1"),
    Case(name="build", git=(("tag", "v1.4.2+b.5"),), tags=("1.4.2_b.5",), version="1.4.2_b.5"),
    Case(name="zero", git=(("tag", "v0.4.2"),), tags=("0.4.2", "0.4", "latest"), version="0.4.2"),
    Case(name="detached", git=(_OFF,), tags=("sha-{sha}",), version="{sha}"),
    Case(name="no-release", git=(("tag", "v1.4"), ("tag", "1.4.2")), tags=_EDGE, version="1.4"),
    Case(
        name="module",
        git=(("tag", "svc/v1.0.0"), ("tag", "v9.0.0")),
        directory="svc",
        tags=("1.0.0", "1.0", "1", "latest"),
        version="1.0.0",
    ),
    Case(
        name="module-after",
        git=(("tag", "svc/v1.0.0"), _NEXT),
        directory="svc",
        tags=_EDGE,
        version="1.0.0-1-g{sha}",
    ),
    Case(name="other-module", git=(("tag", "other/v1.0.0"),), directory="svc", tags=_EDGE, version="{sha}"),
    Case(name="branch", git=(("checkout", "-q", "-b", "topic"),), tags=("topic",), version="{sha}"),
    Case(
        name="branch-slash",
        git=(("checkout", "-q", "-b", "feature/login"),),
        tags=("feature-login-1f2cdd33",),
        version="{sha}",
    ),
    Case(
        name="branch-and-tag-of-one-name",
        git=(("checkout", "-q", "-b", "same"), ("tag", "same")),
        tags=("same",),
        version="{sha}",
    ),
    Case(
        name="trunk",
        git=(
            ("checkout", "-q", "-b", "trunk"),
            ("update-ref", "refs/remotes/origin/trunk", "HEAD"),
            ("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"),
        ),
        tags=_EDGE,
        version="{sha}",
    ),
    Case(name="github-main", git=(_TAG, _OFF), env=github("refs/heads/main"), tags=_EDGE, version="1.4.2"),
    Case(name="github-tag", git=(_TAG, _OFF), env=github("refs/tags/v1.4.2"), tags=_FULL, version="1.4.2"),
    Case(
        name="github-old-tag",
        git=(_TAG, _NEXT, ("tag", "v1.10.0"), ("checkout", "-q", "v1.4.2")),
        env=github("refs/tags/v1.4.2"),
        tags=("1.4.2", "1.4"),
        version="1.4.2",
    ),
    Case(
        name="github-tag-shallow",
        git=(("tag", "v1.4.1"), _NEXT, _TAG),
        is_shallow=True,
        env=github("refs/tags/v1.4.2"),
        tags=("1.4.2",),
        version="1.4.2",
    ),
    Case(
        name="github-other-tag",
        git=(("tag", "nightly"),),
        env=github("refs/tags/nightly"),
        tags=("nightly",),
        version="{sha}",
    ),
    Case(
        name="github-branch",
        git=(_TAG, _OFF),
        env=github("refs/heads/topic"),
        tags=("topic",),
        version="1.4.2",
    ),
    Case(
        name="github-branch-latest",
        git=(_OFF,),
        env=github("refs/heads/latest"),
        tags=("latest-b9bc2fdc",),
        version="{sha}",
    ),
    Case(
        name="github-pull-request",
        git=(_OFF,),
        env=github("refs/pull/7/merge", "pull_request"),
        tags=("pr-7",),
        version="{sha}",
        is_pushable=False,
    ),
    Case(
        name="github-pull-request-target",
        env=github("refs/heads/main", "pull_request_target"),
        tags=("pr-target",),
        version="{sha}",
        is_pushable=False,
    ),
    Case(
        name="gitlab-main", git=(_TAG, _OFF), env=gitlab(CI_COMMIT_BRANCH="main"), tags=_EDGE, version="1.4.2"
    ),
    Case(
        name="gitlab-tag", git=(_TAG, _OFF), env=gitlab(CI_COMMIT_TAG="v1.4.2"), tags=_FULL, version="1.4.2"
    ),
    Case(
        name="gitlab-branch",
        git=(_OFF,),
        env=gitlab(CI_COMMIT_BRANCH="größe"),
        tags=("gr-e-f9a8389a",),
        version="{sha}",
    ),
    Case(
        name="gitlab-merge-request",
        git=(_TAG, _OFF),
        env=gitlab(CI_MERGE_REQUEST_IID="7"),
        tags=("pr-7",),
        version="1.4.2",
        is_pushable=False,
    ),
)


def git(directory: Path, *arguments: str) -> str:
    """Run git as a person without settings; fail the test when it fails."""
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.com")
    done = subprocess.run(
        ("git", *identity, *arguments), cwd=directory, env=ENV, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def make_repository(root: Path, case: Case, files: Mapping[str, str]) -> Path:
    """Make the repository of a case with ``files`` in its first commit; return where tags are asked for."""
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    for name, text in {"svc/main.go": "package main\n", **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    for command in case.git:
        git(root, *command)
    if case.is_shallow:
        shallow = root.with_name(root.name + "-shallow")
        git(root, "clone", "-q", "--depth=1", "--branch", "v1.4.2", f"file://{root}", str(shallow))
        root = shallow
    if case.is_dirty:
        (root / "svc/main.go").write_text("package main // changed\n")
    return root / case.directory


def filled(text: str, directory: Path) -> str:
    """Put the commit's digits into an expected word."""
    return text.replace("{sha}", git(directory, "rev-parse", "HEAD")[:12])
