"""What is built, by CI's word or git's, and the one word for its version: docs/tags.md says why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = "(0|[1-9][0-9]*)"
_RELEASE: Final = re.compile(
    rf"v({_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)", re.ASCII
)
_LONGEST_RELEASE: Final = 100
# A legal tag has 128 characters at most; this leaves room for the hash and for "-dirty".
LONGEST_NAME: Final = 100


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What is being built; at most one of the three is not "". request: a number, or "target"."""

    request: str = ""
    tag: str = ""
    branch: str = ""


def ci_origin(env: Mapping[str, str]) -> Origin:
    """Say what GitHub's or GitLab's variables call it; all "" elsewhere.

    CI checks out a commit, not a branch, and a tag and a branch may be on one commit: so its word counts.
    """
    kind, _, name = env.get("GITHUB_REF", "").removeprefix("refs/").partition("/")
    request = name.partition("/")[0] if kind == "pull" else ""
    tag = name if kind == "tags" else ""
    branch = name if kind == "heads" else ""
    if kind not in {"pull", "tags", "heads"}:
        request = env.get("CI_MERGE_REQUEST_IID", "")
        tag = env.get("CI_COMMIT_TAG", "")
        branch = env.get("CI_COMMIT_BRANCH", "")
    if env.get("GITHUB_EVENT_NAME") == "pull_request_target":
        # It has the base branch's ref and rights, for code that may be anyone's.
        request = "target"
    return Origin(request=request, tag=tag, branch=branch)


def source_version(directory: str, tags_here: Iterable[str], described: str, env: Mapping[str, str]) -> str:
    """Return one word for the source, legal as a tag: "1.4.2", "1.4.2-3-g<12 digits>"; see GitNames."""
    origin = ci_origin(env)
    tag = origin.tag if origin != Origin() else own_release(directory, tags_here)
    release = None if origin.request else read_release(tag, directory)
    if release:
        return release.version.replace("+", "_")
    last = described.rpartition("/")[2].removeprefix("v")
    return re.sub(r"[^A-Za-z0-9._-]", "_", last)[:LONGEST_NAME]


@dataclass(frozen=True, kw_only=True)
class Release:
    """A tag such as svc/v1.4.2-rc.1: prefix "svc/", version "1.4.2-rc.1", numbers (1, 4, 2)."""

    prefix: str
    version: str
    numbers: tuple[int, int, int]

    @property
    def is_plain(self) -> bool:
        """No pre-release and no build metadata: semver's order over these is the numbers'."""
        return self.version == ".".join(map(str, self.numbers))


def read_release(tag: str, directory: str) -> Release | None:
    """Read v1.4.2, or svc/v1.4.2 where ``directory`` ends in svc/; None for any other tag."""
    prefix, slash, last = tag.rpartition("/")
    prefix += slash
    found = _RELEASE.fullmatch(last)
    if not found or len(last) > _LONGEST_RELEASE or not f"/{directory}".endswith(f"/{prefix}"):
        return None
    return Release(prefix=prefix, version=found[1], numbers=(int(found[2]), int(found[3]), int(found[4])))


def own_release(directory: str, tags_here: Iterable[str]) -> str:
    """Return the highest release on the commit: a directory's own tag before the repository's."""
    found = [(tag, read_release(tag, directory)) for tag in tags_here]
    releases = [(tag, release) for tag, release in found if release]
    return max(releases, key=lambda pair: len(pair[1].prefix))[0] if releases else ""
