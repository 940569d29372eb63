"""The small files that are read while the layers pass by: package databases, /etc, and all for secrets."""

from __future__ import annotations

from typing import Final

from seatrial.formats.etc_files import parse_os_release, parse_passwd
from seatrial.formats.package_databases import parse_apk_installed, parse_dpkg_status
from seatrial.model.facts import PackageFact, PathFact, SecretFact
from seatrial.observe.merge import MergedPaths
from seatrial.observe.secrets import LARGEST_SCANNED, may_hold_secret, secret_by_path, secrets_in_file

_LARGEST_DATABASE: Final = 16 << 20
_MOST_SECRETS: Final = 1000
_DPKG: Final = "var/lib/dpkg/status"
_DPKG_PARTS: Final = "var/lib/dpkg/status.d/"
_APK: Final = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
_PASSWD: Final = "etc/passwd"  # noqa: S105 - a path
_OS_RELEASE: Final = ("etc/os-release", "usr/lib/os-release")
_KEPT: Final = frozenset((_DPKG, *_APK, _PASSWD, *_OS_RELEASE))
_RPM: Final = tuple(
    f"{place}/{name}"
    for place in ("var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm")
    for name in ("rpmdb.sqlite", "Packages.db", "Packages")
)


class Contents:
    """What was read of an image's small files. Every layer's, so also of those that a higher one hides."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[PathFact, bytes]] = {}
        self._secrets: list[tuple[PathFact, str, str]] = []

    def wants(self, fact: PathFact) -> bool:
        """Whether the content of this file is to be read and given to ``take``."""
        if fact.kind != "file" or fact.size_bytes == 0:
            return False
        if _is_kept(fact.path):
            return fact.size_bytes <= _LARGEST_DATABASE
        return fact.size_bytes <= LARGEST_SCANNED and may_hold_secret(fact.path)

    def take(self, fact: PathFact, content: bytes) -> None:
        """Look at one file: a database is kept until the end, a secret is noted and not kept."""
        if _is_kept(fact.path):
            self._kept[fact.path] = (fact, content)
        if len(content) > LARGEST_SCANNED or len(self._secrets) >= _MOST_SECRETS:
            return
        by_path = secret_by_path(fact)
        if by_path is not None:
            self._secrets.append((fact, *by_path))
        self._secrets.extend((fact, fact.path, kind) for kind in secrets_in_file(fact, content))

    def secrets(self, merged: MergedPaths) -> tuple[SecretFact, ...]:
        """Return what was found in files, in order; merged: of all layers, which tells what is hidden."""
        return tuple(
            SecretFact(path=path, kind=kind, layer=fact.layer, is_hidden=merged.get(fact.path) is not fact)
            for fact, path, kind in self._secrets
        )

    def packages(self, merged: MergedPaths) -> tuple[PackageFact, ...]:
        """Return the packages that the databases of the merged image list, sorted by name."""
        found: list[PackageFact] = []
        for path in sorted(self._kept):
            content = self._content(path, merged)
            if path == _DPKG or path.startswith(_DPKG_PARTS):
                found.extend(parse_dpkg_status(content))
            elif path in _APK:
                found.extend(parse_apk_installed(content))
        return tuple(sorted(set(found), key=lambda package: (package.name, package.version)))

    def os_release(self, merged: MergedPaths) -> tuple[tuple[str, str], ...]:
        """Return /etc/os-release, or what takes its place (os-release(5)); empty without one."""
        for path in _OS_RELEASE:
            content = self._content(merged.resolve(path) or "", merged)
            if content:
                return parse_os_release(content)
        return ()

    def users(self, merged: MergedPaths) -> tuple[tuple[str, int], ...] | None:
        """Return (name, uid) of /etc/passwd; None without one."""
        content = self._content(merged.resolve(_PASSWD) or "", merged)
        return parse_passwd(content) if content else None

    def _content(self, path: str, merged: MergedPaths) -> bytes:
        fact, content = self._kept.get(path, (None, b""))
        return content if fact is not None and merged.get(path) is fact else b""


def unread_databases(merged: MergedPaths) -> tuple[str, ...]:
    """Return sentences about what is there and was not looked into."""
    found = (merged.get(path) for path in _RPM)
    return tuple(
        f"the RPM database /{fact.path} was not read, so its packages are not listed"
        for fact in found
        if fact is not None and fact.kind == "file"
    )


def _is_kept(path: str) -> bool:
    return path in _KEPT or (path.startswith(_DPKG_PARTS) and not path.endswith(".md5sums"))
