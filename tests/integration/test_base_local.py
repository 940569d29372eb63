"""Bases from a small signed archive on this machine: what they hold, and that nothing else gets in."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from base_mirror import (
    CERTIFICATE,
    CLOSED,
    NOW,
    Member,
    Mirror,
    build,
    content,
    files_below,
    make_deb,
    members,
    tree,
)

from seatrial.base import DebianSettings, resolve
from seatrial.errors import ConfigError, NetworkError


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    archive = Mirror(root=tmp_path / "mirror")
    archive.publish()
    return archive


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_static_base_has_the_layout(mirror: Mirror, cache: Path) -> None:
    base = build(mirror, cache)
    found = members(base)
    assert b"nonroot:x:65532:65532:nonroot:/home/nonroot:" in content(base, "etc/passwd")
    assert b"nonroot:x:65532:" in content(base, "etc/group")
    assert b"hosts: files dns" in content(base, "etc/nsswitch.conf")
    assert content(base, "etc/ssl/certs/ca-certificates.crt") == CERTIFICATE + CERTIFICATE.replace(
        b"QUJD", b"QkJC"
    )
    assert content(base, "usr/lib/os-release").startswith(
        b'PRETTY_NAME="Distroless Debian GNU/Linux 13 (trixie)"\n'
    )
    assert b"\nID=debian\n" in content(base, "usr/lib/os-release")
    assert content(base, "etc/debian_version") == b"13.8\n"
    assert content(base, "var/lib/dpkg/status.d/tzdata").startswith(b"Package: tzdata\n")
    assert (found["home/nonroot"].uid, found["home/nonroot"].mode) == (65532, 0o700)
    assert found["tmp"].mode == 0o1777
    assert found["etc/os-release"].linkname == "../usr/lib/os-release"
    assert {"usr/share/doc/tzdata/copyright", "usr/share/zoneinfo/US/Eastern"} <= found.keys()
    assert base.warnings == ()


def test_nothing_runs_and_only_tmp_is_writable_by_all(mirror: Mirror, cache: Path) -> None:
    for name in ("debian-13", "scratch"):
        for path, member in members(build(mirror, cache, name=name)).items():
            assert not member.mode & 0o6000, path
            assert not (member.isfile() and member.mode & 0o111), path
            assert path == "tmp" or member.issym() or not member.mode & 0o002, path
            assert member.isfile() or member.isdir() or member.issym(), path


def test_record_of_a_package_lists_what_is_there_unchanged(mirror: Mirror, cache: Path) -> None:
    base = build(mirror, cache)
    sums = content(base, "var/lib/dpkg/status.d/base-files.md5sums").decode().splitlines()
    assert [line.split("  ")[1] for line in sums] == [
        "etc/debian_version",
        "usr/share/doc/base-files/copyright",
    ]


def test_scratch_has_no_system(mirror: Mirror, cache: Path) -> None:
    base = build(mirror, cache, name="scratch")
    found = members(base)
    assert {
        "tmp",
        "etc/passwd",
        "etc/ssl/certs/ca-certificates.crt",
        "usr/share/zoneinfo/Europe/Oslo",
    } <= found.keys()
    assert not found.keys() & {"etc/os-release", "usr/lib/os-release", "etc/services", "usr/sbin"}
    assert [package.name for package in base.packages] == ["ca-certificates", "tzdata", "tzdata-legacy"]


def test_packages_carry_purls(mirror: Mirror, cache: Path) -> None:
    packages = {package.name: package for package in build(mirror, cache).packages}
    assert packages["tzdata"].purl == "pkg:deb/debian/tzdata@1.0-1%2Bb1?arch=all&distro=debian-13"
    assert packages["base-files"].purl == "pkg:deb/debian/base-files@1.0-1%2Bb1?arch=amd64&distro=debian-13"


def test_same_lock_gives_the_same_bytes_elsewhere_and_later(mirror: Mirror, tmp_path: Path) -> None:
    first = build(mirror, tmp_path / "one")
    later = build(mirror, tmp_path / "two", lock=first.lock, now=NOW + timedelta(days=4000))
    assert first.layers[0].path.read_bytes() == later.layers[0].path.read_bytes()
    assert (first.lock, first.packages) == (later.lock, later.packages)


def test_a_later_release_of_the_same_packages_gives_the_same_bytes(mirror: Mirror, tmp_path: Path) -> None:
    first = build(mirror, tmp_path / "cache")
    mirror.fields["Date"] = "Mon, 23 Nov 2026 09:15:44 UTC"
    mirror.publish()
    second = build(mirror, tmp_path / "cache")
    assert second.lock != first.lock
    assert second.layers[0].digest == first.layers[0].digest


def test_second_build_needs_no_network(mirror: Mirror, cache: Path) -> None:
    first = build(mirror, cache)
    assert build(mirror, cache, lock=first.lock, url=CLOSED) == first
    shutil.rmtree(cache / "base" / "layers")
    assert build(mirror, cache, lock=first.lock, url=CLOSED) == first


def test_lock_alone_needs_no_index(mirror: Mirror, cache: Path, tmp_path: Path) -> None:
    first = build(mirror, cache)
    shutil.rmtree(mirror.root / "dists")
    second = build(mirror, tmp_path / "other", lock=first.lock)
    assert second.layers[0].digest == first.layers[0].digest


def test_offline_and_nothing_cached_says_how_to_set_the_mirror(mirror: Mirror, cache: Path) -> None:
    with pytest.raises(NetworkError) as caught:
        build(mirror, cache, url=CLOSED)
    assert caught.value.where.startswith(CLOSED)
    assert "SEATRIAL_DEBIAN_MIRROR" in caught.value.hint
    assert "[base] mirror" in caught.value.hint
    assert files_below(cache) == []


def test_package_that_is_gone_says_to_update_the_lock(mirror: Mirror, cache: Path, tmp_path: Path) -> None:
    lock = build(mirror, cache).lock
    mirror.pool("tzdata").unlink()
    with pytest.raises(NetworkError, match="no such file") as caught:
        build(mirror, tmp_path / "other", lock=lock)
    assert "tzdata" in caught.value.where
    assert "seatrial lock --update" in caught.value.hint
    assert len(files_below(tmp_path / "other")) == 4


def test_second_mirror_is_asked_when_the_first_does_not_answer(mirror: Mirror, cache: Path) -> None:
    settings = DebianSettings(mirrors=(CLOSED, f"{mirror.url}/"), keyring=mirror.keyring())
    base = resolve(
        "debian-13", architecture="amd64", settings=settings, cache=cache, lock=None, now=NOW, progress=print
    )
    assert base.layers[0].path.exists()


@pytest.mark.parametrize("change", [{"version": 2}, {"version": None}, {"extra": 1}, {"base": "debian-12"}])
def test_lock_that_does_not_fit_names_the_command(
    mirror: Mirror, cache: Path, change: dict[str, object]
) -> None:
    lock = build(mirror, cache).lock | change
    with pytest.raises(ConfigError) as caught:
        build(mirror, cache, lock=lock)
    assert "seatrial lock --update" in caught.value.hint


def test_lock_of_another_kind_is_no_key_to_the_cache(mirror: Mirror, cache: Path) -> None:
    lock = build(mirror, cache).lock
    with pytest.raises(ConfigError):
        build(mirror, cache, lock=lock | {"version": {1}})
    with pytest.raises(ConfigError, match="not for scratch"):
        build(mirror, cache, lock=lock, name="scratch")
    with pytest.raises(ConfigError, match="not for debian-13 on arm64"):
        resolve(
            "debian-13",
            architecture="arm64",
            settings=DebianSettings(),
            cache=cache,
            lock=lock,
            now=NOW,
            progress=print,
        )


def test_unknown_names_are_refused(mirror: Mirror, cache: Path) -> None:
    with pytest.raises(ConfigError, match="debian-9"):
        build(mirror, cache, name="debian-9")
    with pytest.raises(ConfigError, match="sparc"):
        resolve(
            "scratch",
            architecture="sparc",
            settings=DebianSettings(),
            cache=cache,
            lock=None,
            now=NOW,
            progress=print,
        )


def test_debian_12_is_past_its_support(tmp_path: Path) -> None:
    archive = Mirror(root=tmp_path / "mirror", suite="bookworm", fields={"Codename": "bookworm"})
    archive.publish()
    assert "past its regular support" in build(archive, tmp_path / "c", name="debian-12").warnings[0]
    early = datetime(2026, 6, 1, tzinfo=UTC)
    archive.fields["Date"] = "Sat, 30 May 2026 09:15:44 UTC"
    archive.publish()
    assert build(archive, tmp_path / "d", name="debian-12", now=early).warnings == ()


def test_same_file_in_two_packages_is_one_file(mirror: Mirror, cache: Path) -> None:
    mirror.packages["netbase"] += (Member(path="etc/debian_version", content=b"13.8\n"),)
    mirror.publish()
    assert content(build(mirror, cache), "etc/debian_version") == b"13.8\n"


def test_time_of_an_entry_is_never_after_the_release(mirror: Mirror, cache: Path) -> None:
    mirror.fields["Date"] = "Mon, 21 Sep 2026 09:15:44 UTC"
    mirror.publish()
    base = build(mirror, cache)
    latest = int(datetime(2026, 9, 21, 9, 15, 44, tzinfo=UTC).timestamp())
    assert max(member.mtime for member in members(base).values()) == min(latest, 1_790_000_000)


def test_damaged_cache_is_repaired(mirror: Mirror, cache: Path) -> None:
    first = build(mirror, cache)
    # A sound package with the right name but other content: only its digest tells.
    other = make_deb("netbase", "1.0-1+b1", "all", tree(Member(path="etc/services", content=b"ssh 22/tcp\n")))
    netbase = hashlib.sha256(mirror.pool("netbase").read_bytes()).hexdigest()
    (cache / "base" / "packages" / f"{netbase}.deb").write_bytes(other)
    layer = first.layers[0].path
    layer.write_bytes(layer.read_bytes()[:-1])
    assert build(mirror, cache, lock=first.lock) == first
    assert layer.read_bytes() == build(mirror, cache / "clean", lock=first.lock).layers[0].path.read_bytes()
    layer.with_name(layer.name + ".json").write_text("{")
    assert build(mirror, cache, lock=first.lock, url=CLOSED) == first


def test_two_builds_at_once_agree(mirror: Mirror, cache: Path) -> None:
    mirror.keyring()
    with ThreadPoolExecutor(4) as pool:
        bases = list(pool.map(lambda _: build(mirror, cache), range(8)))
    assert len({base.layers[0].digest for base in bases}) == 1
    assert not list(cache.rglob("*.tmp"))


SLOW_BUILD = """
import sys, time
from pathlib import Path
from datetime import datetime, timezone
from seatrial.base import DebianSettings, resolve
settings = DebianSettings(mirrors=(sys.argv[1],), keyring=Path(sys.argv[2]))
print("started", flush=True)
resolve("debian-13", architecture="amd64", settings=settings, cache=Path(sys.argv[3]), lock=None,
        now=datetime(2026, 11, 24, 12, tzinfo=timezone.utc), progress=lambda line: None)
print("done", flush=True)
"""


@pytest.mark.parametrize("delay_s", [0.0, 0.03, 0.06, 0.09, 0.12, 0.15, 0.2])
def test_killed_build_leaves_a_usable_cache(
    mirror: Mirror, cache: Path, tmp_path: Path, delay_s: float
) -> None:
    import time

    argv = [sys.executable, "-c", SLOW_BUILD, mirror.url, str(mirror.keyring()), str(cache)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay_s)
        process.kill()
    expected = build(mirror, tmp_path / "clean")
    assert build(mirror, cache).layers[0].digest == expected.layers[0].digest


def test_temporary_files_of_a_killed_build_are_no_part_of_the_next(mirror: Mirror, cache: Path) -> None:
    first = build(mirror, cache)
    old, young = (cache / "base" / "packages" / f".{name}.0123456789ab.tmp" for name in ("old", "young"))
    for path, age in ((old, timedelta(days=2)), (young, timedelta(hours=1))):
        path.write_bytes(b"half")
        os.utime(path, times=((NOW - age).timestamp(),) * 2)
    assert build(mirror, cache) == first
    # Another build may still be writing the young one.
    assert (old.exists(), young.exists()) == (False, True)


def test_archive_without_by_hash_is_read_by_name(mirror: Mirror, cache: Path) -> None:
    mirror.fields["Acquire-By-Hash"] = "no"
    mirror.publish()
    mirror.index.rename(mirror.in_release.parent / "main" / "binary-amd64" / "Packages.xz")
    assert build(mirror, cache).layers[0].path.exists()
