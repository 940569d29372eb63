"""A tar as a stream -> its members in order, each with its content (POSIX ustar and pax, GNU, V7).

Reads what tarfile reads in its stream mode, at a fraction of the cost for a layer of many small files,
and is stricter in one point: a header that is none ends tarfile's reading in silence, and here it is
refused. Members are ``tarfile.TarInfo``, so that whoever unpacks them needs no second type.
"""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterator
from typing import Final

from seatrial.errors import FormatError

_BLOCK: Final = 512
_ZEROS: Final = bytes(_BLOCK)
_PIECE_BYTES: Final = 256 << 10
_LARGEST_HEADER: Final = 1 << 20
_MOST_PIECES: Final = 1 << 20
_CHECKSUM_BLANKS: Final = 8 * 32
_LONG_NAME, _LONG_LINK, _SPARSE = b"L", b"K", b"S"
_PAX: Final = (b"x", b"X", b"g")
# Nothing follows such a header, whatever size it gives (as in Go's archive/tar and in tarfile).
_WITHOUT_CONTENT: Final = (b"1", b"2", b"3", b"4", b"5", b"6")

# Where content lies in a sparse file: (offset, size in bytes), in order.
_Pieces = list[tuple[int, int]]


class TarStream:
    """Reads members one after the other; the content of the last one can be read until the next.

    read: returns up to so many bytes, b"" at the end. Raises FormatError: no tar, or a broken one.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._buffer = b""
        self._at = 0
        self._before = 0  # bytes of the tar before the buffer
        self._left = 0  # of the member's stored content
        self._padding = 0
        self._pieces: _Pieces | None = None
        self._defaults: dict[str, str] = {}

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        """Yield the members up to the first block of zeros, or the end of the bytes."""
        is_first = True
        while True:
            header = self._next_header()
            if header is None:
                if is_first:
                    raise FormatError("empty")
                return
            if header == _ZEROS:
                return
            is_first = False
            yield self._member(header)

    @property
    def content_offset(self) -> int | None:
        """Where the last member's content begins in the tar; None when it is not in one piece (sparse).

        To be asked before the content is read.
        """
        return None if self._pieces is not None else self._before + self._at

    def content(self) -> Iterator[bytes]:
        """Yield the content of the last member in pieces; of a sparse file with its holes."""
        if self._pieces is None:
            yield from self._stored(self._left)
            return
        at = 0
        for offset, size in self._pieces:
            yield from _zeros(offset - at)
            yield from self._stored(size)
            at = offset + size

    def _next_header(self) -> bytes | None:
        self._skip(self._left + self._padding)
        self._left = self._padding = 0
        self._pieces = None
        header = self._take(_BLOCK)
        if not header:
            return None
        if len(header) < _BLOCK:
            raise FormatError("a header is cut short")
        return header

    def _member(self, header: bytes) -> tarfile.TarInfo:
        """Return the member that begins here, after the headers that only lengthen its fields."""
        pax = dict(self._defaults)
        name = link = ""
        while (flag := header[156:157]) in {_LONG_NAME, _LONG_LINK} or flag in _PAX:
            _check(header)
            extra = self._whole(_number(header[124:136]))
            if flag == _LONG_NAME:
                name = _text(extra)
            elif flag == _LONG_LINK:
                link = _text(extra)
            elif flag == b"g":
                self._defaults.update(_pax_records(extra))
                pax = self._defaults | pax
            else:
                pax.update(_pax_records(extra))
            following = self._next_header()
            if following is None or following == _ZEROS:
                raise FormatError("a header that lengthens the next one, and no next one")
            header = following
        _check(header)
        member = _plain_member(header)
        member.name = name or member.name
        member.linkname = link or member.linkname
        if pax:
            _apply_pax(member, pax)
        if member.type == tarfile.AREGTYPE and member.name.endswith("/"):
            member.type = tarfile.DIRTYPE  # V7 had no other way to say so
        self._left = 0 if member.type in _WITHOUT_CONTENT else member.size
        self._padding = -self._left % _BLOCK
        if member.type == _SPARSE or "GNU.sparse.major" in pax or "GNU.sparse.map" in pax:
            self._read_sparse(member, header, pax)
        return member

    def _read_sparse(self, member: tarfile.TarInfo, header: bytes, pax: dict[str, str]) -> None:
        """Find where content lies (GNU tar manual, "Storing Sparse Files", all its formats but 0.0)."""
        if member.type == _SPARSE:
            numbers, member.size = self._old_sparse_map(header), _number(header[483:495])
        elif "GNU.sparse.map" in pax:
            numbers = [_decimal(word) for word in pax["GNU.sparse.map"].split(",")]
            member.size = _decimal(pax.get("GNU.sparse.size", ""))
        else:
            numbers = self._sparse_map_in_content()
            member.size = _decimal(pax.get("GNU.sparse.realsize", ""))
        member.name = pax.get("GNU.sparse.name", member.name)
        pieces = list(zip(numbers[::2], numbers[1::2], strict=True))
        at = 0
        for offset, size in pieces:
            if offset < at:
                raise FormatError("a sparse file whose pieces overlap")
            at = offset + size
        if at > member.size or sum(size for _, size in pieces) > self._left:
            raise FormatError("a sparse file with more content than it says")
        self._pieces = [*pieces, (member.size, 0)]

    def _old_sparse_map(self, header: bytes) -> list[int]:
        numbers: list[int] = []
        fields, is_extended = header[386:482], header[482]
        while True:
            for start in range(0, len(fields), 24):
                if fields[start] and len(fields) >= start + 24:
                    numbers.extend(
                        (_number(fields[start : start + 12]), _number(fields[start + 12 : start + 24]))
                    )
            if not is_extended:
                return numbers
            block = self._take(_BLOCK)
            if len(block) < _BLOCK or len(numbers) > _MOST_PIECES:
                raise FormatError("a sparse file whose map has no end")
            fields, is_extended = block[:504], block[504]

    def _sparse_map_in_content(self) -> list[int]:
        lines: list[bytes] = []
        rest = b""
        while not lines or len(lines) < 1 + 2 * _decimal(lines[0].decode("ascii", "replace")):
            block = self._take(min(_BLOCK, self._left))
            if not block or len(lines) > _MOST_PIECES:
                raise FormatError("a sparse file whose map has no end")
            self._left -= len(block)
            *whole, rest = (rest + block).split(b"\n")
            lines.extend(whole)
        count = _decimal(lines[0].decode("ascii", "replace"))
        return [_decimal(line.decode("ascii", "replace")) for line in lines[1 : 1 + 2 * count]]

    def _whole(self, size_bytes: int) -> bytes:
        if size_bytes > _LARGEST_HEADER:
            raise FormatError(f"a header of {size_bytes} bytes")
        content = self._take(size_bytes)
        if len(content) < size_bytes:
            raise FormatError("a header is cut short")
        self._skip(-size_bytes % _BLOCK)
        return content

    def _stored(self, size_bytes: int) -> Iterator[bytes]:
        while size_bytes:
            piece = self._take_some(min(size_bytes, _PIECE_BYTES))
            if not piece:
                raise FormatError("a file is cut short")
            size_bytes -= len(piece)
            self._left -= len(piece)
            yield piece

    def _take(self, size_bytes: int) -> bytes:
        """Return so many bytes, or fewer at the end."""
        end = self._at + size_bytes
        if end <= len(self._buffer):
            taken = self._buffer[self._at : end]
            self._at = end
            return taken
        pieces = []
        while size_bytes and (piece := self._take_some(size_bytes)):
            pieces.append(piece)
            size_bytes -= len(piece)
        return b"".join(pieces)

    def _take_some(self, size_bytes: int) -> bytes:
        if self._at == len(self._buffer):
            self._refill()
        taken = self._buffer[self._at : self._at + size_bytes]
        self._at += len(taken)
        return taken

    def _skip(self, size_bytes: int) -> None:
        while size_bytes:
            there = len(self._buffer) - self._at
            if there >= size_bytes:
                self._at += size_bytes
                return
            size_bytes -= there
            self._refill()
            if not self._buffer:
                raise FormatError("a file is cut short")

    def _refill(self) -> None:
        self._before += len(self._buffer)
        self._buffer, self._at = self._read(_PIECE_BYTES), 0


def _check(header: bytes) -> None:
    """Compare the checksum; some old tools summed signed bytes."""
    promised = _number(header[148:156])
    found = sum(header) - sum(header[148:156]) + _CHECKSUM_BLANKS
    if promised == found:
        return
    high = sum(1 for position, byte in enumerate(header) if byte > 127 and not 148 <= position < 156)
    if promised != found - 256 * high:
        raise FormatError("a header with a wrong checksum")


def _plain_member(header: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(_text(header[:100]))
    member.mode = _number(header[100:108])
    member.uid = _number(header[108:116])
    member.gid = _number(header[116:124])
    member.size = _number(header[124:136])
    member.mtime = _number(header[136:148])
    member.type = header[156:157]
    member.linkname = _text(header[157:257])
    if member.type in {tarfile.CHRTYPE, tarfile.BLKTYPE}:
        member.devmajor = _number(header[329:337])
        member.devminor = _number(header[337:345])
    # GNU keeps times where ustar has the front of a long path.
    if header[345] and header[257:263] == b"ustar\0":
        member.name = f"{_text(header[345:500])}/{member.name}"
    if member.size < 0:
        raise FormatError("a file of a negative size")
    return member


def _apply_pax(member: tarfile.TarInfo, pax: dict[str, str]) -> None:
    member.pax_headers = pax
    member.name = pax.get("path", member.name)
    member.linkname = pax.get("linkpath", member.linkname)
    for name in ("size", "uid", "gid"):
        if name in pax:
            setattr(member, name, _decimal(pax[name]))
    if "mtime" in pax:
        member.mtime = _seconds(pax["mtime"])


def _pax_records(content: bytes) -> dict[str, str]:
    """Read "LENGTH KEY=VALUE\\n" records; a value need not be UTF-8, as file capabilities are not."""
    records: dict[str, str] = {}
    at = 0
    while at < len(content) and content[at]:
        length_text, blank, _ = content[at : at + 20].partition(b" ")
        length = int(length_text) if length_text.isdigit() else 0
        record = content[at + len(length_text) + 1 : at + length]
        key, equals, value = record.partition(b"=")
        if not blank or not equals or not value.endswith(b"\n") or at + length > len(content):
            raise FormatError("a pax header that is none")
        records[key.decode(errors="surrogateescape")] = value[:-1].decode(errors="surrogateescape")
        at += length
    return records


def _number(field: bytes) -> int:
    """Read octal digits, or GNU's base 256 with the highest bit set."""
    first = field[0]
    if first in {0x80, 0xFF}:
        value = int.from_bytes(field[1:])
        return value if first == 0x80 else value - (1 << 8 * (len(field) - 1))
    try:
        return int(field.partition(b"\0")[0].strip() or b"0", 8)
    except ValueError as error:
        raise FormatError("a header with a number that is none") from error


def _decimal(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 20:
        raise FormatError("a pax header with a number that is none")
    return int(text)


def _seconds(text: str) -> int:
    try:
        return int(float(text))
    except (ValueError, OverflowError) as error:
        raise FormatError("a pax header with a time that is none") from error


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="surrogateescape")


def _zeros(size_bytes: int) -> Iterator[bytes]:
    while size_bytes > 0:
        yield bytes(min(size_bytes, _PIECE_BYTES))
        size_bytes -= _PIECE_BYTES
