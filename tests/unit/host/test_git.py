"""What git knows, read without writing to the repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from seatrial.host.git import _public_url, read_repository, tracked_files

ENV = {
    **os.environ,
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


def git(directory: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.com")
    subprocess.run(("git", *identity, *arguments), cwd=directory, env=ENV, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "svc").mkdir()
    (tmp_path / "svc" / "main.go").write_text("package main\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def test_no_checkout_is_none(tmp_path: Path) -> None:
    assert read_repository(tmp_path, ENV) is None


def test_revision_time_and_version(checkout: Path) -> None:
    git(checkout, "tag", "svc/v1.4.2")
    found = read_repository(checkout / "svc", ENV)
    assert found is not None
    assert found.top == checkout
    assert len(found.revision) == 40
    assert found.commit_epoch_s == 1767323045
    assert found.version == "1.4.2"
    assert not found.is_dirty
    (checkout / "svc" / "main.go").write_text("package main // changed\n")
    changed = read_repository(checkout / "svc", ENV)
    assert changed is not None
    assert changed.is_dirty
    assert changed.version == "1.4.2-dirty"
    assert tracked_files(checkout, ENV) == ("svc/main.go",)


def test_repository_without_a_commit_has_no_revision(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    found = read_repository(tmp_path, ENV)
    assert found is not None
    assert (found.revision, found.commit_epoch_s, found.version) == ("", 0, "")


def test_reading_does_not_write_the_index(checkout: Path) -> None:
    (checkout / "svc" / "main.go").touch()  # a stale index entry, which a plain `git status` refreshes
    before = (checkout / ".git" / "index").stat().st_mtime_ns
    read_repository(checkout, ENV)
    assert (checkout / ".git" / "index").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("https://user:secret@git.example.com/a/b.git", "https://git.example.com/a/b"),
        ("git@git.example.com:a/b.git", "https://git.example.com/a/b"),
        ("ssh://git@git.example.com/a/b", "https://git.example.com/a/b"),
        ("/srv/git/a.git", ""),
        ("file:///srv/git/a.git", ""),
    ],
)
def test_published_address_holds_no_secret(url: str, public: str) -> None:
    assert _public_url(url) == public
