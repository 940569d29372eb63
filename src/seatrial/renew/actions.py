"""GitHub actions: the newest release's commit, by ``git ls-remote``, which no API's rate limit counts.

An annotated tag names a tag object; what runs is the commit behind it (gitrevisions(7), "<rev>^{}").
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from seatrial.errors import NetworkError, ToolFailed, UntrustedInput
from seatrial.host.process import run
from seatrial.renew.found import Group, Proposal
from seatrial.renew.versions import order_key, release_numbers

_LINE: Final = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\trefs/tags/(\S+?)(\^\{\})?")
# git sets these for hooks and aliases, and they would point it at the service's own repository.
_OF_A_REPOSITORY: Final = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
)


def repository_of(action: str) -> str:
    """Return "github/codeql-action" of "github/codeql-action/upload-sarif"."""
    return "/".join(action.split("/")[:2])


def read_tags(host: str, repository: str, env: Mapping[str, str], timeout_s: float) -> dict[str, str]:
    """Return each tag's commit (40 hex). host: a URL, such as "https://github.com".

    The user's own git settings decide (proxies, certificates, url.INSTEADOF); nothing is asked for on
    the terminal. Raises NetworkError with git's words, UntrustedInput (an answer that is no list).
    """
    url = f"{host.rstrip('/')}/{repository}"
    quiet = {name: value for name, value in env.items() if name not in _OF_A_REPOSITORY}
    slow = ("-c", "http.lowSpeedLimit=1", "-c", f"http.lowSpeedTime={max(1, int(timeout_s))}")
    with tempfile.TemporaryDirectory(prefix="seatrial-") as scratch:
        try:
            done = run(
                ("git", *slow, "ls-remote", "--tags", "--", url),
                cwd=Path(scratch),
                env=quiet | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
                timeout_s=timeout_s,
            )
        except ToolFailed as error:
            raise NetworkError(error.what, where=url) from error
    if done.returncode != 0:
        raise NetworkError(_reason(done.stderr.decode(errors="replace")), where=url)
    return parse_tags(done.stdout.decode(errors="replace"), url)


def _reason(words: str) -> str:
    """Return the line that says why; advice about access rights follows it."""
    lines = [line for line in words.splitlines() if line.strip()]
    fatal = [line.removeprefix("fatal: ") for line in lines if line.startswith("fatal: ")]
    return next(iter([*fatal, *reversed(lines)]), "no answer")


def parse_tags(text: str, where: str = "") -> dict[str, str]:
    """Read what ls-remote prints: tag -> commit, the peeled one where there are two."""
    found: dict[str, str] = {}
    peeled: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise UntrustedInput(f"{line[:80]!r} is no tag", where=where)
        (peeled if match[3] else found)[match[2]] = match[1]
    return found | peeled


def propose_action(name: str, pinned: str, tags: Mapping[str, str]) -> Proposal:
    """Return the newest release. pinned: "COMMIT VERSION", of which the version is a claim.

    A release's tag that names another commit than it did is held: tags do not move by themselves.
    """
    commit, _, claimed = pinned.partition(" ")
    key = f"actions.{name}"
    same = Proposal(name=key, group=Group.ACTIONS, before=pinned, after=pinned)
    releases = {tag: found for tag, found in tags.items() if tag.startswith("v") and release_numbers(tag)}
    own = max((tag for tag, found in releases.items() if found == commit), key=order_key, default="")
    if not releases:
        return _held(same, f"{repository_of(name)} has no release tag such as v1.2.3")
    if not own and claimed in releases:
        return _held(
            same,
            f"{claimed} names another commit now, {releases[claimed][:12]}: find out why before you take it",
        )
    base = own or claimed
    newest = max(releases, key=order_key)
    if order_key(newest) < order_key(base):
        return _held(same, f"{base} is not there, and the newest is {newest}")
    if newest == base:
        label = f"the commit is that of {own}" if own != claimed else ""
        return Proposal(name=key, group=Group.ACTIONS, before=pinned, after=f"{commit} {own}", why=label)
    return Proposal(
        name=key,
        group=Group.ACTIONS,
        before=pinned,
        after=f"{releases[newest]} {newest}",
        why=_why(base, newest),
    )


def _why(base: str, newest: str) -> str:
    before, after = order_key(base)[0][0], order_key(newest)[0][0]
    if before >= 0 and before != after:
        return f"the newest release; a new major one, v{before} to v{after}: read its notes"
    return "the newest release"


def _held(same: Proposal, reason: str) -> Proposal:
    return Proposal(name=same.name, group=same.group, before=same.before, after=same.after, held_by=reason)
