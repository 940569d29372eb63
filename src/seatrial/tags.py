"""The tags of an image, from git and CI. scaffold/templates/version/image-tags.sh is the same rule in shell.

Release v1.4.2: ``1.4.2``, and ``1.4``, ``1``, ``latest``, each where no newer release has it. The default
branch: ``edge``, ``sha-…``. Another branch: its name, made legal. A pull request: ``pr-N``. Changed
files: ``-dirty``. docs/tags.md says why.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Final

from seatrial.model.origin import (
    LONGEST_NAME,
    Origin,
    Release,
    ci_origin,
    own_release,
    read_release,
    source_version,
)
from seatrial.model.tagging import GitNames, ImageTags

_ILLEGAL: Final = re.compile(r"[^A-Za-z0-9._-]+")
# Names that mean another kind of tag here, and what a hashed name looks like.
_RESERVED: Final = re.compile(r"latest$|edge$|sha-|pr-|[0-9]|.*(?:-dirty|-[0-9a-f]{8})$")


def image_tags(names: GitNames, env: Mapping[str, str]) -> ImageTags:
    """Return the tags of the image built from a checkout. env: where CI says what it builds."""
    origin = ci_origin(env)
    if origin == Origin():
        origin = Origin(tag=own_release(names.directory, names.tags_here), branch=names.branch)
    suffix = "-dirty" if names.is_dirty else ""
    release = None if origin.request else read_release(origin.tag, names.directory)
    warnings: tuple[str, ...] = ()
    if origin.request:
        tags = [f"pr-{origin.request}"]
    elif release:
        tags = [release.version.replace("+", "_")]
        if release.is_plain and not names.is_dirty:
            if names.is_shallow:
                warnings = (_shallow_warning(release.version),)
            else:
                tags += _moving_tags(release, names)
    elif origin.tag:
        tags = [legal_tag(origin.tag, names.commit)]
    elif origin.branch and origin.branch not in _default_branches(names, env):
        tags = [legal_tag(origin.branch, names.commit)]
    else:
        tags = [*(["edge"] if origin.branch else []), f"sha-{names.commit[:12]}"]
    version = source_version(names.directory, names.tags_here, names.described, env)
    return ImageTags(
        tags=tuple(tag + suffix for tag in tags),
        version=version + suffix,
        why_kept=_why_kept(names, origin),
        warnings=warnings,
    )


def legal_tag(name: str, commit: str = "") -> str:
    """Return a legal tag for any name of a branch; two names get two tags.

    A tag is ``[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`` (OCI distribution-spec, "Pulling manifests"). A name that
    had to be changed, and one that looks like a tag of another kind ("latest", "1.4", "pr-7"), ends in
    git's hash of the name. commit: its length says which hash the repository has.
    """
    word = _ILLEGAL.sub("-", name).lstrip(".-")[:LONGEST_NAME]
    if word == name and word and not _RESERVED.match(word):
        return word
    content = name.encode(errors="surrogateescape")
    algorithm = hashlib.sha256 if len(commit) == 64 else hashlib.sha1
    digest = algorithm(b"blob %d\0" % len(content) + content).hexdigest()  # git hash-object
    return f"{word or 'branch'}-{digest[:8]}"


def _moving_tags(release: Release, names: GitNames) -> Iterator[str]:
    """Yield the tags that move from release to release, where this one is the newest that they may name.

    So building an old release again moves nothing back. 0.x promises nothing from one minor version to
    the next: there is no tag "0".
    """
    others = [read_release(tag, names.directory) for tag in names.tags]
    all_numbers = {
        other.numbers for other in others if other and other.is_plain and other.prefix == release.prefix
    } | {release.numbers}
    for length in (2, 1, 0):
        start = release.numbers[:length]
        is_newest = release.numbers == max(n for n in all_numbers if n[:length] == start)
        if is_newest and start != (0,):
            yield ".".join(map(str, start)) or "latest"


def _default_branches(names: GitNames, env: Mapping[str, str]) -> tuple[str, ...]:
    known = env.get("DEFAULT_BRANCH") or env.get("CI_DEFAULT_BRANCH") or names.default_branch
    return (known,) if known else ("main", "master")


def _why_kept(names: GitNames, origin: Origin) -> str:
    if names.is_dirty:
        return "there are changed files: git status"
    return "a pull request is built, not pushed" if origin.request else ""


def _shallow_warning(version: str) -> str:
    return (
        f"a shallow clone does not know whether {version} is the newest: "
        "fetch all of it for 1.4, 1 and latest"
    )
