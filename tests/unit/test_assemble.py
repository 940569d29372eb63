"""Assembling: the same values give the same bytes, and the service's layer is made once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seatrial.assemble import assemble, deliver
from seatrial.errors import FormatError, MachineError
from seatrial.formats.tarball import write_layer
from seatrial.model.image import Base, Entry, EntryKind, Healthcheck, Image, ImageConfig
from seatrial.model.plan import Output

CONFIG = ImageConfig(
    architecture="amd64",
    entrypoint=("/server",),
    annotations=(("org.opencontainers.image.title", "orders"),),
    created="2026-01-02T03:04:05Z",
    healthcheck=Healthcheck(argv=("/server", "--health-check")),
)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.write_bytes(bytes(range(256)) * 8000)
    return path


@pytest.fixture
def base(tmp_path: Path) -> Base:
    root = Entry(path="etc", kind=EntryKind.DIRECTORY, mode=0o755)
    passwd = Entry(path="etc/passwd", kind=EntryKind.FILE, mode=0o644, content=b"root:x:0:0:::\n")
    layer = write_layer((root, passwd), tmp_path / "base.tar.gz", comment="seatrial: base debian-13")
    return Base(name="debian-13", layers=(layer,), packages=(), lock={})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 KiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    place = tmp_path / "mounted"
    place.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", place)
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no mounts here")
    yield place
    subprocess.run(("umount", "-l", place), check=True)


def server(program: Path, *, mtime_epoch_s: int = 1) -> Entry:
    return Entry(path="server", kind=EntryKind.FILE, mode=0o755, mtime_epoch_s=mtime_epoch_s, content=program)


def put(program: Path, base: Base, scratch: Path, reference: str = "orders:1") -> Image:
    return assemble(files=(server(program),), base=base, config=CONFIG, scratch=scratch, reference=reference)


def test_image_has_the_base_below_and_adds_up(program: Path, base: Base, tmp_path: Path) -> None:
    image = put(program, base, tmp_path / "scratch")
    assert image.layers[0] == base.layers[0]
    assert image.size_bytes == program.stat().st_size + 14
    files = list((image.layout / "blobs/sha256").iterdir())
    assert image.compressed_bytes == sum(path.stat().st_size for path in files)
    assert {f"sha256:{path.name}" for path in files} == {
        image.digest,
        image.config_digest,
        *(layer.digest for layer in image.layers),
    }
    manifest = json.loads((image.layout / "blobs" / image.digest.replace(":", "/")).read_text())
    assert manifest["annotations"] == {"org.opencontainers.image.title": "orders"}
    config = json.loads((image.layout / "blobs" / image.config_digest.replace(":", "/")).read_text())
    assert [row["created_by"] for row in config["history"]] == [
        "seatrial: base debian-13",
        "seatrial: service",
    ]
    assert (image.layout / "blobs" / base.layers[0].digest.replace(":", "/")).samefile(base.layers[0].path)


def test_one_layer_in_base_and_service_is_stored_once(program: Path, tmp_path: Path) -> None:
    scratch = Base(name="scratch", layers=(), packages=(), lock={})
    (layer,) = put(program, scratch, tmp_path / "one").layers
    image = put(program, replace(scratch, layers=(layer,)), tmp_path / "two")
    assert len(list((image.layout / "blobs/sha256").iterdir())) == 3
    deliver(image, Output(path=tmp_path / "out.tar", form="tar"))


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("orders:1", "docker.io/library/orders:1"),
        ("team/orders:1", "docker.io/team/orders:1"),
        ("registry.example:5000/team/orders:1", "registry.example:5000/team/orders:1"),
        ("localhost/orders:1", "localhost/orders:1"),
    ],
)
def test_names_are_those_that_loaders_read(
    reference: str, full: str, program: Path, base: Base, tmp_path: Path
) -> None:
    image = put(program, base, tmp_path / "scratch", reference)
    (entry,) = json.loads((image.layout / "index.json").read_text())["manifests"]
    assert entry["annotations"] == {
        "io.containerd.image.name": full,
        "org.opencontainers.image.ref.name": reference,
    }
    assert entry["platform"] == {"architecture": "amd64", "os": "linux"}


@pytest.mark.parametrize(
    "reference", ["orders", ":1", "orders:", "localhost:5000/orders", "orders@sha256:1:2"]
)
def test_reference_without_a_tag_is_refused(
    reference: str, program: Path, base: Base, tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match="name:tag"):
        put(program, base, tmp_path / "scratch", reference)


def test_unchanged_service_layer_is_not_made_again(program: Path, base: Base, tmp_path: Path) -> None:
    first = put(program, base, tmp_path / "scratch")
    inode = first.layers[-1].path.stat().st_ino
    os.utime(program)  # the host's times are not the image's
    assert put(program, base, tmp_path / "scratch") == first
    assert first.layers[-1].path.stat().st_ino == inode


@pytest.mark.parametrize("change", ["content", "mtime", "mode", "blob cut short", "record lost"])
def test_changed_service_layer_is_made_again(change: str, program: Path, base: Base, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    entry = server(program)
    first = assemble(files=(entry,), base=base, config=CONFIG, scratch=scratch, reference="")
    blob = first.layers[-1].path
    inode = blob.stat().st_ino
    if change == "content":
        program.write_bytes(program.read_bytes()[:-1] + b"x")
    elif change == "mtime":
        entry = replace(entry, mtime_epoch_s=2)
    elif change == "mode":
        entry = replace(entry, mode=0o700)
    elif change == "blob cut short":
        blob.unlink()
        blob.write_bytes(b"x")
    else:
        (scratch / "service.json").write_text("{")
    second = assemble(files=(entry,), base=base, config=CONFIG, scratch=scratch, reference="")
    assert blob.stat().st_ino != inode
    assert (second.digest == first.digest) == (change in {"blob cut short", "record lost"})
    assert len(list((second.layout / "blobs/sha256").iterdir())) == 4


def test_digest_given_by_the_caller_saves_the_reading(program: Path, base: Base, tmp_path: Path) -> None:
    entry = replace(server(program), content_sha256="0" * 64)
    first = assemble(files=(entry,), base=base, config=CONFIG, scratch=tmp_path / "s", reference="")
    program.unlink()
    assert assemble(files=(entry,), base=base, config=CONFIG, scratch=tmp_path / "s", reference="") == first


def test_missing_program_and_changed_config_blob_are_named(program: Path, base: Base, tmp_path: Path) -> None:
    image = put(program, base, tmp_path / "scratch")
    (image.layout / "blobs" / image.config_digest.replace(":", "/")).write_text("{}")
    with pytest.raises(MachineError, match="was changed"):
        deliver(image, Output(path=tmp_path / "out", form="layout"))
    program.unlink()
    with pytest.raises(MachineError, match="No such file"):
        put(program, base, tmp_path / "other")


def test_full_cache_disk_is_the_machines_fault(program: Path, base: Base, small_disk: Path) -> None:
    with pytest.raises(MachineError, match="No space left") as refusal:
        put(program, base, small_disk / "scratch")
    assert "XDG_CACHE_HOME" in refusal.value.hint


def test_delivered_image_shares_no_file_with_the_cache(program: Path, base: Base, tmp_path: Path) -> None:
    image = put(program, base, tmp_path / "scratch")
    size = deliver(image, Output(path=tmp_path / "out", form="layout"))
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert all(path.stat().st_nlink == 1 for path in files)
    assert size == sum(path.stat().st_size for path in files)
    for path in files:
        assert path.read_bytes() == (image.layout / path.relative_to(tmp_path / "out")).read_bytes()


ELSEWHERE = """
import os, sys
from pathlib import Path
from test_assemble import CONFIG, put, server
from seatrial.assemble import assemble, deliver
from seatrial.model.image import Base
from seatrial.model.plan import Output
os.umask(0o077)
place = Path(sys.argv[1])
base = Base(name="scratch", layers=(), packages=(), lock={})
image = put(place / "program", base, place / "deep" / "scratch")
deliver(image, Output(path=place / "image.tar", form="tar"))
"""


def test_same_bytes_in_another_place_zone_locale_and_umask(program: Path, tmp_path: Path) -> None:
    scratch = Base(name="scratch", layers=(), packages=(), lock={})
    image = put(program, scratch, tmp_path / "scratch")
    deliver(image, Output(path=tmp_path / "image.tar", form="tar"))
    place = tmp_path / "elsewhere"
    place.mkdir()
    (place / "program").write_bytes(program.read_bytes())
    environment = {
        "PYTHONPATH": os.pathsep.join((str(Path(__file__).parent), *sys.path)),
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "tr_TR.UTF-8",
        "PYTHONHASHSEED": "77",
    }
    subprocess.run((sys.executable, "-c", ELSEWHERE, place), env=environment, check=True)
    assert (place / "image.tar").read_bytes() == (tmp_path / "image.tar").read_bytes()
