"""Which layers are read: gzip and plain tar; zstd is named and refused (docs/limitations.md)."""

from __future__ import annotations

import io

import pytest

from seatrial.errors import FormatError
from seatrial.formats.layer_reader import LayerReader

EMPTY = bytes(10240)  # a tar's end: zero blocks
LAYER = "application/vnd.oci.image.layer.v1.tar"


def test_plain_tar_is_read() -> None:
    assert list(LayerReader(io.BytesIO(EMPTY), media_type=LAYER, diff_id="", where="x")) == []


@pytest.mark.parametrize("media_type", [f"{LAYER}+zstd", "application/vnd.docker.image.rootfs.diff.tar.zstd"])
def test_zstd_is_refused_by_its_type(media_type: str) -> None:
    with pytest.raises(FormatError, match="zstd cannot be read"):
        LayerReader(io.BytesIO(b"\x28\xb5\x2f\xfd"), media_type=media_type, diff_id="", where="x")


def test_zstd_of_no_type_is_no_tar() -> None:
    reader = LayerReader(io.BytesIO(b"\x28\xb5\x2f\xfd" + EMPTY), media_type="", diff_id="", where="x")
    with pytest.raises(FormatError):
        list(reader)
