"""The archive: from a mirror to pins that a signature vouches for, and from pins to packages."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from seatrial.base.mirrors import find_mirrors
from seatrial.base.pins import Pins
from seatrial.base.recipe import DebianSettings, Recipe
from seatrial.errors import FormatError, NetworkError, UntrustedInput
from seatrial.formats.deb import Deb, read_deb
from seatrial.formats.deb822 import IndexedPackage, IndexFile, Release, parse_package, select_stanzas
from seatrial.formats.xz import decompress_xz
from seatrial.host.download import Fetcher, NotFoundError, shown_url

_LARGEST_RELEASE: Final = 4 << 20
_LARGEST_INDEX: Final = 512 << 20
_LARGEST_PACKAGE: Final = 256 << 20
_LEFT_AFTER_S: Final = 24 * 3600
_READ_BYTES: Final = 64 << 10
_MIRROR_HINT: Final = (
    "set [base] mirror in seatrial.toml, or SEATRIAL_DEBIAN_MIRROR, to a Debian archive that answers from"
    " here; once built, the same base needs no network"
)
_GONE_HINT: Final = (
    "archives drop a version once there is a newer one: seatrial lock --update, or set [base] mirror to a"
    " snapshot of the archive as it was, such as https://snapshot.debian.org/archive/debian/TIMESTAMP"
)

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Archive:
    """One way to Debian's packages. cache: a directory of ours; progress: told what is fetched."""

    settings: DebianSettings
    cache: Path
    fetcher: Fetcher
    progress: Callable[[str], None]

    def pin(self, recipe: Recipe, architecture: str, now: datetime) -> Pins:
        """Return the newest packages of a recipe for a Debian architecture, as its suite has them today.

        Reads InRelease and one Packages index; the next mirror is asked when one does not answer, but
        never when one answers with what cannot be trusted.
        Raises NetworkError, UntrustedInput, ConfigError (the keyring).
        """
        return self._from_first_mirror(lambda mirror: self._pin_from(mirror, recipe, architecture, now))

    def load(self, pins: Pins) -> tuple[Deb, ...]:
        """Return the pinned packages, from the cache or a mirror, verified and read.

        Raises NetworkError, UntrustedInput (named after the package's file).
        """
        return tuple(self._load_package(package) for package in pins.packages)

    def _pin_from(self, mirror: str, recipe: Recipe, architecture: str, now: datetime) -> Pins:
        # Here, as it takes 10 ms and a library that no warm build needs.
        from seatrial.base import release as trust  # noqa: PLC0415 - start-up time

        suite = self.settings.suite or recipe.suite
        root = f"{mirror}/dists/{suite}"
        where = shown_url(f"{root}/InRelease")
        self.progress(f"base {recipe.name}: reading the index of {suite} from {shown_url(mirror)}")
        signers = trust.load_signers(recipe, self.settings.keyring)
        blob = self.fetcher.read(f"{root}/InRelease", limit_bytes=_LARGEST_RELEASE)
        release = trust.verify_release(blob, signers, where=where)
        noted = self.cache / "seen" / f"{suite}.json"
        trust.check_release(
            release,
            suite=suite,
            architecture=architecture,
            now=now,
            seen=trust.read_seen(noted),
            where=where,
        )
        packages = self._read_index(root, release, recipe.packages, architecture)
        noted.parent.mkdir(parents=True, exist_ok=True)
        trust.note_seen(noted, release)
        return Pins(
            base=recipe.name,
            suite=suite,
            architecture=architecture,
            release_date=release.date,
            packages=packages,
        )

    def _read_index(
        self, root: str, release: Release, names: tuple[str, ...], architecture: str
    ) -> tuple[IndexedPackage, ...]:
        """Return the named packages from the suite's index, which must hold each of them once."""
        plain_path = f"main/binary-{architecture}/Packages"
        packed, plain = release.files.get(f"{plain_path}.xz"), release.files.get(plain_path)
        if packed is None or plain is None or max(packed.size_bytes, plain.size_bytes) > _LARGEST_INDEX:
            raise UntrustedInput(f"no usable index {plain_path}.xz", where=shown_url(f"{root}/InRelease"))
        url = f"{root}/{packed.path}"
        if release.acquire_by_hash:
            url = f"{root}/{packed.path.rpartition('/')[0]}/by-hash/SHA256/{packed.sha256}"
        self.cache.mkdir(parents=True, exist_ok=True)
        index = self.cache / f".{packed.sha256}.{os.urandom(6).hex()}.tmp"
        found: dict[str, IndexedPackage] = {}
        try:
            self.fetcher.save(url, index, size_bytes=packed.size_bytes, sha256=packed.sha256)
            for stanza in select_stanzas(_unpack(index, plain), set(names)):
                package = parse_package(stanza)
                if package.name in found or package.architecture not in {architecture, "all"}:
                    raise FormatError(f"{package.name} is there twice, or for {package.architecture}")
                found[package.name] = package
        except FormatError as error:
            raise UntrustedInput(error.what, where=shown_url(url)) from error
        finally:
            index.unlink(missing_ok=True)
        if missing := sorted(set(names) - found.keys()):
            raise UntrustedInput(f"the suite has no package {missing[0]}", where=shown_url(url))
        return tuple(found[name] for name in names)

    def _load_package(self, package: IndexedPackage) -> Deb:
        if package.size_bytes > _LARGEST_PACKAGE:
            raise UntrustedInput(f"{package.size_bytes} bytes are too many", where=package.filename)
        cached = self.cache / "packages" / f"{package.sha256}.deb"
        blob = _read_verified(cached, package.sha256)
        if blob is None:
            self.progress(f"base: fetching {package.name} {package.version}")
            cached.parent.mkdir(parents=True, exist_ok=True)
            self._from_first_mirror(
                lambda mirror: self.fetcher.save(
                    f"{mirror}/{package.filename}",
                    cached,
                    size_bytes=package.size_bytes,
                    sha256=package.sha256,
                ),
                gone_hint=_GONE_HINT,
            )
            blob = cached.read_bytes()
        try:
            deb = read_deb(blob)
        except FormatError as error:
            raise UntrustedInput(str(error), where=package.filename, hint=error.hint) from error
        if (deb.name, deb.version, deb.architecture) != (package.name, package.version, package.architecture):
            raise UntrustedInput(
                f"the package says it is {deb.name} {deb.version} {deb.architecture}", where=package.filename
            )
        return deb

    def _from_first_mirror(self, action: Callable[[str], _T], gone_hint: str = "") -> _T:
        failures: list[NetworkError] = []
        for mirror in find_mirrors(self.settings):
            try:
                return action(mirror)
            except NetworkError as error:
                failures.append(error)
        first = failures[0]
        gone = gone_hint and all(isinstance(failure, NotFoundError) for failure in failures)
        raise NetworkError(first.what, where=first.where, hint=gone_hint if gone else _MIRROR_HINT) from first


def remove_leftovers(place: Path, now: datetime) -> None:
    """Remove temporary files that builds which were killed left in the cache a day ago or earlier."""
    for path in place.rglob(".*.tmp"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < now.timestamp() - _LEFT_AFTER_S:
                path.unlink()


def _unpack(index: Path, plain: IndexFile) -> Iterator[bytes]:
    """Yield the content of a compressed index, holding it to the size and digest of the plain one."""
    digest = hashlib.sha256()
    size_bytes = 0
    with open(index, "rb") as file:
        for piece in decompress_xz(iter(lambda: file.read(_READ_BYTES), b""), limit_bytes=plain.size_bytes):
            digest.update(piece)
            size_bytes += len(piece)
            yield piece
    if size_bytes != plain.size_bytes or digest.hexdigest() != plain.sha256:
        raise FormatError("the index is not the one promised once decompressed")


def _read_verified(path: Path, sha256: str) -> bytes | None:
    """Return a cached file's bytes; None when it is not there or, damaged on this machine, was removed."""
    try:
        blob = path.read_bytes()
    except FileNotFoundError:
        return None
    if hashlib.sha256(blob).hexdigest() == sha256:
        return blob
    path.unlink(missing_ok=True)
    return None
