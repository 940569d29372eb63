"""References to images, taken apart (distribution/reference: NAME[:TAG][@DIGEST])."""

from __future__ import annotations


def split_reference(reference: str) -> tuple[str, str, str]:
    """Return name, tag and digest of "NAME:TAG@sha256:…"; each may be ""."""
    rest, _, digest = reference.partition("@")
    name, colon, tag = rest.rpartition(":")
    return (name, tag, digest) if colon and "/" not in tag else (rest, "", digest)
