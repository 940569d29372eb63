"""What must not become a base: archives and packages that are signed, but not as they should be."""

from __future__ import annotations

import dataclasses
import hashlib
import tarfile
from datetime import timedelta
from pathlib import Path

import pysequoia
import pytest
from base_mirror import (
    CERTIFICATE,
    NOW,
    SIGNED_ON,
    Member,
    Mirror,
    build,
    directory,
    files_below,
    flip,
    make_deb,
    tree,
    whole_packages,
)

from seatrial.base import DebianSettings, resolve
from seatrial.errors import ConfigError, UntrustedInput


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    archive = Mirror(root=tmp_path / "mirror")
    archive.publish()
    return archive


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def refused(mirror: Mirror, cache: Path, message: str) -> UntrustedInput:
    """Build, which must fail, and leave nothing of what was refused behind."""
    before = files_below(cache)
    with pytest.raises(UntrustedInput, match=message) as caught:
        build(mirror, cache)
    assert set(files_below(cache)) - set(before) <= {"trixie.json"} | whole_packages(mirror)
    return caught.value


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Origin": "Other"}, "not Debian's archive"),
        ({"Label": "Debian-Security"}, "not Debian's archive"),
        ({"Codename": "bookworm"}, "not 'trixie'"),
        ({"Architectures": "all arm64"}, "no packages in main for amd64"),
        ({"Components": "contrib"}, "no packages in main"),
        ({"Date": "Wed, 25 Nov 2026 13:00:01 UTC"}, "signed in the future"),
        ({"Date": ""}, "date is missing"),
        ({"Valid-Until": "Tue, 24 Nov 2026 11:59:59 UTC"}, "valid until"),
    ],
)
def test_signed_but_wrong_release_is_refused(
    mirror: Mirror, cache: Path, fields: dict[str, str], message: str
) -> None:
    mirror.fields |= fields
    mirror.publish()
    assert refused(mirror, cache, message).where == f"{mirror.url}/dists/trixie/InRelease"
    assert files_below(cache) == []


def test_older_release_than_seen_is_refused(mirror: Mirror, cache: Path) -> None:
    build(mirror, cache)
    mirror.fields["Date"] = f"{SIGNED_ON - timedelta(seconds=1):%a, %d %b %Y %H:%M:%S UTC}"
    mirror.publish()
    assert "seatrial.lock" in refused(mirror, cache, "older").hint
    mirror.fields["Date"] = ""
    mirror.fields |= {"Date": f"{SIGNED_ON:%a, %d %b %Y %H:%M:%S UTC}"}
    mirror.publish()
    build(mirror, cache)


def test_damaged_note_of_the_last_release_is_not_taken_for_none(mirror: Mirror, cache: Path) -> None:
    build(mirror, cache)
    (cache / "base" / "seen" / "trixie.json").write_text("{}")
    refused(mirror, cache, "damaged")


def test_release_without_sha256_is_refused(mirror: Mirror, cache: Path) -> None:
    text = pysequoia.verify(
        mirror.in_release.read_bytes(), store=lambda _: [mirror.key.extract_certificate()]
    )
    assert text.bytes is not None
    mirror.sign(text.bytes.decode().replace("SHA256:", "SHA1:"))
    refused(mirror, cache, "sha256 is missing")


def test_another_signer_is_refused(mirror: Mirror, cache: Path) -> None:
    keyring = mirror.keyring().read_bytes()
    mirror.key = pysequoia.Tsk.generate(user_id="Someone else <e@b.invalid>")
    mirror.publish()
    (mirror.root / "other").write_bytes(keyring)
    settings = DebianSettings(mirrors=(mirror.url,), keyring=mirror.root / "other")
    for chosen in (settings, dataclasses.replace(settings, keyring=None)):
        with pytest.raises(UntrustedInput, match="signature does not hold"):
            resolve(
                "debian-13",
                architecture="amd64",
                settings=chosen,
                cache=cache,
                lock=None,
                now=NOW,
                progress=print,
            )
    assert files_below(cache) == []


def test_message_has_no_stack_trace(mirror: Mirror, cache: Path) -> None:
    mirror.in_release.write_bytes(
        mirror.in_release.read_bytes().replace(b"Origin: Debian", b"Origin: Debiam")
    )
    assert "\n" not in refused(mirror, cache, "signature does not hold").what


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"Origin: Debian\n" + text,
        lambda text: b"\n" + text,
        lambda text: text + b"Origin: Debian\n",
        lambda text: text + text,
        lambda text: text[:-1].rpartition(b"\n")[0],
        lambda _: b"",
        lambda _: b"Origin: Debian\n",
    ],
)
def test_text_outside_the_signed_message_is_refused(mirror: Mirror, cache: Path, change: object) -> None:
    assert callable(change)
    mirror.in_release.write_bytes(change(mirror.in_release.read_bytes()))
    refused(mirror, cache, "not exactly one signed message")


def test_unsigned_keyring_is_a_configuration_error(mirror: Mirror, cache: Path) -> None:
    for text in (b"", b"not a key"):
        (mirror.root / "bad").write_bytes(text)
        settings = DebianSettings(mirrors=(mirror.url,), keyring=mirror.root / "bad")
        with pytest.raises(ConfigError):
            resolve(
                "scratch",
                architecture="amd64",
                settings=settings,
                cache=cache,
                lock=None,
                now=NOW,
                progress=print,
            )


@pytest.mark.parametrize("part", [0.01, 0.2, 0.5, 0.8, 0.99])
def test_flipped_byte_in_the_index_is_refused(mirror: Mirror, cache: Path, part: float) -> None:
    index = mirror.index
    flip(index, int(index.stat().st_size * part))
    assert refused(mirror, cache, "was promised").where.endswith(index.name)
    assert files_below(cache) == []


@pytest.mark.parametrize("name", ["base-files", "ca-certificates", "tzdata-legacy"])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.999])
def test_flipped_byte_in_a_package_is_refused(mirror: Mirror, cache: Path, name: str, part: float) -> None:
    package = mirror.pool(name)
    flip(package, int(package.stat().st_size * part))
    assert package.name in refused(mirror, cache, "was promised").where


def test_every_flipped_byte_of_the_release_is_refused_or_means_the_same(mirror: Mirror, cache: Path) -> None:
    good = build(mirror, cache)
    original = mirror.in_release.read_bytes()
    same: list[int] = []
    refusals: list[str] = []
    for position in range(len(original)):
        flip(mirror.in_release, position)
        try:
            assert build(mirror, cache).lock == good.lock
        except UntrustedInput as error:
            refusals.append(error.where)
        else:
            same.append(position)
        mirror.in_release.write_bytes(original)
    assert set(refusals) == {f"{mirror.url}/dists/trixie/InRelease"}
    # Only armour that carries no meaning may differ: a few bytes, none of them in the signed text.
    signed = original.index(b"\n\n"), original.index(b"-----BEGIN PGP SIGNATURE")
    assert not [position for position in same if signed[0] + 2 <= position < signed[1] - 1]


@pytest.mark.parametrize("change", [lambda text: text[:-1], lambda text: text + b"\0"])
def test_other_length_is_refused(mirror: Mirror, cache: Path, change: object) -> None:
    assert callable(change)
    for path in (mirror.pool("netbase"), mirror.index):
        path.write_bytes(change(path.read_bytes()))
        refused(mirror, cache, "promised|more than the")


def test_index_that_is_another_once_decompressed_is_refused(mirror: Mirror, cache: Path) -> None:
    plain = mirror.write_pool()
    path = "main/binary-amd64/Packages"
    for promise in ((len(plain), "0" * 64), (len(plain) - 1, "0" * 64), (len(plain) + 1, "0" * 64)):
        mirror.publish(promises={path: promise})
        refused(mirror, cache, "once decompressed|when decompressed")


def test_index_is_refused_for_what_it_says(mirror: Mirror, cache: Path) -> None:
    plain = mirror.write_pool()
    for old, new, message in (
        (b"pool/main/n", b"pool/../n", "filename"),
        (b"Package: netbase", b"Package: netbas", "no package netbase"),
        (b"Package: netbase", b"Package: tzdata", "twice"),
        (b"Architecture: amd64", b"Architecture: arm64", "for arm64"),
        (b"Package: netbase", b"Version: 1", "does not start with Package"),
        (b"Size: ", b"Size: 99999999", "too many"),
    ):
        assert old in plain
        mirror.publish(index=plain.replace(old, new))
        refused(mirror, cache, message)


@pytest.mark.parametrize(
    ("field", "value"), [("Version", b"1.0-2"), ("Architecture", b"amd64"), ("Package", b"netbases")]
)
def test_package_that_says_it_is_another_is_refused(
    mirror: Mirror, cache: Path, field: str, value: bytes
) -> None:
    named = {"Package": "netbase", "Version": "1.0-1+b1", "Architecture": "all"} | {field: value.decode()}
    deb = make_deb(named["Package"], named["Version"], named["Architecture"], mirror.packages["netbase"])
    index = mirror.write_pool()
    path = mirror.pool("netbase")
    index = replace_promise(index, path.read_bytes(), deb)
    path.write_bytes(deb)
    mirror.publish(index=index)
    assert "netbase" in refused(mirror, cache, "says it is").where


def replace_promise(index: bytes, old: bytes, new: bytes) -> bytes:
    def promise(deb: bytes) -> bytes:
        return f"Size: {len(deb)}\nSHA256: {hashlib.sha256(deb).hexdigest()}\n".encode()

    assert promise(old) in index
    return index.replace(promise(old), promise(new))


BAD_MEMBERS = {
    "setuid": (tree(Member(path="etc/f", mode=0o4644)), "setuid"),
    "setgid": (tree(directory("etc/d", 0o2755)), "setuid, setgid"),
    "world-writable": (tree(Member(path="etc/f", mode=0o666)), "writable by everyone"),
    "world-writable directory": (tree(directory("etc/d", 0o777)), "writable by everyone"),
    "second sticky directory": (tree(directory("etc/tmp", 0o1777)), "sticky"),
    "program": (tree(Member(path="usr/bin/sh", mode=0o755)), "nothing to run"),
    "owner": (tree(Member(path="etc/f", uid=1000)), "owner 1000:0"),
    "group": (tree(Member(path="etc/f", gid=42)), "owner 0:42"),
    "path of another": (tree(Member(path="etc/debian_version", content=b"14\n")), "two packages own"),
    "mode of another": (tree(directory("etc", 0o700)), "two packages own"),
    "our path": (tree(Member(path="etc/passwd", content=b"root::0:0::/:/bin/sh\n")), "that the base writes"),
    "our directory": (
        tree(Member(path="etc/ssl", kind=tarfile.SYMTYPE, link="../tmp", mode=0o777)),
        "not a directory",
    ),
    "file for a directory": (tree(Member(path="usr", content=b"x")), "two packages own"),
    "device": (tree(Member(path="etc/f", kind=tarfile.CHRTYPE)), "character device"),
    "whiteout": (tree(Member(path="etc/.wh.passwd")), "whiteout"),
    "climbing symlink": (tree(Member(path="etc/f", kind=tarfile.SYMTYPE, link="../../x")), "climbs"),
}


@pytest.mark.parametrize("name", BAD_MEMBERS)
def test_package_with_a_bad_member_is_refused(mirror: Mirror, cache: Path, name: str) -> None:
    mirror.packages["netbase"], message = BAD_MEMBERS[name]
    mirror.publish()
    refused(mirror, cache, message)
    assert not list(cache.rglob("*.tar.gz"))


def test_symlink_made_by_one_package_is_no_parent_for_another(mirror: Mirror, cache: Path) -> None:
    mirror.packages["base-files"] += (Member(path="lib", kind=tarfile.SYMTYPE, link="usr/lib", mode=0o777),)
    mirror.packages["netbase"] = tree(Member(path="lib/f"))
    mirror.publish()
    refused(mirror, cache, "two packages own|not an earlier directory")


@pytest.mark.parametrize("text", [b"", b"x", CERTIFICATE * 2, CERTIFICATE + b"# comment\n"])
def test_odd_certificate_is_refused(mirror: Mirror, cache: Path, text: bytes) -> None:
    mirror.packages["ca-certificates"] = tree(Member(path="usr/share/ca-certificates/A.crt", content=text))
    mirror.publish()
    refused(mirror, cache, "not exactly one PEM")


def test_no_certificate_is_refused(mirror: Mirror, cache: Path) -> None:
    mirror.packages["ca-certificates"] = tree(Member(path="usr/share/f"))
    mirror.publish()
    refused(mirror, cache, "no certificate")
