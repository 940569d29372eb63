"""One bounded xz stream and nothing else."""

from __future__ import annotations

import lzma
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import FormatError
from seatrial.formats.xz import decompress_xz

DATA = bytes(range(256)) * 40
PACKED = lzma.compress(DATA)


def unpack(*chunks: bytes, limit_bytes: int = 1 << 20) -> bytes:
    return b"".join(decompress_xz(chunks, limit_bytes=limit_bytes))


@given(st.lists(st.integers(0, len(PACKED)), max_size=6))
def test_however_it_is_cut_into_chunks(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(PACKED)]
    assert unpack(*(PACKED[start:end] for start, end in pairwise(edges))) == DATA


def test_content_of_exactly_the_limit_is_read() -> None:
    assert unpack(PACKED, limit_bytes=len(DATA)) == DATA


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ((), "cut short"),
        ((PACKED[:-1],), "cut short"),
        ((PACKED + b"\0\0\0\0",), "bytes after"),
        ((PACKED, b"x"), "bytes after"),
        ((PACKED + PACKED,), "bytes after"),
        ((b"not xz at all",), "not a readable"),
        ((lzma.compress(DATA, lzma.FORMAT_ALONE),), "not a readable"),
    ],
)
def test_refused(chunks: tuple[bytes, ...], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        unpack(*chunks)


def test_bomb_stops_at_the_limit() -> None:
    bomb = lzma.compress(bytes(64 << 20))
    pieces: list[bytes] = []
    with pytest.raises(FormatError, match="more than 1048576 bytes"):
        pieces.extend(decompress_xz((bomb,), limit_bytes=1 << 20))
    assert sum(map(len, pieces)) <= 1 << 20


def test_large_dictionary_is_refused() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 << 20}]
    with pytest.raises(FormatError, match=r"[Mm]emory"):
        unpack(lzma.compress(b"x", filters=filters))


@given(st.integers(0, len(PACKED) - 1), st.integers(1, 255))
def test_one_damaged_byte_never_gives_other_content(position: int, change: int) -> None:
    damaged = bytearray(PACKED)
    damaged[position] ^= change
    with pytest.raises(FormatError):
        unpack(bytes(damaged))
