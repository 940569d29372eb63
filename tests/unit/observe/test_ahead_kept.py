"""A layer unpacked from where it was kept is, entry by entry, the one unpacked from its blob."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
from pathlib import Path

from seatrial.host.image_reader import open_image
from seatrial.host.layer_store import LayerStore
from seatrial.host.rootfs import Rootfs
from seatrial.observe.ahead import LayersAhead
from seatrial.observe.documents import read_documents

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def member(name: str, kind: bytes = tarfile.REGTYPE, *, mode: int = 0o644, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.mode, made.linkname = kind, mode, link
    return made


def archive(*entries: tuple[tarfile.TarInfo, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in entries:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return written.getvalue()


def owned(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid, info.gid = 1234, 4321
    return info


LOWER = archive(
    (member("etc", tarfile.DIRTYPE, mode=0o755), b""),
    (member("etc/plain"), b"plain"),
    (owned(member("etc/owned", mode=0o640)), b"owned"),
    (owned(member("etc/setuid", mode=0o4751)), b"s" * 100_000),
    (member("etc/open", mode=0o666), b"o"),
    (member("etc/empty", mode=0o400), b""),
    (member("etc/caf\udce9" + "long" * 30), b"a name that is not UTF-8, in a header of its own"),
    (member("etc/hard", tarfile.LNKTYPE, link="etc/owned"), b""),
    (owned(member("etc/soft", tarfile.SYMTYPE, link="plain")), b""),
    (owned(member("closed", tarfile.DIRTYPE, mode=0o2700)), b""),
    (member("closed/gone"), b"gone"),
    (member("closed/low"), b"low"),
)
UPPER = archive(
    (member("closed", tarfile.DIRTYPE, mode=0o1777), b""),
    (member("closed/.wh.gone"), b""),
    (member("etc/plain"), b"twice " * 300_000),
    (member("etc/soft"), b"no link any more"),
    (member("etc/fifo", tarfile.FIFOTYPE), b""),
)


def image(place: Path, *tars: bytes) -> Path:
    def blob(content: bytes, media_type: str) -> dict[str, object]:
        name = hashlib.sha256(content).hexdigest()
        (place / "blobs/sha256" / name).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(content)}

    (place / "blobs/sha256").mkdir(parents=True)
    layers = [blob(gzip.compress(tar, mtime=0), LAYER) for tar in tars]
    diff_ids = [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]
    told = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
    config = blob(json.dumps(told).encode(), CONFIG)
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
    listed = [blob(json.dumps(manifest).encode(), MANIFEST)]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}
    (place / "index.json").write_text(json.dumps(index))
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return place


def unpacked(layout: Path, place: Path, store: LayerStore | None) -> tuple[object, list[str]]:
    """Return what was made, as data, and what was skipped."""
    place.mkdir()
    root = os.open(place, os.O_PATH | os.O_DIRECTORY)
    owner = None if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    try:
        rootfs = Rootfs(root, owner)
        with open_image(layout) as files:
            documents = read_documents(files, architecture="", digest="")
            with LayersAhead(files, documents, store) as layers:
                for layer in layers:
                    rootfs.apply(layer)
        rootfs.finish()
    finally:
        os.close(root)
    return _entries(place), rootfs.skipped


def _entries(place: Path) -> object:
    found = {}
    for path in sorted(place.rglob("*")):
        status = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        inode = min(str(other) for other in path.parent.iterdir() if other.lstat().st_ino == status.st_ino)
        same = os.path.basename(inode)
        found[os.fsencode(path.relative_to(place))] = (
            stat.filemode(status.st_mode),
            status.st_uid,
            status.st_gid,
            content,
            same,
        )
    return found


def test_the_third_time_gives_the_same_entries(tmp_path: Path) -> None:
    layout = image(tmp_path / "image", LOWER, UPPER)
    store = LayerStore(tmp_path / "layers")
    without, skipped = unpacked(layout, tmp_path / "without", None)
    for number in range(3):
        assert unpacked(layout, tmp_path / f"root{number}", store) == (without, skipped)
    assert len(list((tmp_path / "layers").glob("*.tar"))) == 2
    assert skipped == ["/etc/fifo: a device or fifo"]


def test_modes_do_not_depend_on_the_umask(tmp_path: Path) -> None:
    layout = image(tmp_path / "image", LOWER, UPPER)
    usual, _ = unpacked(layout, tmp_path / "usual", None)
    before = os.umask(0o077)
    try:
        strict, _ = unpacked(layout, tmp_path / "strict", None)
    finally:
        os.umask(before)
    assert strict == usual


def test_an_image_left_half_read_leaves_no_descriptor(tmp_path: Path) -> None:
    layout = image(tmp_path / "image", LOWER, UPPER)
    store = LayerStore(tmp_path / "layers")
    for number in range(2):
        unpacked(layout, tmp_path / f"root{number}", store)
    before = os.listdir("/proc/self/fd")
    with open_image(layout) as files:
        documents = read_documents(files, architecture="", digest="")
        with LayersAhead(files, documents, store) as layers:
            next(iter(next(iter(layers))))
    assert os.listdir("/proc/self/fd") == before
