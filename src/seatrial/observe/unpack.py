"""Image -> root file system in a sandbox, with what a container engine puts there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.errors import FormatError
from seatrial.formats.jsonvalue import table_at, text_at, texts_at
from seatrial.formats.layer_reader import LayerReader
from seatrial.formats.oci import (
    DOCKER_INDEX,
    INDEX,
    Descriptor,
    blob_name,
    parse_diff_ids,
    parse_index,
    parse_json,
    parse_manifest,
)
from seatrial.host.image_reader import ImageFiles, VerifiedReader, read_small
from seatrial.host.rootfs import Rootfs
from seatrial.host.sandbox import SANDBOX_UID, Sandbox

DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_LARGEST_DOCUMENT: Final = 16 << 20
_HOSTS: Final = b"127.0.0.1\tlocalhost trial\n::1\tlocalhost\n"
_NO_SHELL: Final = ("CMD", "CMD-SHELL")


@dataclass(frozen=True, kw_only=True)
class ImageParts:
    """What is needed to run an image. layers: bottom first, each with its diff_id."""

    digest: str
    layers: tuple[tuple[Descriptor, str], ...]
    entrypoint: tuple[str, ...]
    cmd: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    user: str
    working_directory: str
    ports: tuple[int, ...]
    health_argv: tuple[str, ...]


def read_parts(files: ImageFiles, digest: str) -> ImageParts:
    """Read manifest and configuration of one image; raise FormatError or UntrustedInput."""
    manifest_blob, found = _choose_manifest(files, digest)
    manifest = parse_manifest(manifest_blob, found)
    config = parse_json(_verified(files, manifest.config), manifest.config.digest)
    diff_ids = parse_diff_ids(config, manifest.config.digest)
    if len(diff_ids) != len(manifest.layers):
        raise FormatError("the configuration lists another number of layers than the manifest", where=found)
    process = table_at(config, "config")
    pairs = (variable.partition("=") for variable in texts_at(process, "Env"))
    return ImageParts(
        digest=found,
        layers=tuple(zip(manifest.layers, diff_ids, strict=True)),
        entrypoint=texts_at(process, "Entrypoint"),
        cmd=texts_at(process, "Cmd"),
        environment=tuple((name, value) for name, _, value in pairs if name),
        user=text_at(process, "User"),
        working_directory=text_at(process, "WorkingDir") or "/",
        ports=_ports(tuple(table_at(process, "ExposedPorts"))),
        health_argv=_health_argv(table_at(process, "Healthcheck")),
    )


def fill(sandbox: Sandbox, files: ImageFiles, parts: ImageParts) -> Rootfs:
    """Unpack the layers as the sandbox's root."""
    rootfs = _empty_rootfs(sandbox)
    for descriptor, diff_id in parts.layers:
        with closing(files.open(blob_name(descriptor.digest))) as stream:
            blob = VerifiedReader(stream, digest=descriptor.digest, size_bytes=descriptor.size_bytes)
            rootfs.apply(
                LayerReader(blob, media_type=descriptor.media_type, diff_id=diff_id, where=descriptor.digest)
            )
            while blob.read(1 << 20):
                pass
    _furnish(rootfs, parts.working_directory)
    return rootfs


def fill_with_files(sandbox: Sandbox, paths: Mapping[str, Path]) -> Rootfs:
    """Make a root of a few files of this machine: enough for a static program."""
    rootfs = _empty_rootfs(sandbox)
    rootfs.add_files(paths)
    _furnish(rootfs, "/")
    return rootfs


def container_environment(rootfs: Rootfs, image: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the variables that Docker would set: PATH, HOSTNAME, HOME of the user, then the image's."""
    home = "/"
    passwd = rootfs.open("/etc/passwd")
    if passwd is not None:
        with passwd:
            for line in passwd.read(1 << 20).decode("utf-8", "replace").splitlines():
                entry = line.split(":")
                if len(entry) == 7 and entry[2] == str(SANDBOX_UID):
                    home = entry[5] or "/"
    return {"PATH": DEFAULT_PATH, "HOSTNAME": "trial", "HOME": home} | dict(image)


def _empty_rootfs(sandbox: Sandbox) -> Rootfs:
    is_root = os.geteuid() == 0
    return Rootfs(sandbox.root, None if is_root else (SANDBOX_UID, SANDBOX_UID))


def _furnish(rootfs: Rootfs, working_directory: str) -> None:
    """Add what an engine mounts into a container; there is no network, so no name server either."""
    for directory in ("/proc", "/dev", "/tmp"):  # noqa: S108 - the image's own
        rootfs.make_directory(directory)
    if working_directory.strip("/"):
        rootfs.make_directory(working_directory)
    rootfs.write("/etc/hosts", _HOSTS)
    rootfs.write("/etc/hostname", b"trial\n")
    rootfs.write("/etc/resolv.conf", b"")
    rootfs.finish()


def _choose_manifest(files: ImageFiles, digest: str) -> tuple[bytes, str]:
    """Return a manifest's bytes and digest; indexes are followed, attestations are not images."""
    found = parse_index(read_small(files, "index.json", _LARGEST_DOCUMENT), "index.json")
    images = list(_images(files, found, depth=3))
    if digest:
        images = [image for image in images if image.digest == digest]
    if len(images) != 1:
        what = f"no image {digest}" if digest else f"{len(images)} images, where one is expected"
        raise FormatError(f"the layout holds {what}", where="index.json")
    return _verified(files, images[0]), images[0].digest


def _images(files: ImageFiles, listed: tuple[Descriptor, ...], depth: int) -> tuple[Descriptor, ...]:
    images: list[Descriptor] = []
    for descriptor in listed:
        if descriptor.artifact_type or (descriptor.platform and descriptor.platform.os == "unknown"):
            continue
        if descriptor.media_type in (INDEX, DOCKER_INDEX):
            if depth > 0:
                nested = parse_index(_verified(files, descriptor), descriptor.digest)
                images.extend(_images(files, nested, depth - 1))
        else:
            images.append(descriptor)
    return tuple(images)


def _verified(files: ImageFiles, descriptor: Descriptor) -> bytes:
    if descriptor.size_bytes > _LARGEST_DOCUMENT:
        raise FormatError(f"a document of {descriptor.size_bytes} bytes", where=descriptor.digest)
    with closing(files.open(blob_name(descriptor.digest))) as stream:
        blob = VerifiedReader(stream, digest=descriptor.digest, size_bytes=descriptor.size_bytes)
        parts = list(iter(lambda: blob.read(1 << 20), b""))
    return b"".join(parts)


def _ports(names: tuple[str, ...]) -> tuple[int, ...]:
    numbers = (name.partition("/")[0] for name in names if not name.endswith("/udp"))
    return tuple(int(number) for number in numbers if number.isdecimal())


def _health_argv(check: dict[str, object]) -> tuple[str, ...]:
    """Return Docker's Healthcheck as a command line; empty when there is none."""
    test = texts_at(check, "Test")
    if not test or test[0] not in _NO_SHELL:
        return ()
    return test[1:] if test[0] == "CMD" else ("/bin/sh", "-c", *test[1:])
