"""OCI descriptors, manifests, configurations and indexes: values <-> canonical JSON (OCI image-spec 1.1).

Canonical here: sorted keys, no white space, UTF-8, no trailing line end. The digest of what is
written is therefore a function of the values alone. Reading tolerates unknown keys and Docker's
media types, and checks everything that a digest, a size or an order depends on.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final

from seatrial.errors import FormatError
from seatrial.formats.jsonvalue import as_list, as_table, table_at, text_at, texts_at
from seatrial.model.image import Healthcheck, ImageConfig, Layer

INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
LAYOUT_FILE: Final = b'{"imageLayoutVersion":"1.0.0"}'
REFERENCE_NAME: Final = "org.opencontainers.image.ref.name"
CONTAINERD_NAME: Final = "io.containerd.image.name"

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
# Keys that decide which blobs an image is; Go's decoder, which engines use, does not look at their case.
_DECIDING: Final = frozenset(
    ("mediatype", "manifests", "config", "layers", "digest", "size", "rootfs", "diff_ids")
)
_NS_PER_S: Final = 1_000_000_000
_LARGEST_JSON: Final = 16 << 20


@dataclass(frozen=True, kw_only=True)
class Platform:
    """What an image runs on (OCI image-index.md): Go's names, such as "amd64" and "linux".

    variant: such as "v7" for arm; read only, as no image of Seatrial's has one.
    """

    architecture: str
    os: str
    variant: str = ""


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """A typed pointer to content (OCI descriptor.md). digest: "sha256:" + 64 hex. annotations: sorted."""

    media_type: str
    digest: str
    size_bytes: int
    annotations: tuple[tuple[str, str], ...] = ()
    platform: Platform | None = None
    artifact_type: str = ""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One image for one platform (OCI manifest.md). layers: bottom first. annotations: sorted."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: tuple[tuple[str, str], ...] = ()


def canonical_json(value: object) -> bytes:
    """Return the one encoding of a JSON value that Seatrial writes; raise FormatError for another type."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()
    except (TypeError, ValueError) as error:
        raise FormatError(f"cannot be written as JSON: {error}") from error


def parse_json(blob: bytes, where: str = "") -> dict[str, object]:
    """Return a JSON object; raise FormatError for anything else, a repeated key or over 16 MiB."""
    return as_table(_parse_value(blob, where), where)


def _parse_value(blob: bytes, where: str) -> object:
    if len(blob) > _LARGEST_JSON:
        raise FormatError(f"{len(blob)} bytes of JSON are more than this reads", where=where)
    try:
        value: object = json.loads(blob, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not JSON: {error}", where=where) from error
    return value


def sha256_digest(content: bytes) -> str:
    """Return "sha256:" + 64 hex of some bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def check_digest(digest: str, where: str = "") -> str:
    """Return a digest that may be used as a file name; raise FormatError for any other text."""
    if _DIGEST.fullmatch(digest) is None:
        raise FormatError(f"not a sha256 digest: {digest[:100]!r}", where=where)
    return digest


def describe(content: bytes, media_type: str) -> Descriptor:
    """Return the descriptor of some bytes."""
    return Descriptor(media_type=media_type, digest=sha256_digest(content), size_bytes=len(content))


def encode_config(config: ImageConfig, layers: tuple[Layer, ...]) -> bytes:
    """Write an image configuration (OCI config.md) with Docker's Healthcheck.

    layers: bottom first; each gives one diff_id and one history entry, whose ``created_by`` is the
    layer's comment. An empty setting is left out, as Go's encoders do.
    """
    history = [{"created": config.created, "created_by": layer.comment or "seatrial"} for layer in layers]
    return canonical_json(
        {
            "architecture": config.architecture,
            "os": config.os,
            "created": config.created,
            "config": _without_empty(_process_settings(config)),
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": history,
        }
    )


def _process_settings(config: ImageConfig) -> dict[str, object]:
    return {
        "User": config.user,
        "WorkingDir": config.working_dir,
        "Env": list(config.env),
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.cmd),
        "ExposedPorts": {port: {} for port in config.ports},
        "StopSignal": config.stop_signal,
        "Labels": dict(config.labels),
        "Healthcheck": _healthcheck(config.healthcheck) if config.healthcheck else None,
    }


def _healthcheck(check: Healthcheck) -> dict[str, object]:
    return {
        "Test": ["CMD", *check.argv],
        "Interval": round(check.interval_s * _NS_PER_S),
        "Timeout": round(check.timeout_s * _NS_PER_S),
        "StartPeriod": round(check.start_period_s * _NS_PER_S),
        "Retries": check.retries,
    }


def _without_empty(table: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in table.items() if value not in (None, "", [], {})}


def layer_descriptor(layer: Layer) -> Descriptor:
    """Return the descriptor of a layer's blob."""
    return Descriptor(media_type=layer.media_type, digest=layer.digest, size_bytes=layer.size_bytes)


def encode_manifest(manifest: Manifest) -> bytes:
    """Write an image manifest."""
    table: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor_table(manifest.config),
        "layers": [_descriptor_table(layer) for layer in manifest.layers],
        "annotations": dict(manifest.annotations),
    }
    return canonical_json(_without_empty(table) | {"layers": table["layers"]})


def encode_index(manifests: tuple[Descriptor, ...]) -> bytes:
    """Write the index.json of an image layout (OCI image-layout.md)."""
    return canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [_descriptor_table(descriptor) for descriptor in manifests],
        }
    )


def _descriptor_table(descriptor: Descriptor) -> dict[str, object]:
    platform = descriptor.platform
    return {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size_bytes,
    } | _without_empty(
        {
            "annotations": dict(descriptor.annotations),
            "platform": {"architecture": platform.architecture, "os": platform.os} if platform else None,
            "artifactType": descriptor.artifact_type,
        }
    )


def encode_docker_manifest(manifest: Manifest, repo_tags: tuple[str, ...]) -> bytes:
    """Write the manifest.json that ``docker load`` reads beside the layout (Docker image spec 1.2).

    repo_tags: each "name:tag"; Docker ignores a name without its tag.
    """
    return canonical_json(
        [
            {
                "Config": blob_name(manifest.config.digest),
                "RepoTags": list(repo_tags),
                "Layers": [blob_name(layer.digest) for layer in manifest.layers],
            }
        ]
    )


def blob_name(digest: str) -> str:
    """Return where an image layout keeps a blob: "blobs/sha256/" + 64 hex."""
    return "blobs/" + check_digest(digest).replace(":", "/")


def parse_manifest(blob: bytes, where: str = "") -> Manifest:
    """Read an image manifest, OCI's or Docker's schema 2; raise FormatError for any other document."""
    table = parse_json(blob, where)
    if table.get("schemaVersion") != 2 or "config" not in table:
        raise FormatError("not an image manifest", where=where)
    layers = as_list(table.get("layers"), where)
    return Manifest(
        config=parse_descriptor(table["config"], where),
        layers=tuple(parse_descriptor(layer, where) for layer in layers),
        annotations=_texts_table(table, "annotations"),
    )


def parse_index(blob: bytes, where: str = "") -> tuple[Descriptor, ...]:
    """Read the manifests of an index.json, OCI index or Docker manifest list."""
    table = parse_json(blob, where)
    if table.get("schemaVersion") != 2 or not isinstance(table.get("manifests"), list):
        raise FormatError("not an image index", where=where)
    return tuple(parse_descriptor(entry, where) for entry in as_list(table["manifests"], where))


@dataclass(frozen=True, kw_only=True)
class DockerImage:
    """One image of a manifest.json. config, layers: names in the tar, layers bottom first."""

    config: str
    layers: tuple[str, ...]
    repo_tags: tuple[str, ...]


def parse_docker_manifest(blob: bytes, where: str = "") -> tuple[DockerImage, ...]:
    """Read the manifest.json of ``docker save`` (Docker image spec 1.2)."""
    rows = [as_table(entry, where) for entry in as_list(_parse_value(blob, where), where)]
    return tuple(
        DockerImage(
            config=text_at(row, "Config"), layers=texts_at(row, "Layers"), repo_tags=texts_at(row, "RepoTags")
        )
        for row in rows
    )


def parse_descriptor(value: object, where: str = "") -> Descriptor:
    """Read one descriptor; its digest is checked to be sha256, its size to be a natural number."""
    table = as_table(value, where)
    size = table.get("size")
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise FormatError("a descriptor without a size", where=where)
    platform = table_at(table, "platform")
    return Descriptor(
        media_type=text_at(table, "mediaType"),
        digest=check_digest(text_at(table, "digest"), where),
        size_bytes=size,
        annotations=_texts_table(table, "annotations"),
        platform=Platform(
            architecture=text_at(platform, "architecture"),
            os=text_at(platform, "os"),
            variant=text_at(platform, "variant"),
        )
        if platform
        else None,
        artifact_type=text_at(table, "artifactType"),
    )


def parse_diff_ids(config: dict[str, object], where: str = "") -> tuple[str, ...]:
    """Return the layers' uncompressed digests that an image configuration promises, bottom first."""
    return tuple(check_digest(item, where) for item in texts_at(table_at(config, "rootfs"), "diff_ids"))


def _texts_table(table: dict[str, object], key: str) -> tuple[tuple[str, str], ...]:
    found = table_at(table, key)
    return tuple((name, text_at(found, name)) for name in sorted(found))


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key is given twice")
    deciding = [key.lower() for key in table if key.lower() in _DECIDING]
    if len(set(deciding)) != len(deciding):
        raise ValueError("a key is given in two spellings, which engines take for one")
    return table
