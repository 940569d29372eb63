"""Values of an image: files, layers, configuration. An Image holds a path and digests, never bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class EntryKind(Enum):
    """What a path in a root file system is; nothing else is ever put into an image."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One path of a root file system.

    path: relative, POSIX, no leading "./" or "/", no "..".
    mode: permission bits (0o7777 mask). uid, gid: numeric owner.
    mtime_epoch_s: whole seconds.
    content: a file's bytes, or the path of a host file to be streamed; None for other kinds.
    link_target: a symlink's text; empty for other kinds.
    content_sha256: 64 hex of the content when the caller has it already (saves reading it again);
    it is believed.
    """

    path: str
    kind: EntryKind
    mode: int
    uid: int = 0
    gid: int = 0
    mtime_epoch_s: int = 0
    content: bytes | Path | None = None
    link_target: str = ""
    content_sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One compressed layer as a file on the host (OCI image-spec, layer.md).

    digest: "sha256:" + 64 hex of the compressed blob; diff_id: the same of the tar inside.
    size_bytes: of the blob; tar_bytes: of the tar; content_bytes: the sum of its file sizes.
    """

    digest: str
    diff_id: str
    size_bytes: int
    tar_bytes: int
    content_bytes: int
    media_type: str
    path: Path
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class Package:
    """One distribution package inside a base. purl follows the package-url specification."""

    name: str
    version: str
    architecture: str
    purl: str
    license: str = ""


@dataclass(frozen=True, kw_only=True)
class Base:
    """What the service's layer is put upon.

    name: "debian-13", "debian-12" or "scratch". layers: bottom first.
    lock: the JSON-able value that makes the same base again (kept in seatrial.lock).
    warnings: sentences for the user, such as a suite past its support.
    """

    name: str
    layers: tuple[Layer, ...]
    packages: tuple[Package, ...]
    lock: dict[str, object]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Healthcheck:
    """Docker's HEALTHCHECK in exec form. argv excludes the leading "CMD". Times in seconds."""

    argv: tuple[str, ...]
    interval_s: float = 10.0
    timeout_s: float = 5.0
    start_period_s: float = 10.0
    retries: int = 3


@dataclass(frozen=True, kw_only=True)
class ImageConfig:
    """What the image says of itself (OCI image-spec, config.md, plus Docker's Healthcheck).

    created: RFC 3339, UTC, from the commit. env: "K=V" strings. ports: such as "8080/tcp".
    """

    architecture: str
    os: str = "linux"
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...] = ()
    user: str = "65532:65532"
    working_dir: str = "/"
    env: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    stop_signal: str = "SIGTERM"
    labels: tuple[tuple[str, str], ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    created: str = "1970-01-01T00:00:00Z"
    healthcheck: Healthcheck | None = None


@dataclass(frozen=True, kw_only=True)
class Image:
    """A finished image on disk.

    layout: directory in OCI image-layout form, which ``assemble.deliver`` hands over.
    digest: of the manifest; config_digest: of the config.
    size_bytes: sum of the file sizes in all layers (uncompressed content);
    compressed_bytes: manifest + config + layer blobs, what a registry stores.
    reference: "name:tag" or empty.
    """

    layout: Path
    digest: str
    config_digest: str
    size_bytes: int
    compressed_bytes: int
    layers: tuple[Layer, ...]
    reference: str = ""
