"""A small Debian archive of the tests' own: real packages in form, signed with a key made on the spot."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pysequoia

from seatrial.base import DebianSettings, resolve
from seatrial.model.image import Base

CLOSED = "http://127.0.0.1:1/debian"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SIGNED_ON = datetime(2026, 11, 21, 9, 15, 44, tzinfo=UTC)
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"
OS_RELEASE = (
    b'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nNAME="Debian GNU/Linux"\nVERSION_ID="13"\nID=debian\n'
)


@dataclass(frozen=True, kw_only=True)
class Member:
    """One path of a package, with what a test wants to be odd about it."""

    path: str
    content: bytes = b""
    kind: bytes = tarfile.REGTYPE
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    link: str = ""


def directory(path: str, mode: int = 0o755, gid: int = 0) -> Member:
    return Member(path=path, kind=tarfile.DIRTYPE, mode=mode, gid=gid)


def tree(*files: Member) -> tuple[Member, ...]:
    """Put the parent directories before files."""
    above = {
        "/".join(file.path.split("/")[:depth])
        for file in files
        for depth in range(1, len(file.path.split("/")))
    }
    listed = {file.path for file in files}
    parents = [directory(path) for path in sorted(above - listed)]
    order = sorted([*parents, *files], key=lambda member: member.path)
    return tuple(order)


def make_tar(members: tuple[Member, ...], mtime: int = 1_790_000_000) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=tarfile.GNU_FORMAT) as archive:
        for member in (directory(""), *members):
            info = tarfile.TarInfo(f"./{member.path}")
            info.type, info.mode, info.mtime = member.kind, member.mode, mtime
            info.uid, info.gid, info.linkname = member.uid, member.gid, member.link
            info.size = len(member.content)
            archive.addfile(info, io.BytesIO(member.content))
    return out.getvalue()


def make_deb(name: str, version: str, architecture: str, members: tuple[Member, ...]) -> bytes:
    control = f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nDescription: {name}\n"
    sums = "".join(
        f"{hashlib.md5(member.content).hexdigest()}  {member.path}\n"
        for member in members
        if member.kind == tarfile.REGTYPE
    )
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": lzma.compress(
            make_tar(
                (
                    Member(path="control", content=control.encode()),
                    Member(path="md5sums", content=sums.encode()),
                )
            )
        ),
        "data.tar.xz": lzma.compress(make_tar(members)),
    }
    deb = b"!<arch>\n"
    for part, content in parts.items():
        deb += f"{part:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        deb += content + b"\n" * (len(content) % 2)
    return deb


def documented(name: str) -> Member:
    return Member(path=f"usr/share/doc/{name}/copyright", content=name.encode())


def sample_packages() -> dict[str, tuple[Member, ...]]:
    """Return what each package of the recipes holds, in small, with what is left out and settled."""
    return {
        "base-files": tree(
            directory("tmp", 0o1777),
            directory("var/tmp", 0o1777),
            directory("var/local", 0o2775, 50),
            directory("home"),
            Member(path="etc/debian_version", content=b"13.8\n"),
            Member(path="etc/update-motd.d/10-uname", content=b"#!/bin/sh\n", mode=0o755),
            Member(path="etc/os-release", kind=tarfile.SYMTYPE, link="../usr/lib/os-release", mode=0o777),
            Member(path="usr/lib/os-release", content=OS_RELEASE),
            Member(path="usr/share/doc/base-files/README", content=b"long"),
            documented("base-files"),
        ),
        "ca-certificates": tree(
            Member(
                path="usr/share/ca-certificates/mozilla/B.crt", content=CERTIFICATE.replace(b"QUJD", b"QkJC")
            ),
            Member(path="usr/share/ca-certificates/mozilla/A.crt", content=CERTIFICATE),
            Member(path="usr/sbin/update-ca-certificates", content=b"#!/bin/sh\n", mode=0o755),
            documented("ca-certificates"),
        ),
        "media-types": tree(
            Member(path="etc/mime.types", content=b"text/html html\n"), documented("media-types")
        ),
        "netbase": tree(Member(path="etc/services", content=b"http 80/tcp\n"), documented("netbase")),
        "tzdata": tree(Member(path="usr/share/zoneinfo/Europe/Oslo", content=b"TZif2"), documented("tzdata")),
        "tzdata-legacy": tree(
            Member(path="usr/share/zoneinfo/US/Eastern", content=b"TZif2"), documented("tzdata-legacy")
        ),
    }


@dataclass(kw_only=True)
class Mirror:
    """An archive in a directory. Change the fields, then ``publish`` again."""

    root: Path
    key: pysequoia.Tsk = field(
        default_factory=lambda: pysequoia.Tsk.generate(user_id="Test archive <a@b.invalid>")
    )
    packages: dict[str, tuple[Member, ...]] = field(default_factory=sample_packages)
    versions: dict[str, str] = field(default_factory=dict)
    suite: str = "trixie"
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"file://{self.root}"

    @property
    def in_release(self) -> Path:
        return self.root / "dists" / self.suite / "InRelease"

    @property
    def index(self) -> Path:
        """The compressed index at the path that is asked for."""
        return next((self.root / "dists" / self.suite).glob("main/binary-amd64/by-hash/SHA256/*"))

    def pool(self, name: str) -> Path:
        return next(self.root.glob(f"pool/**/{name}_*.deb"))

    def publish(
        self, index: bytes | None = None, promises: Mapping[str, tuple[int, str]] | None = None
    ) -> None:
        """Write packages, index and the signed release; ``promises`` replaces what the release says."""
        plain = self.write_pool() if index is None else index
        packed = lzma.compress(plain)
        folder = self.in_release.parent / "main" / "binary-amd64" / "by-hash" / "SHA256"
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        promised = {
            "main/binary-amd64/Packages": (len(plain), hashlib.sha256(plain).hexdigest()),
            "main/binary-amd64/Packages.xz": (len(packed), hashlib.sha256(packed).hexdigest()),
        } | dict(promises or {})
        (folder / promised["main/binary-amd64/Packages.xz"][1]).write_bytes(packed)
        fields = {
            "Origin": "Debian",
            "Label": "Debian",
            "Suite": "stable",
            "Codename": "trixie",
            "Date": f"{SIGNED_ON:%a, %d %b %Y %H:%M:%S UTC}",
            "Acquire-By-Hash": "yes",
            "Architectures": "all amd64",
            "Components": "main",
        } | self.fields
        lines = [f"{key}: {value}" for key, value in fields.items() if value]
        lines += ["SHA256:", *(f" {sha256} {size} {path}" for path, (size, sha256) in promised.items())]
        self.sign("\n".join(lines) + "\n")

    def sign(self, release: str) -> None:
        mode = pysequoia.SignatureMode.CLEAR
        self.in_release.write_bytes(pysequoia.sign(self.key.signer(), release.encode(), mode=mode))

    def write_pool(self) -> bytes:
        """Write the packages and return the index of them."""
        stanzas = []
        for name, members in self.packages.items():
            version = self.versions.get(name, "1.0-1+b1")
            architecture = "amd64" if name == "base-files" else "all"
            deb = make_deb(name, version, architecture, members)
            filename = f"pool/main/{name[0]}/{name}/{name}_{version}_{architecture}.deb"
            (self.root / filename).parent.mkdir(parents=True, exist_ok=True)
            (self.root / filename).write_bytes(deb)
            stanzas.append(
                f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nFilename: {filename}\n"
                f"Size: {len(deb)}\nSHA256: {hashlib.sha256(deb).hexdigest()}\n"
            )
        return "\n".join(stanzas).encode()

    def keyring(self) -> Path:
        certificate = self.key.extract_certificate()
        path = self.root / f"{certificate.fingerprint}.pgp"
        if not path.exists():
            path.write_bytes(bytes(certificate))
        return path


def build(
    mirror: Mirror,
    cache: Path,
    *,
    name: str = "debian-13",
    url: str = "",
    lock: Mapping[str, object] | None = None,
    now: datetime = NOW,
) -> Base:
    settings = DebianSettings(mirrors=(url or mirror.url,), keyring=mirror.keyring())
    return resolve(
        name,
        architecture="amd64",
        settings=settings,
        cache=cache,
        lock=lock,
        now=now,
        progress=lambda _: None,
    )


def files_below(place: Path) -> list[str]:
    return sorted(path.name for path in place.rglob("*") if path.is_file())


def members(base: Base) -> dict[str, tarfile.TarInfo]:
    with open_layer(base) as archive:
        return {member.name: member for member in archive}


def open_layer(base: Base) -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(gzip.decompress(base.layers[0].path.read_bytes())))


def content(base: Base, path: str) -> bytes:
    with open_layer(base) as archive:
        file = archive.extractfile(path)
        assert file is not None
        return file.read()


def whole_packages(mirror: Mirror) -> set[str]:
    pool = mirror.root.glob("pool/**/*.deb")
    return {f"{hashlib.sha256(path.read_bytes()).hexdigest()}.deb" for path in pool}


def flip(path: Path, position: int) -> None:
    damaged = bytearray(path.read_bytes())
    damaged[position] ^= 0x01
    path.write_bytes(damaged)
