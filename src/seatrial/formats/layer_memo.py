"""A note beside a cached layer, so that its digests are read back instead of computed again."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from seatrial.errors import OutputError
from seatrial.model.image import Layer

_VERSION: Final = 1


def recall_layer(path: Path) -> Layer | None:
    """Return what ``remember_layer`` noted of the layer at ``path``, or None when it cannot be used.

    Costs one small read and one stat: the blob is taken to be as written when its size is.
    """
    try:
        with open(_memo_path(path), "rb") as memo:
            noted: object = json.load(memo)
    except (OSError, ValueError):
        return None
    return decode_layer(noted, path) if isinstance(noted, dict) else None


def remember_layer(layer: Layer) -> None:
    """Note a layer's digests and sizes beside its blob, replaced in one step; raises OutputError."""
    memo = _memo_path(layer.path)
    temporary = memo.with_name(f".{memo.name}.{os.urandom(6).hex()}.tmp")
    try:
        temporary.write_text(json.dumps(encode_layer(layer), indent=1, sort_keys=True) + "\n")
        os.replace(temporary, memo)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"the layer's note cannot be written: {error.strerror}", where=str(memo)) from error


def encode_layer(layer: Layer) -> dict[str, object]:
    """Return a layer as a JSON value, without its path."""
    return {
        "version": _VERSION,
        "digest": layer.digest,
        "diff_id": layer.diff_id,
        "media_type": layer.media_type,
        "size_bytes": layer.size_bytes,
        "tar_bytes": layer.tar_bytes,
        "content_bytes": layer.content_bytes,
        "comment": layer.comment,
    }


def decode_layer(noted: Mapping[str, object], path: Path) -> Layer | None:
    """Return the layer at ``path`` from its JSON value; None when either is not as noted."""
    if noted.get("version") != _VERSION:
        return None
    try:
        layer = Layer(
            digest=_text(noted, "digest"),
            diff_id=_text(noted, "diff_id"),
            media_type=_text(noted, "media_type"),
            size_bytes=_number(noted, "size_bytes"),
            tar_bytes=_number(noted, "tar_bytes"),
            content_bytes=_number(noted, "content_bytes"),
            path=path,
            comment=_text(noted, "comment"),
        )
        present_bytes = os.stat(path).st_size
    except (OSError, TypeError):
        return None
    return layer if present_bytes == layer.size_bytes else None


def _text(noted: Mapping[str, object], key: str) -> str:
    value = noted.get(key)
    if not isinstance(value, str):
        raise TypeError(key)
    return value


def _number(noted: Mapping[str, object], key: str) -> int:
    value = noted.get(key)
    if not isinstance(value, int):
        raise TypeError(key)
    return value


def _memo_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")
