"""Strict, bounded xz reading: one stream, nothing after it, and never more than was allowed."""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Iterator
from typing import Final

from seatrial.errors import FormatError

_MEMORY_BYTES: Final = 128 << 20
_PIECE_BYTES: Final = 256 << 10


def decompress_xz(chunks: Iterable[bytes], *, limit_bytes: int) -> Iterator[bytes]:
    """Yield the content of exactly one xz stream in pieces of at most 256 KiB (xz file format 1.2).

    Raises FormatError for damage, a cut, bytes or a second stream after the first, a dictionary of
    more than 128 MB, and content beyond ``limit_bytes``: the first byte over it stops the reading.
    """
    decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_BYTES)
    total = 0
    for chunk in chunks:
        if decoder.eof and chunk:
            raise FormatError("bytes after the end of the xz stream")
        data = chunk
        while not decoder.eof:
            piece = _step(decoder, data, min(_PIECE_BYTES, limit_bytes - total + 1))
            data = b""
            total += len(piece)
            if total > limit_bytes:
                raise FormatError(f"more than {limit_bytes} bytes when decompressed")
            if piece:
                yield piece
            if decoder.needs_input:
                break
        if decoder.unused_data:
            raise FormatError("bytes after the end of the xz stream")
    if not decoder.eof:
        raise FormatError("the xz stream is cut short")


def _step(decoder: lzma.LZMADecompressor, data: bytes, limit: int) -> bytes:
    try:
        return decoder.decompress(data, limit)
    except (lzma.LZMAError, EOFError, MemoryError) as error:
        raise FormatError(f"not a readable xz stream: {error}") from error
