"""The bases that can be assembled, as data: suites, package lists, signers, end of support."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Final

DEFAULT_MIRROR: Final = "https://deb.debian.org/debian"

# Fingerprints of the primary keys, as published on https://ftp-master.debian.org/keys.html.
_AUTOMATIC_12: Final = "b8b80b5b623eab6ad8775c45b7c5d7d6350947f8"
_AUTOMATIC_13: Final = "04b54c3cdca79751b16bc6b5225629df75b188bd"
_RELEASE_12: Final = "4d64fec119c2029067d6e791f8d2585b8783d481"
_RELEASE_13: Final = "41587f7db8c774bccf131416762f67a0b2c39de4"

# The files in base/keys, which are those of the package debian-archive-keyring 2025.1.
KEY_FILES: Final = {
    _AUTOMATIC_12: "debian-archive-bookworm-automatic.pgp",
    _AUTOMATIC_13: "debian-archive-trixie-automatic.pgp",
    _RELEASE_12: "debian-archive-bookworm-stable.pgp",
    _RELEASE_13: "debian-archive-trixie-stable.pgp",
}


class Shape(Enum):
    """What is made of the packages."""

    STATIC = "static"
    SCRATCH = "scratch"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One base. signers: fingerprints that may sign the suite; the archive's security keys may not."""

    name: str
    shape: Shape
    suite: str
    distro: str
    packages: tuple[str, ...]
    signers: frozenset[str]
    supported_until: date


@dataclass(frozen=True, kw_only=True)
class DebianSettings:
    """Where packages come from.

    mirrors: archive roots to try in order (http, https or file URLs); when empty, the machine's own
    apt sources, then deb.debian.org. suite: another suite of the archive than the base's own.
    keyring: a file of OpenPGP certificates, all of which are trusted, instead of Debian's keys.
    apt: the directory of the machine's apt sources.
    """

    mirrors: tuple[str, ...] = ()
    suite: str = ""
    keyring: Path | None = None
    apt: Path = field(default=Path("/etc/apt"))


_SIGNERS_12: Final = frozenset({_AUTOMATIC_12, _AUTOMATIC_13, _RELEASE_12})
_SIGNERS_13: Final = frozenset({_AUTOMATIC_12, _AUTOMATIC_13, _RELEASE_13})

RECIPES: Final = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="debian-13",
            shape=Shape.STATIC,
            suite="trixie",
            distro="debian-13",
            packages=("base-files", "ca-certificates", "media-types", "netbase", "tzdata", "tzdata-legacy"),
            signers=_SIGNERS_13,
            supported_until=date(2028, 8, 9),
        ),
        Recipe(
            name="debian-12",
            shape=Shape.STATIC,
            suite="bookworm",
            distro="debian-12",
            packages=("base-files", "ca-certificates", "media-types", "netbase", "tzdata"),
            signers=_SIGNERS_12,
            supported_until=date(2026, 6, 10),
        ),
        Recipe(
            name="scratch",
            shape=Shape.SCRATCH,
            suite="trixie",
            distro="debian-13",
            packages=("ca-certificates", "tzdata", "tzdata-legacy"),
            signers=_SIGNERS_13,
            supported_until=date(2028, 8, 9),
        ),
    )
}

# Debian's name of what OCI calls an architecture (GOARCH).
ARCHITECTURES: Final = {
    "amd64": "amd64",
    "arm64": "arm64",
    "arm": "armhf",
    "386": "i386",
    "ppc64le": "ppc64el",
    "s390x": "s390x",
    "riscv64": "riscv64",
}
