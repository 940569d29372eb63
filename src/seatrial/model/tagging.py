"""What git says of a checkout's names, and the tags that follow from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class GitNames:
    """The names around one commit, as git has them; all without ``refs/heads/`` and the like.

    commit: 40 or 64 hex. directory: what is tagged, from the repository's root: "" or "services/orders/".
    branch: "" when detached. default_branch: what origin's HEAD names, "" when the clone does not know.
    tags_here: on this commit, the highest version first. tags: all of this clone. described: ``git
    describe --tags --always`` over version tags. is_shallow: older commits and tags may be missing.
    """

    commit: str
    directory: str
    branch: str
    default_branch: str
    tags_here: tuple[str, ...]
    tags: tuple[str, ...]
    described: str
    is_dirty: bool
    is_shallow: bool


@dataclass(frozen=True, kw_only=True)
class ImageTags:
    """The tags of one image, the most exact first, each legal in a registry (OCI distribution-spec).

    version: one word for the source, legal as a tag, too. why_kept: why the image must not be pushed;
    "" when it may be. warnings: what could not be known, such as the newest release in a shallow clone.
    """

    tags: tuple[str, ...]
    version: str
    why_kept: str
    warnings: tuple[str, ...] = ()

    @property
    def is_pushable(self) -> bool:
        """The image may leave this machine."""
        return not self.why_kept
