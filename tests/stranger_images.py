"""Small OCI layouts as other tools write them, with layers that Seatrial never would."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
PLAIN = "application/vnd.oci.image.layer.v1.tar"


def tar_of(*members: tuple[str, bytes | str | None], format_: int = tarfile.GNU_FORMAT) -> bytes:
    """Return a tar of another tool's: bytes are files, text a link's target ("=": hard), None a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format_) as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.mode = 0o4755 if name.endswith("sudo") else 0o755
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                member.type = tarfile.LNKTYPE if content.startswith("=") else tarfile.SYMTYPE
                member.linkname = content.removeprefix("=")
            else:
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def put_image(
    root: Path,
    tars: list[bytes],
    settings: dict[str, object],
    *,
    pack: Callable[[bytes], bytes] = gzip.compress,
) -> Path:
    """Write a layout as another tool would."""
    blobs = root / "blobs/sha256"
    blobs.mkdir(parents=True)

    def store(content: bytes, media_type: str) -> dict[str, object]:
        digest = digest_of(content)
        (blobs / digest.removeprefix("sha256:")).write_bytes(content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    diff_ids = [digest_of(content) for content in tars]
    config = {"architecture": "amd64", "os": "linux", "config": settings, "rootfs": {"diff_ids": diff_ids}}
    media_type = PLAIN if pack is bytes else GZIP
    manifest = {
        "schemaVersion": 2,
        "config": store(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [store(pack(content), media_type) for content in tars],
    }
    described = store(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    (root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [described]}))
    return root
