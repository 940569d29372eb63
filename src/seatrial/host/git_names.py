"""The names that git has for a commit: branch, tags, version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seatrial.errors import ProjectError
from seatrial.host.git import ask_git
from seatrial.host.process import find_program
from seatrial.model.tagging import GitNames

# Without these, git's version order puts v1.0.0-rc.1 and v1.0.0+b after v1.0.0.
_VERSION_ORDER = ("-c", "versionsort.suffix=-", "-c", "versionsort.suffix=+")


def read_names(directory: Path, env: Mapping[str, str]) -> GitNames:
    """Read what git calls the commit that is checked out around ``directory``.

    Raises MissingTool (no git), ProjectError (no checkout that git will read, or no commit in it).
    """
    find_program("git", env.get("PATH", ""))

    def ask(*arguments: str) -> str:
        return ask_git(directory, env, *arguments) or ""

    commit = ask("rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        raise ProjectError(
            "there is no git commit to name an image after",
            where=str(directory),
            hint="git init && git commit; where git says 'dubious ownership': "
            "git config --global --add safe.directory DIRECTORY",
        )
    prefix = ask("rev-parse", "--show-prefix")
    at_head = ask(*_VERSION_ORDER, "tag", "--points-at", "HEAD", "--sort=-v:refname")
    matches = ("--match", "v[0-9]*", "--match", f"{prefix}v[0-9]*")
    return GitNames(
        commit=commit,
        directory=prefix,
        # Not --short: it says heads/main where a tag is called main, too.
        branch=ask("symbolic-ref", "--quiet", "HEAD").removeprefix("refs/heads/"),
        default_branch=ask("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD").removeprefix(
            "refs/remotes/origin/"
        ),
        tags_here=_lines(at_head),
        tags=_lines(ask("for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags")),
        described=ask("describe", "--tags", "--always", "--abbrev=12", *matches),
        is_dirty=bool(ask("status", "--porcelain")),
        is_shallow=ask("rev-parse", "--is-shallow-repository") == "true",
    )


def _lines(output: str) -> tuple[str, ...]:
    """Split at line ends only: the name of a tag may hold what Unicode calls a line separator."""
    return tuple(line for line in output.split("\n") if line)
