"""An image taken apart, to be changed in one place and put together again.

All digests of what is written are right, but for what a change itself makes wrong. Blobs that nobody
touched are hard links to the good image's.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Table = dict[str, object]
Member = tuple[tarfile.TarInfo, bytes]

_EPOCH_S = 1_700_000_000
_PACK_LEVEL = 1  # an image that is looked at once


def table(value: object) -> Table:
    """Return a JSON object that must be one."""
    assert isinstance(value, dict), value
    return value


def rows(value: object) -> list[object]:
    """Return a JSON array that must be one."""
    assert isinstance(value, list), value
    return value


def digest_of(content: bytes) -> str:
    """Return "sha256:" + 64 hex."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(kw_only=True)
class LayerDraft:
    """One layer. blob: compressed bytes, or the file that holds them. diff_id: of the tar inside."""

    blob: bytes | Path
    digest: str
    diff_id: str
    size_bytes: int

    def packed(self) -> bytes:
        """Return the blob's bytes."""
        return self.blob if isinstance(self.blob, bytes) else self.blob.read_bytes()

    def unpacked(self) -> bytes:
        """Return the tar."""
        return gzip.decompress(self.packed())

    @classmethod
    def of(cls, tar: bytes) -> LayerDraft:
        """Pack a tar."""
        blob = gzip.compress(tar, _PACK_LEVEL, mtime=0)
        return cls(blob=blob, digest=digest_of(blob), diff_id=digest_of(tar), size_bytes=len(blob))


@dataclass(kw_only=True)
class Draft:
    """A good image's parts.

    programs: other programs that may take the good one's place, by name. at_manifest, at_index: changes
    of these documents just before they are written. at_end: changes of the finished layout.
    """

    config: Table
    manifest: Table
    index: Table
    layers: list[LayerDraft]
    programs: dict[str, Path] = field(default_factory=dict)
    at_manifest: list[Callable[[Table], object]] = field(default_factory=list)
    at_index: list[Callable[[Table], object]] = field(default_factory=list)
    at_end: list[Callable[[Path], object]] = field(default_factory=list)

    @property
    def settings(self) -> Table:
        """The configuration's part that says how to start the image."""
        return table(self.config["config"])

    @property
    def healthcheck(self) -> Table:
        """Docker's Healthcheck."""
        return table(self.settings["Healthcheck"])

    @property
    def history(self) -> list[object]:
        """The configuration's history."""
        return rows(self.config["history"])

    def set_variable(self, name: str, value: str) -> None:
        """Set one of the image's variables."""
        kept = [one for one in rows(self.settings["Env"]) if not str(one).startswith(f"{name}=")]
        self.settings["Env"] = [*kept, f"{name}={value}"]

    def add_layer(self, *members: Member, created_by: str = "COPY . .") -> None:
        """Put a layer on top, with its line in the history."""
        self.layers.append(LayerDraft.of(pack(list(members))))
        self.history.append({"created": self.config["created"], "created_by": created_by})

    def change_layer(self, number: int, change: Callable[[list[Member]], list[Member]]) -> None:
        """Write a layer anew, with other members."""
        self.layers[number] = LayerDraft.of(pack(change(unpack(self.layers[number].unpacked()))))

    def change_member(self, path: str, change: Callable[[tarfile.TarInfo, bytes], Member]) -> None:
        """Change one member of the topmost layer that has it."""
        for number in reversed(range(len(self.layers))):
            if any(name_of(info) == path for info, _ in unpack(self.layers[number].unpacked())):
                break
        else:
            raise AssertionError(path)

        def one(members: list[Member]) -> list[Member]:
            return [
                change(info, content) if name_of(info) == path else (info, content)
                for info, content in members
            ]

        self.change_layer(number, one)

    def write(self, place: Path) -> Path:
        """Write the layout; return its directory."""
        blobs = place / "blobs/sha256"
        blobs.mkdir(parents=True)
        table(self.config["rootfs"])["diff_ids"] = [layer.diff_id for layer in self.layers]
        for layer in self.layers:
            put(blobs, layer.digest, layer.blob)
        config = encode(self.config)
        put(blobs, digest_of(config), config)
        described = table(self.manifest["config"])
        described["digest"], described["size"] = digest_of(config), len(config)
        media_type = table(rows(self.manifest["layers"])[0])["mediaType"]
        self.manifest["layers"] = [
            {"mediaType": media_type, "digest": layer.digest, "size": layer.size_bytes}
            for layer in self.layers
        ]
        for change in self.at_manifest:
            change(self.manifest)
        manifest = encode(self.manifest)
        put(blobs, digest_of(manifest), manifest)
        entry = table(rows(self.index["manifests"])[0])
        entry["digest"], entry["size"] = digest_of(manifest), len(manifest)
        for change in self.at_index:
            change(self.index)
        (place / "index.json").write_bytes(encode(self.index))
        (place / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        for end in self.at_end:
            end(place)
        return place


def read_draft(layout: Path, programs: dict[str, Path]) -> Draft:
    """Take an image apart that has one manifest."""
    index = table(json.loads((layout / "index.json").read_bytes()))
    manifest = table(json.loads(blob_of(layout, table(rows(index["manifests"])[0])).read_bytes()))
    config = table(json.loads(blob_of(layout, table(manifest["config"])).read_bytes()))
    layers = [
        LayerDraft(
            blob=blob_of(layout, table(entry)),
            digest=str(table(entry)["digest"]),
            diff_id=str(diff_id),
            size_bytes=blob_of(layout, table(entry)).stat().st_size,
        )
        for entry, diff_id in zip(
            rows(manifest["layers"]), rows(table(config["rootfs"])["diff_ids"]), strict=True
        )
    ]
    return Draft(config=config, manifest=manifest, index=index, layers=layers, programs=programs)


def blob_of(layout: Path, descriptor: Table) -> Path:
    """Return where a descriptor's blob lies."""
    return layout / "blobs/sha256" / str(descriptor["digest"]).removeprefix("sha256:")


def encode(value: Table) -> bytes:
    """Write a document."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def put(blobs: Path, digest: str, content: bytes | Path) -> None:
    """Write a blob under its digest; one that lies elsewhere is linked."""
    path = blobs / digest.removeprefix("sha256:")
    if path.exists():
        return
    if isinstance(content, bytes):
        path.write_bytes(content)
        return
    try:
        os.link(content, path)
    except OSError:  # on another file system
        shutil.copyfile(content, path)


def replace_blob(path: Path, content: bytes) -> None:
    """Put other bytes where a blob lies; the good image's, which it may be linked to, stay."""
    path.unlink()
    path.write_bytes(content)


def name_of(info: tarfile.TarInfo) -> str:
    """Return a member's path without "./" and "/"."""
    return info.name.removeprefix("./").strip("/")


def unpack(tar: bytes) -> list[Member]:
    """Return a tar's members with their content."""
    found: list[Member] = []
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for info in archive:
            stream = archive.extractfile(info) if info.isreg() else None
            found.append((info, stream.read() if stream else b""))
    return found


def pack(members: list[Member]) -> bytes:
    """Write a tar of these members, in this order, whatever their names."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in members:
            info.size = len(content) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def a_file(path: str, content: bytes = b"x", mode: int = 0o644, uid: int = 0) -> Member:
    """Return a file of root's, or of another owner and group."""
    info = tarfile.TarInfo(path)
    info.mode, info.uid, info.gid, info.mtime = mode, uid, uid, _EPOCH_S
    return info, content


def a_directory(path: str, mode: int = 0o755, uid: int = 0) -> Member:
    """Return a directory."""
    info, _ = a_file(path, b"", mode, uid)
    info.type = tarfile.DIRTYPE
    return info, b""


def a_link(path: str, target: str, *, is_hard: bool = False) -> Member:
    """Return a symbolic link, or a further name of a file."""
    info, _ = a_file(path, b"", 0o755 if is_hard else 0o777)
    info.type = tarfile.LNKTYPE if is_hard else tarfile.SYMTYPE
    info.linkname = target
    return info, b""


def a_device(path: str, major: int, minor: int, *, is_block: bool = False) -> Member:
    """Return a device node."""
    info, _ = a_file(path, b"", 0o600)
    info.type = tarfile.BLKTYPE if is_block else tarfile.CHRTYPE
    info.devmajor, info.devminor = major, minor
    return info, b""
