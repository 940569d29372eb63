"""Debian binary packages, read strictly (deb(5), deb-control(5))."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from seatrial.errors import FormatError
from seatrial.formats.deb822 import parse_stanza
from seatrial.formats.debtar import read_tar
from seatrial.formats.xz import decompress_xz
from seatrial.model.image import Entry, EntryKind

_MAGIC: Final = b"!<arch>\n"
_HEADER_BYTES: Final = 60
_HEADER: Final = re.compile(rb"([!-~]{1,16}) *(\d+) *(\d+) *(\d+) *([0-7]+) *(\d+) *`\n")
_MEMBERS: Final = ("debian-binary", "control.tar.xz", "data.tar.xz")
_LARGEST_CONTENT: Final = 512 << 20
_LARGEST_RATIO: Final = 200
_FREE_BYTES: Final = 1 << 20
_MD5SUM: Final = re.compile(r"([0-9a-f]{32})  (\S.*)")


@dataclass(frozen=True, kw_only=True)
class Deb:
    """A package: its control stanza as written, what it says it is, and its files.

    md5sums: (digest, path) as the package lists them, paths as in entries.
    """

    name: str
    version: str
    architecture: str
    control: bytes
    md5sums: tuple[tuple[str, str], ...]
    entries: tuple[Entry, ...]


def read_deb(blob: bytes) -> Deb:
    """Read a whole package from its bytes, which the caller has verified.

    Raises FormatError for anything that deb(5) does not ask for: other or further ar members, another
    compression than Debian's own (xz), trailing bytes, more than 512 MB or 200 times its size when
    decompressed, and everything ``read_tar`` refuses.
    """
    version, control, data = _read_ar(blob)
    if version != b"2.0\n":
        raise FormatError(f"package format {version[:20]!r}, not 2.0")
    control_files = {entry.path: entry for entry in read_tar(_decompress(control))}
    stanza = _control_file(control_files, "control")
    if stanza is None:
        raise FormatError("a package without a control file")
    try:
        fields = parse_stanza(stanza.decode().rstrip("\n"))
        sums = (_control_file(control_files, "md5sums") or b"").decode()
    except UnicodeDecodeError as error:
        raise FormatError("a control file that is not UTF-8") from error
    return Deb(
        name=fields.get("package", ""),
        version=fields.get("version", ""),
        architecture=fields.get("architecture", ""),
        control=stanza,
        md5sums=_parse_md5sums(sums),
        entries=read_tar(_decompress(data)),
    )


def _read_ar(blob: bytes) -> tuple[bytes, bytes, bytes]:
    if not blob.startswith(_MAGIC):
        raise FormatError("not an ar archive")
    position = len(_MAGIC)
    found: list[bytes] = []
    for expected in _MEMBERS:
        match = _HEADER.fullmatch(blob[position : position + _HEADER_BYTES])
        if match is None:
            raise FormatError(f"no ar member where {expected} should be")
        name, size = match[1].decode().removesuffix("/"), int(match[6])
        if name != expected:
            raise FormatError(f"{name} where {expected} should be", hint=_member_hint(name, expected))
        position += _HEADER_BYTES
        found.append(blob[position : position + size])
        if len(found[-1]) < size:
            raise FormatError(f"{name} is cut short")
        position += size
        if size % 2:
            if blob[position : position + 1] not in {b"\n", b""}:
                raise FormatError(f"{name} is not padded with a newline")
            position += 1
    if position < len(blob):
        raise FormatError("bytes after the last ar member")
    return found[0], found[1], found[2]


def _member_hint(name: str, expected: str) -> str:
    stem = expected.removesuffix(".xz")
    if name.startswith(stem):
        return f"only xz, which Debian's archive uses, is read; {name} comes from another distribution"
    return ""


def _decompress(blob: bytes) -> bytes:
    limit = min(_LARGEST_CONTENT, max(_FREE_BYTES, len(blob) * _LARGEST_RATIO))
    return b"".join(decompress_xz((blob,), limit_bytes=limit))


def _control_file(files: dict[str, Entry], name: str) -> bytes | None:
    entry = files.get(name)
    if entry is None:
        return None
    if entry.kind is not EntryKind.FILE or not isinstance(entry.content, bytes):
        raise FormatError(f"the control file {name} is a {entry.kind.value}")
    return entry.content


def _parse_md5sums(text: str) -> tuple[tuple[str, str], ...]:
    sums: list[tuple[str, str]] = []
    for line in text.splitlines():
        match = _MD5SUM.fullmatch(line)
        if match is None:
            raise FormatError(f"an odd line in md5sums: {line[:120]!r}")
        sums.append((match[1], match[2]))
    return tuple(sums)
