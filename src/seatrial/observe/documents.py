"""Image files -> the documents of one image: manifest, configuration, and where its layers are."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Final

from seatrial.errors import FormatError
from seatrial.formats.jsonvalue import as_list, as_table, text_at
from seatrial.formats.oci import (
    CONFIG,
    DOCKER_INDEX,
    INDEX,
    Descriptor,
    blob_name,
    parse_diff_ids,
    parse_docker_manifest,
    parse_index,
    parse_json,
    parse_manifest,
    sha256_digest,
)
from seatrial.host.image_reader import ImageFiles, VerifiedReader, read_small

_LARGEST_DOCUMENT: Final = 16 << 20
_DEEPEST_INDEX: Final = 4
# An image's manifest has none; go-containerregistry, and so ko, writes its configuration's type
# (OCI descriptor.md: the artifactType of a manifest without one is its config's mediaType).
_IMAGE_TYPES: Final = ("", CONFIG, "application/vnd.docker.container.image.v1+json")
_ATTESTATION: Final = ("vnd.docker.reference.type", "attestation-manifest")


@dataclass(frozen=True, kw_only=True)
class LayerBlob:
    """Where a layer is. descriptor: None when nothing promises one (docker save before 25).

    diff_id: what the configuration promises of the tar inside. created_by: of its history entry.
    """

    name: str
    descriptor: Descriptor | None
    diff_id: str
    created_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Documents:
    """One image's documents. document_bytes: the sizes of manifest and configuration.

    platform: as the manifest's descriptor says, such as "linux/arm/v7", or "". layers_of_history: for
    each history entry, the layer that it made, or -1.
    """

    digest: str
    config: dict[str, object]
    annotations: tuple[tuple[str, str], ...]
    layers: tuple[LayerBlob, ...]
    document_bytes: int
    platform: str = ""
    layers_of_history: tuple[int, ...] = ()


def read_documents(files: ImageFiles, *, architecture: str, digest: str) -> Documents:
    """Find one image and read its documents, comparing digests.

    architecture, digest: which of several images; "" takes the only one.
    Raises FormatError (none, or several), UntrustedInput (a blob that is not as promised).
    """
    if files.has("index.json"):
        return _read_layout(files, architecture, digest)
    if files.has("manifest.json"):
        return _read_docker_save(files)
    hint = "an image is an OCI layout directory, or a tar of one or from docker save"
    raise FormatError("there is neither an index.json nor a manifest.json: this is no image", hint=hint)


def _read_layout(files: ImageFiles, architecture: str, digest: str) -> Documents:
    listed = parse_index(read_small(files, "index.json", _LARGEST_DOCUMENT), "index.json")
    found = [image for image in _images(files, listed, _DEEPEST_INDEX) if digest in {"", image.digest}]
    if architecture and len(found) > 1:
        found = [image for image in found if image.platform and image.platform.architecture == architecture]
    if len(found) != 1:
        names = ", ".join(f"{_architecture(image)} {image.digest}" for image in found[:5]) or "none fits"
        hint = "say which one: IMAGE@DIGEST, or --platform linux/ARCHITECTURE"
        raise FormatError(f"{len(found)} images to choose from: {names}", where="index.json", hint=hint)
    manifest_blob = _read_verified(files, found[0])
    manifest = parse_manifest(manifest_blob, found[0].digest)
    config = parse_json(_read_verified(files, manifest.config), manifest.config.digest)
    diff_ids = parse_diff_ids(config, manifest.config.digest)
    if len(diff_ids) != len(manifest.layers):
        sizes = f"{len(manifest.layers)} layers in the manifest, {len(diff_ids)} in the configuration"
        raise FormatError(sizes, where=found[0].digest)
    return Documents(
        digest=found[0].digest,
        config=config,
        annotations=manifest.annotations,
        layers=tuple(
            LayerBlob(name=blob_name(layer.digest), descriptor=layer, diff_id=diff_id, created_by=created_by)
            for layer, diff_id, created_by in zip(
                manifest.layers, diff_ids, _created_by(config, len(diff_ids)), strict=True
            )
        ),
        document_bytes=len(manifest_blob) + manifest.config.size_bytes,
        platform=_platform(found[0]),
        layers_of_history=_layers_of_history(config, len(diff_ids)),
    )


def _images(files: ImageFiles, listed: tuple[Descriptor, ...], depth: int) -> list[Descriptor]:
    """Return the images that are here, through nested indexes; attestations and the absent left out."""
    found: dict[str, Descriptor] = {}
    for entry in listed:
        is_image = entry.artifact_type in _IMAGE_TYPES and _ATTESTATION not in entry.annotations
        if not is_image or not files.has(blob_name(entry.digest)):
            continue
        if entry.media_type not in {INDEX, DOCKER_INDEX}:
            found.setdefault(entry.digest, entry)
        elif depth > 0:
            inner = parse_index(_read_verified(files, entry), entry.digest)
            for image in _images(files, inner, depth - 1):
                found.setdefault(image.digest, image)
    return list(found.values())


def _architecture(image: Descriptor) -> str:
    return image.platform.architecture if image.platform else "?"


def _platform(image: Descriptor) -> str:
    found = image.platform
    return "/".join(part for part in (found.os, found.architecture, found.variant) if part) if found else ""


def _layers_of_history(config: dict[str, object], layers: int) -> tuple[int, ...]:
    """Return the layer of each history entry; -1 for one that made none, or more than there are."""
    found = []
    layer = 0
    for entry in as_list(config.get("history"), "history"):
        is_empty = as_table(entry, "history").get("empty_layer") is True
        found.append(-1 if is_empty or layer >= layers else layer)
        layer += not is_empty
    return tuple(found)


def _created_by(config: dict[str, object], layers: int) -> tuple[str, ...]:
    texts = [""] * layers
    entries = as_list(config.get("history"), "history")
    for layer, entry in zip(_layers_of_history(config, layers), entries, strict=True):
        if layer >= 0:
            texts[layer] = text_at(as_table(entry, "history"), "created_by")
    return tuple(texts)


def _read_docker_save(files: ImageFiles) -> Documents:
    """Read what ``docker save`` wrote before version 25: no manifest; the image's id is its config's."""
    images = parse_docker_manifest(read_small(files, "manifest.json", _LARGEST_DOCUMENT), "manifest.json")
    if len(images) != 1:
        hint = "save one image alone"
        raise FormatError(f"{len(images)} images in one tar", where="manifest.json", hint=hint)
    config_blob = read_small(files, images[0].config, _LARGEST_DOCUMENT)
    config = parse_json(config_blob, images[0].config)
    diff_ids = parse_diff_ids(config, images[0].config)
    if len(diff_ids) != len(images[0].layers):
        raise FormatError(
            "manifest and configuration differ in their number of layers", where="manifest.json"
        )
    return Documents(
        digest=sha256_digest(config_blob),
        config=config,
        annotations=(),
        layers=tuple(
            LayerBlob(name=name, descriptor=None, diff_id=diff_id, created_by=created_by)
            for name, diff_id, created_by in zip(
                images[0].layers, diff_ids, _created_by(config, len(diff_ids)), strict=True
            )
        ),
        document_bytes=len(config_blob),
        layers_of_history=_layers_of_history(config, len(diff_ids)),
    )


def _read_verified(files: ImageFiles, descriptor: Descriptor) -> bytes:
    if descriptor.size_bytes > _LARGEST_DOCUMENT:
        raise FormatError("a document of over 16 MiB", where=descriptor.digest)
    with closing(files.open(blob_name(descriptor.digest))) as stream:
        reader = VerifiedReader(stream, digest=descriptor.digest, size_bytes=descriptor.size_bytes)
        return b"".join(iter(lambda: reader.read(1 << 20), b""))
