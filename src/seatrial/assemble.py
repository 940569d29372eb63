"""Service files, base and configuration -> Image; and the finished image -> the place the user asked for.

An image is assembled in Seatrial's own directory, from blobs that are already there, and handed over
only when the caller says so: nothing is delivered that has not been observed. Nothing here reads a
clock or the environment, so the same values give the same digests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import isal

from seatrial.errors import FormatError, MachineError, OutputError
from seatrial.formats.jsonvalue import table_at
from seatrial.formats.layer_memo import decode_layer, encode_layer
from seatrial.formats.oci import (
    CONFIG,
    CONTAINERD_NAME,
    LAYOUT_FILE,
    MANIFEST,
    REFERENCE_NAME,
    Descriptor,
    Manifest,
    Platform,
    blob_name,
    canonical_json,
    describe,
    encode_config,
    encode_docker_manifest,
    encode_index,
    encode_manifest,
    layer_descriptor,
    parse_json,
    parse_manifest,
)
from seatrial.formats.tarball import write_layer
from seatrial.host.files import write_whole
from seatrial.host.layout import LayoutFile, text_file, write_archive, write_layout
from seatrial.model.image import Base, Entry, Image, ImageConfig, Layer
from seatrial.model.plan import Output

# Part of every key: another encoder gives other bytes for the same files.
_ENCODER: Final = f"igzip {isal.__version__} level 1, blocks of 1 MiB, layer format 1"
_SERVICE: Final = "seatrial: service"
_BLOCK_BYTES: Final = 1 << 20
_DOCKER_DOMAIN: Final = "docker.io/"


def assemble(
    *, files: tuple[Entry, ...], base: Base, config: ImageConfig, scratch: Path, reference: str
) -> Image:
    """Put the service's files upon a base and return the image, as a layout in ``scratch``.

    files: the service's layer, in any order; a host file is read once, in blocks. When paths,
    owners, modes, times and contents are those of the last call, its layer is used again.
    scratch: a directory of Seatrial's own that one run at a time uses (``host.files.exclusive``);
    it keeps the last service layer and the layout, whose blobs are hard links.
    reference: "name:tag" for whoever loads the image, or empty.
    Raises FormatError (an entry or reference that cannot be), MachineError (a file or the scratch
    directory cannot be used).
    """
    layers = (*base.layers, _service_layer(files, scratch))
    config_blob = encode_config(config, layers)
    manifest = Manifest(
        config=describe(config_blob, CONFIG),
        layers=tuple(layer_descriptor(layer) for layer in layers),
        annotations=tuple(sorted(config.annotations)),
    )
    manifest_blob = encode_manifest(manifest)
    named = Descriptor(
        media_type=MANIFEST,
        digest=describe(manifest_blob, MANIFEST).digest,
        size_bytes=len(manifest_blob),
        annotations=_names(reference),
        platform=Platform(architecture=config.architecture, os=config.os),
    )
    blobs = {
        layer.digest: LayoutFile(
            name=blob_name(layer.digest), content=layer.path, size_bytes=layer.size_bytes
        )
        for layer in layers
    }
    image = Image(
        layout=scratch / "image",
        digest=named.digest,
        config_digest=manifest.config.digest,
        size_bytes=sum(layer.content_bytes for layer in layers),
        compressed_bytes=len(manifest_blob)
        + len(config_blob)
        + sum(file.size_bytes for file in blobs.values()),
        layers=layers,
        reference=reference,
    )
    _in_scratch(
        image.layout,
        (
            text_file("oci-layout", LAYOUT_FILE),
            text_file("index.json", encode_index((named,))),
            text_file(blob_name(named.digest), manifest_blob),
            text_file(blob_name(manifest.config.digest), config_blob),
            *blobs.values(),
        ),
    )
    return image


def deliver(image: Image, output: Output) -> int:
    """Hand an assembled image over, as a layout directory or as one tar, and return its size in bytes.

    The output is replaced in one step: whoever looks, and a run that is killed, finds the old image
    or the new one. Missing parent directories are made. Blobs are copied, not linked: an output that
    is changed in place, or given to another owner, must not change the cache.
    Raises OutputError: what is there is no image of ours, no room, no permission; nothing changed.
    """
    manifest_blob = _read_blob(image, image.digest)
    manifest = parse_manifest(manifest_blob, image.digest)
    config_blob = _read_blob(image, image.config_digest)
    layers = {layer.digest: layer.size_bytes for layer in image.layers}
    files = (
        text_file("oci-layout", LAYOUT_FILE),
        text_file("index.json", (image.layout / "index.json").read_bytes()),
        text_file(blob_name(image.digest), manifest_blob),
        text_file(blob_name(image.config_digest), config_blob),
        *(_blob_file(image, digest, size) for digest, size in layers.items()),
    )
    if output.form == "tar":
        tags = (image.reference,) if image.reference else ()
        docker = text_file("manifest.json", encode_docker_manifest(manifest, tags))
        return write_archive(output.path, (*files[:2], docker, *files[2:]))
    write_layout(output.path, files)
    return sum(file.size_bytes for file in files)


def _read_blob(image: Image, digest: str) -> bytes:
    path = image.layout / blob_name(digest)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MachineError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if describe(content, "").digest != digest:
        raise MachineError("was changed since it was made", where=str(path), hint="remove it and build again")
    return content


def _blob_file(image: Image, digest: str, size_bytes: int) -> LayoutFile:
    name = blob_name(digest)
    return LayoutFile(name=name, content=image.layout / name, size_bytes=size_bytes)


def _in_scratch(layout: Path, files: tuple[LayoutFile, ...]) -> None:
    with _own_directory():
        write_layout(layout, files, may_link=True)


@contextmanager
def _own_directory() -> Iterator[None]:
    """Say of a place that the user did not choose what can be done about it."""
    try:
        yield
    except OutputError as error:
        hint = "free some space, or set XDG_CACHE_HOME to a directory on another disk"
        raise MachineError(error.what, where=error.where, hint=error.hint or hint) from error


def _names(reference: str) -> tuple[tuple[str, str], ...]:
    """Return how an index names an image: as it was given, and in full, which containerd wants."""
    if not reference:
        return ()
    name, colon, tag = reference.rpartition(":")
    if not colon or not name or not tag or "/" in tag or "@" in reference:
        raise FormatError("a reference must be name:tag", where=reference)
    first, slash, _ = name.partition("/")
    is_qualified = bool(slash) and ("." in first or ":" in first or first == "localhost")
    full = reference if is_qualified else _DOCKER_DOMAIN + ("" if slash else "library/") + reference
    return ((CONTAINERD_NAME, full), (REFERENCE_NAME, reference))


def _service_layer(files: tuple[Entry, ...], scratch: Path) -> Layer:
    """Return the layer of the service's files: the last one when it is the same, else a new one."""
    key = _layer_key(files)
    path, record = scratch / "service.tar.gz", scratch / "service.json"
    kept = _recall(path, record, key)
    if kept is not None:
        return kept
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        record.unlink(missing_ok=True)  # first, so that it never speaks of a blob that is not its own
        for leftover in scratch.glob(".service.*"):  # of a killed run: this one has the directory alone
            leftover.unlink()
    except OSError as error:
        raise MachineError(f"cannot be written: {error.strerror}", where=str(scratch)) from error
    with _own_directory():
        layer = write_layer(files, path, comment=_SERVICE)
        write_whole(record, canonical_json({"key": key, "layer": encode_layer(layer)}))
    return layer


def _recall(path: Path, record: Path, key: str) -> Layer | None:
    """Return the layer of the last run when it has this key and its blob is all there."""
    try:
        noted = parse_json(record.read_bytes())
        return decode_layer(table_at(noted, "layer"), path) if noted.get("key") == key else None
    except (OSError, FormatError):
        return None


def _layer_key(files: tuple[Entry, ...]) -> str:
    """Return the digest of everything that the layer's bytes depend on."""
    rows = [_key_row(entry) for entry in sorted(files, key=lambda entry: entry.path)]
    return hashlib.sha256(canonical_json([_ENCODER, rows])).hexdigest()


def _key_row(entry: Entry) -> list[str | int]:
    owner = (entry.mode, entry.uid, entry.gid, entry.mtime_epoch_s)
    return [entry.path, entry.kind.value, *owner, entry.link_target, _content_sha256(entry)]


def _content_sha256(entry: Entry) -> str:
    if entry.content_sha256 or entry.content is None:
        return entry.content_sha256
    if isinstance(entry.content, bytes):
        return hashlib.sha256(entry.content).hexdigest()
    found = hashlib.sha256()
    block = memoryview(bytearray(_BLOCK_BYTES))
    try:
        with open(entry.content, "rb", buffering=0) as file:
            while count := file.readinto(block):
                found.update(block[:count])
    except OSError as error:
        raise MachineError(f"cannot be read: {error.strerror}", where=str(entry.content)) from error
    return found.hexdigest()
