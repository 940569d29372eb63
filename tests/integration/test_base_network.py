"""Bases from the real Debian archive, as this machine reaches it."""

from __future__ import annotations

import gzip
import io
import json
import ssl
import subprocess
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seatrial.base import ASSEMBLED, DebianSettings, resolve
from seatrial.model.image import Base

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def build(name: str, cache: Path, lock: dict[str, object] | None = None, architecture: str = "amd64") -> Base:
    return resolve(
        name,
        architecture=architecture,
        settings=DebianSettings(),
        cache=cache,
        lock=lock,
        now=datetime.now(UTC),
        progress=print,
    )


def members(base: Base) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    tar = io.BytesIO(gzip.decompress(base.layers[0].path.read_bytes()))
    with tarfile.open(fileobj=tar) as archive:
        found = {}
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            found[member.name] = (member, file.read() if file else b"")
        return found


@pytest.mark.parametrize("name", ASSEMBLED)
def test_base_is_hardened_and_has_what_a_service_needs(cache: Path, name: str) -> None:
    base = build(name, cache)
    found = members(base)
    for path, (member, _) in found.items():
        assert not member.mode & 0o6000, path
        assert not (member.isfile() and member.mode & 0o111), path
        assert path == "tmp" or member.issym() or not member.mode & 0o002, path
    authorities = ssl.create_default_context(cadata=found["etc/ssl/certs/ca-certificates.crt"][1].decode())
    assert len(authorities.get_ca_certs()) > 100
    assert found["usr/share/zoneinfo/Europe/Berlin"][1].startswith(b"TZif")
    assert found["home/nonroot"][0].uid == 65532
    assert base.layers[0].content_bytes < 3_000_000
    if name != "scratch":
        assert b"ID=debian" in found["usr/lib/os-release"][1]
        for package in base.packages:
            assert f"Version: {package.version}".encode() in found[f"var/lib/dpkg/status.d/{package.name}"][1]


@pytest.mark.parametrize("name", ASSEMBLED)
def test_same_lock_gives_the_same_bytes_with_cold_caches(cache: Path, tmp_path: Path, name: str) -> None:
    first = build(name, cache)
    lock: dict[str, object] = json.loads(json.dumps(first.lock))
    second = build(name, tmp_path, lock)
    assert second.layers[0].path != first.layers[0].path
    assert second.layers[0].path.read_bytes() == first.layers[0].path.read_bytes()


def test_another_architecture_differs_only_in_what_names_it(cache: Path) -> None:
    here, there = members(build("debian-13", cache)), members(build("debian-13", cache, architecture="arm64"))
    differing = {
        path
        for path in here.keys() | there.keys()
        if here.get(path, ("", b""))[1] != there.get(path, ("", b""))[1]
    }
    assert differing <= {
        "var/lib/dpkg/status.d/base-files",
        "var/lib/dpkg/status.d/base-files.md5sums",
        "lib64",
    }


# VmHWM, as ru_maxrss begins with what the parent had.
MEASURE = """
import json, sys, time
from datetime import datetime, timezone
from pathlib import Path
from seatrial.base import DebianSettings, resolve
lock = json.loads(sys.argv[2]) if len(sys.argv) > 2 else None
start = time.perf_counter()
resolve("debian-13", architecture="amd64", settings=DebianSettings(), cache=Path(sys.argv[1]),
        lock=lock, now=datetime.now(timezone.utc), progress=lambda line: None)
took_ms = (time.perf_counter() - start) * 1000
peak_kb = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
print(json.dumps([took_ms, peak_kb / 1024, sorted(sys.modules)]))
"""


def measure(cache: Path, *lock: str) -> tuple[float, float, list[str]]:
    argv = [sys.executable, "-c", MEASURE, str(cache), *lock]
    took_ms, rss_mb, modules = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)
    return took_ms, rss_mb, modules


def test_warm_build_is_fast_and_small_and_loads_no_network(cache: Path) -> None:
    lock = json.dumps(build("debian-13", cache).lock)
    runs = [measure(cache, lock) for _ in range(5)]
    assert min(took_ms for took_ms, _, _ in runs) <= 5
    assert max(rss_mb for _, rss_mb, _ in runs) <= 40
    assert not {"pysequoia", "urllib.request", "lzma", "ssl", "http.client"} & set(runs[0][2])


def test_cold_build_stays_small(tmp_path: Path) -> None:
    _, rss_mb, _ = measure(tmp_path)
    assert rss_mb <= 64
