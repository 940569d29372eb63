"""What git knows of a directory. Reads only: optional locks are off, so the index is not refreshed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from seatrial.errors import MissingTool
from seatrial.host.process import run
from seatrial.model.origin import source_version
from seatrial.model.project import Repository

_TIMEOUT_S = 60.0
# The commit's tags, the highest version first: without the suffixes, git's order puts v1.0.0-rc.1 and
# v1.0.0+b after v1.0.0.
TAGS_HERE = (
    *("-c", "versionsort.suffix=-", "-c", "versionsort.suffix=+"),
    *("tag", "--points-at", "HEAD", "--sort=-v:refname"),
)


def read_repository(directory: Path, env: Mapping[str, str]) -> Repository | None:
    """Describe the git checkout around ``directory``; None when there is none (or no git here).

    Raises nothing for an unusable checkout (dubious ownership, no commit): a service without a
    revision can still be built, it only says less of its origin.
    """
    head = ask_git(directory, env, "rev-parse", "--show-toplevel", "--absolute-git-dir")
    if head is None:
        return None
    top, git_dir = head.splitlines()
    commit = ask_git(directory, env, "log", "-1", "--no-show-signature", "--format=%H %ct")
    revision, _, committed = (commit or "").partition(" ")
    is_dirty = bool(ask_git(directory, env, "status", "--porcelain"))
    version = _version(directory, env) if revision else ""
    return Repository(
        top=Path(top),
        tree=Path(top),
        git_dir=Path(git_dir),
        revision=revision,
        commit_epoch_s=int(committed or 0),
        version=version + ("-dirty" if version and is_dirty else ""),
        is_dirty=is_dirty,
        source_url=_public_url(ask_git(directory, env, "remote", "get-url", "origin") or ""),
    )


def ask_git(directory: Path, env: Mapping[str, str], *arguments: str) -> str | None:
    """Return git's output without its last line end; None when it fails, or there is no git."""
    quiet = {name: value for name, value in env.items() if not name.startswith("GIT_")}
    quiet |= {name: value for name, value in env.items() if name.startswith("GIT_SSL")}
    try:
        done = run(
            ("git", *arguments),
            cwd=directory,
            env=quiet | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            timeout_s=_TIMEOUT_S,
        )
    except MissingTool:
        return None
    return done.stdout.decode(errors="surrogateescape").rstrip("\n") if done.returncode == 0 else None


def _version(directory: Path, env: Mapping[str, str]) -> str:
    """Return the version that ``seatrial tags`` and the kept Makefile have for the same checkout."""
    prefix = ask_git(directory, env, "rev-parse", "--show-prefix") or ""
    tags = ask_git(directory, env, *TAGS_HERE) or ""
    return source_version(prefix, tags.split("\n"), describe(directory, env, prefix), env)


def describe(directory: Path, env: Mapping[str, str], prefix: str) -> str:
    """Return git's name for the commit by version tags, also those of ``prefix``, such as "svc/"."""
    matches = ("--match", "v[0-9]*", "--match", f"{prefix}v[0-9]*")
    # Not --dirty: it writes the index in spite of GIT_OPTIONAL_LOCKS, and overlooks untracked files.
    return ask_git(directory, env, "describe", "--tags", "--always", "--abbrev=12", *matches) or ""


def _public_url(url: str) -> str:
    """Return an address that may be published: no user name, no password, https for scp-like forms."""
    scp_like = re.fullmatch(r"(?:[^@/]+@)?([^:/]+):(?!//)(.+)", url)
    if scp_like:
        return f"https://{scp_like[1]}/{scp_like[2]}".removesuffix(".git")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https", "ssh", "git"} or not parts.hostname:
        return ""
    scheme = "https" if parts.scheme in {"ssh", "git"} else parts.scheme
    return urlunsplit((scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")).removesuffix(".git")


def tracked_files(top: Path, env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names, relative to ``top``, of the files that git tracks."""
    listed = ask_git(top, env, "ls-files", "-z", "--recurse-submodules") or ""
    return tuple(name for name in listed.split("\0") if name)
