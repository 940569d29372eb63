"""Small OCI layouts for tests of running and judging images."""

from __future__ import annotations

from pathlib import Path

from seatrial.formats.oci import (
    CONFIG,
    LAYOUT_FILE,
    Manifest,
    blob_name,
    describe,
    encode_config,
    encode_index,
    encode_manifest,
    layer_descriptor,
)
from seatrial.formats.oci import MANIFEST as MANIFEST_TYPE
from seatrial.formats.tarball import write_layer
from seatrial.model.image import Entry, EntryKind, Healthcheck, ImageConfig

PASSWD = b"root:x:0:0::/root:/sbin/nologin\nnonroot:x:65532:65532::/home/nonroot:/sbin/nologin\n"


def directory(path: str, mode: int = 0o755, uid: int = 0) -> Entry:
    """Return a directory entry."""
    return Entry(path=path, kind=EntryKind.DIRECTORY, mode=mode, uid=uid, gid=uid)


def file(path: str, content: bytes | Path, mode: int = 0o644, uid: int = 0) -> Entry:
    """Return a file entry."""
    return Entry(path=path, kind=EntryKind.FILE, mode=mode, uid=uid, gid=uid, content=content)


def base_entries() -> list[Entry]:
    """Return what a distroless-like base holds that matters here."""
    return [
        directory("etc"),
        file("etc/passwd", PASSWD),
        file("etc/secret", b"root's only", mode=0o600),
        directory("home"),
        directory("home/nonroot", uid=65532),
        directory("tmp", mode=0o1777),
    ]


def write_image(
    place: Path,
    layers: list[list[Entry]],
    *,
    config: ImageConfig | None = None,
    has_healthcheck: bool = True,
    environment: tuple[str, ...] = (),
) -> Path:
    """Write an OCI image layout of these layers, bottom first, and return its directory."""
    place.mkdir(parents=True)
    (place / "blobs/sha256").mkdir(parents=True)
    written = tuple(
        write_layer(entries, place / f"layer-{number}", comment="test")
        for number, entries in enumerate(layers)
    )
    for layer in written:
        layer.path.rename(place / blob_name(layer.digest))
    check = Healthcheck(argv=("/server", "--health-check")) if has_healthcheck else None
    config = config or ImageConfig(
        architecture="amd64", entrypoint=("/server",), env=environment, ports=("8080/tcp",), healthcheck=check
    )
    blob = encode_config(config, written)
    described = describe(blob, CONFIG)
    (place / blob_name(described.digest)).write_bytes(blob)
    manifest = encode_manifest(
        Manifest(config=described, layers=tuple(layer_descriptor(layer) for layer in written))
    )
    index_entry = describe(manifest, MANIFEST_TYPE)
    (place / blob_name(index_entry.digest)).write_bytes(manifest)
    (place / "index.json").write_bytes(encode_index((index_entry,)))
    (place / "oci-layout").write_bytes(LAYOUT_FILE)
    return place
