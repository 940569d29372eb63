"""The names that git has for a commit: branch, tags, version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seatrial.errors import ProjectError
from seatrial.host.git import TAGS_HERE, ask_git, describe
from seatrial.host.process import find_program
from seatrial.model.tagging import GitNames


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
    return GitNames(
        commit=commit,
        directory=prefix,
        # Not --short: it says heads/main where a tag is called main, too.
        branch=ask("symbolic-ref", "--quiet", "HEAD").removeprefix("refs/heads/"),
        default_branch=ask("symbolic-ref", "--quiet", "refs/remotes/origin/HEAD").removeprefix(
            "refs/remotes/origin/"
        ),
        tags_here=_lines(ask(*TAGS_HERE)),
        tags=_lines(ask("for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags")),
        described=describe(directory, env, prefix),
        is_dirty=bool(ask("status", "--porcelain")),
        is_shallow=ask("rev-parse", "--is-shallow-repository") == "true",
    )


def _lines(output: str) -> tuple[str, ...]:
    """Split at line ends only: the name of a tag may hold what Unicode calls a line separator."""
    return tuple(line for line in output.split("\n") if line)
