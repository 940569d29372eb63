"""What was needed to make the image, and helps only an attacker once it is made."""

from __future__ import annotations

import re
from typing import Final

from seatrial.checks.rule import Rule, sample
from seatrial.model.facts import PathFact, StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

NO_PACKAGE_MANAGER: Final = Rule(
    id="image.no-package-manager",
    severity=Severity.MEDIUM,
    reference="NIST SP 800-190, 4.1.2; CIS Docker 4.3",
)
NO_BUILD_LEFTOVERS: Final = Rule(
    id="image.no-build-leftovers",
    severity=Severity.LOW,
    reference="CIS Docker 4.3; Docker build best practices",
)

_MANAGERS: Final = (
    "apt", "apt-get", "aptitude", "dpkg", "apk", "yum", "dnf", "dnf5", "microdnf", "tdnf", "rpm", "zypper",
    "pacman", "emerge", "opkg", "xbps-install",
)  # fmt: skip
_COMPILERS: Final = re.compile(
    r"(?:[a-z0-9_]+-linux-[a-z]+-)?(?:gcc|g\+\+|cc1|clang|rustc|cargo|javac)(?:-[0-9.]+)?"
)
_NAMES: Final = (
    "Dockerfile", "Containerfile", "docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml",
    ".dockerignore", ".gitlab-ci.yml", ".travis.yml", "Jenkinsfile", "go.mod", "go.sum", "Cargo.toml",
    "Cargo.lock",
)  # fmt: skip
_DIRECTORIES: Final = frozenset((".github", ".circleci", ".vscode", ".idea", "testdata"))
_CACHES: Final = re.compile(
    r"usr/local/go/bin/go|(?:root|home/[^/]+)/\.cache/(?:go-build|pip)/.+|(?:root|home/[^/]+)/\.npm/_cacache/.+"
    r"|(?:root/)?go/pkg/mod/.+|var/lib/apt/lists/[^/]+_Packages(?:\.\w+)?|var/cache/apt/archives/[^/]+\.deb"
    r"|var/cache/apk/[^/]+\.tar\.gz"
)
# Packages of a language bring such files as their own, and a service may read them.
_OTHERS: Final = frozenset(("site-packages", "dist-packages", "node_modules", "share", "vendor"))
_IN_A_BIN: Final = re.compile(r"(?:.*/)?s?bin/[^/]+|usr/libexec/gcc/.*|usr/lib/gcc/.*")


def check_no_package_manager(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as all
    """Look for programs, or links, with a distribution's package manager's name."""
    found = [f"/{path.path}" for path in facts.paths if _is_program(path) and _name(path) in _MANAGERS]
    if found:
        return NO_PACKAGE_MANAGER.fails(
            f"the image can install software: {sample(found)}", 'use the base "debian-13" or "scratch"'
        )
    return NO_PACKAGE_MANAGER.passes("no package manager")


def check_no_build_leftovers(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as all
    """Look for compilers, sources, caches and the recipes of builds."""
    found = [f"/{path.path}" for path in facts.paths if _is_leftover(path)]
    if found:
        return NO_BUILD_LEFTOVERS.fails(
            f"left over from building: {sample(found)}",
            "copy only the program and what it reads into the last stage of the build",
        )
    return NO_BUILD_LEFTOVERS.passes("nothing left over from building")


def _is_leftover(path: PathFact) -> bool:
    name, parts = _name(path), path.path.split("/")
    if path.kind == "directory":
        return name in _DIRECTORIES and _OTHERS.isdisjoint(parts)
    if path.kind == "file" and _CACHES.fullmatch(path.path):
        return True
    if _is_program(path) and _COMPILERS.fullmatch(name):
        return True
    is_source = name in _NAMES or name.endswith("_test.go")
    return path.kind == "file" and is_source and _OTHERS.isdisjoint(parts)


def _is_program(path: PathFact) -> bool:
    is_started = path.kind == "symlink" or (path.kind in {"file", "hardlink"} and bool(path.mode & 0o111))
    return is_started and _IN_A_BIN.fullmatch(path.path) is not None


def _name(path: PathFact) -> str:
    return path.path.rpartition("/")[2]
