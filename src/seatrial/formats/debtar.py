"""The tar inside a Debian package, read strictly: what dpkg-deb writes, and nothing else.

tarfile reads far more than a package may hold (sparse files, pax overrides, repeated headers) and
fails with exceptions of many kinds; a reader for exactly GNU and plain ustar headers is smaller than
the checks around it would be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from seatrial.errors import FormatError
from seatrial.model.image import Entry, EntryKind

_RECORD: Final = 512
_OCTAL: Final = re.compile(rb" *([0-7]+)[ \0]*")
_MAGICS: Final = {b"ustar  \0": "gnu", b"ustar\x0000": "posix"}
_MOST_ENTRIES: Final = 60_000
_LARGEST_FILE: Final = 256 << 20
_LONGEST_PATH: Final = 4096
_LONGEST_PART: Final = 255
_FILE_FLAGS: Final = (b"0", b"\0")
_LONG_NAME, _LONG_LINK, _HARD_LINK, _SYMLINK, _DIRECTORY = b"L", b"K", b"1", b"2", b"5"
_REFUSED: Final = {
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a fifo",
    b"7": "a contiguous file",
    b"S": "a sparse file",
    b"x": "a pax header",
    b"g": "a global pax header",
}


def read_tar(tar: bytes) -> tuple[Entry, ...]:
    """Return the entries of a package's tar in its own order; the root directory is left out.

    A hard link becomes a file with the content of the earlier file that it names.
    Raises FormatError for: a bad header or checksum; devices, fifos, sparse files, pax headers; a
    path that is absolute, has "..", control characters, a backslash or a whiteout name, is too long
    or comes twice; a parent that is not an earlier directory; a symlink that climbs out of the root;
    a file over 256 MB, more than 60,000 entries; an end that is cut or followed by anything but zeros.
    """
    entries: dict[str, Entry] = {}
    for entry, flag in _members(tar):
        if not entry.path:
            if entry.kind is not EntryKind.DIRECTORY:
                raise FormatError("the root is not a directory")
            continue
        if entry.path in entries:
            raise FormatError("two entries for one path", where=entry.path)
        if len(entries) >= _MOST_ENTRIES:
            raise FormatError(f"more than {_MOST_ENTRIES} entries")
        check_parent(entry.path, entries)
        entries[entry.path] = _resolve_hard_link(entry, entries) if flag == _HARD_LINK else entry
    return tuple(entries.values())


def check_parent(path: str, entries: dict[str, Entry]) -> None:
    """Raise FormatError unless the parent of ``path`` is the root or a directory among the entries."""
    parent = path.rpartition("/")[0]
    if parent and (parent not in entries or entries[parent].kind is not EntryKind.DIRECTORY):
        raise FormatError(f"the parent {parent} is not an earlier directory", where=path)


def _members(tar: bytes) -> Iterator[tuple[Entry, bytes]]:
    position = 0
    long_name = long_link = None
    while True:
        header = tar[position : position + _RECORD]
        if len(header) < _RECORD:
            raise FormatError("the tar has no end")
        if not any(header):
            break
        flag, size = _check_header(header)
        position += _RECORD
        data = tar[position : position + size]
        if len(data) < size:
            raise FormatError("a file is cut short")
        position += size + -size % _RECORD
        if flag == _LONG_NAME and long_name is None:
            long_name = _long_text(data)
        elif flag == _LONG_LINK and long_link is None:
            long_link = _long_text(data)
        else:
            yield _entry(header, flag, data, long_name, long_link), flag
            long_name = long_link = None
    if long_name is not None or long_link is not None:
        raise FormatError("a long name without its entry")
    if len(tar) < position + 2 * _RECORD or tar.count(0, position) != len(tar) - position:
        raise FormatError("the end of the tar is cut, or something follows it")


def _check_header(header: bytes) -> tuple[bytes, int]:
    if _octal(header[148:156], "checksum") != sum(header) - sum(header[148:156]) + 8 * 32:
        raise FormatError("a tar header with a wrong checksum")
    if header[257:265] not in _MAGICS:
        raise FormatError("a tar header that is neither GNU nor ustar")
    flag = header[156:157]
    if flag in _REFUSED:
        raise FormatError(_REFUSED[flag], where=_shown(header[:100]))
    if flag not in {*_FILE_FLAGS, _HARD_LINK, _SYMLINK, _DIRECTORY, _LONG_NAME, _LONG_LINK}:
        raise FormatError(f"an entry of unknown type {flag!r}", where=_shown(header[:100]))
    size = _octal(header[124:136], "size")
    if size and flag in {_HARD_LINK, _SYMLINK, _DIRECTORY}:
        raise FormatError("content where there can be none", where=_shown(header[:100]))
    if size > _LARGEST_FILE or (flag in {_LONG_NAME, _LONG_LINK} and size > _LONGEST_PATH + 1):
        raise FormatError(f"{size} bytes are too many", where=_shown(header[:100]))
    return flag, size


def _entry(header: bytes, flag: bytes, data: bytes, long_name: str | None, long_link: str | None) -> Entry:
    name = _text(header[:100]) if long_name is None else long_name
    if long_name is None and _MAGICS[header[257:265]] == "posix" and header[345]:
        name = f"{_text(header[345:500])}/{name}"
    link = _text(header[157:257]) if long_link is None else long_link
    if flag == _DIRECTORY:
        name = name.removesuffix("/")
    path = _plain_path(name)
    kind = EntryKind.FILE
    if flag == _DIRECTORY:
        kind = EntryKind.DIRECTORY
    elif flag == _SYMLINK:
        kind = EntryKind.SYMLINK
        _check_target(path, link)
    elif flag == _HARD_LINK:
        link = _plain_path(link)
    elif link:
        raise FormatError("a link target where there can be none", where=path)
    mode = _octal(header[100:108], "mode")
    if mode > 0o7777:
        raise FormatError(f"mode {mode:o} is none", where=path)
    return Entry(
        path=path,
        kind=kind,
        mode=mode,
        uid=_octal(header[108:116], "uid"),
        gid=_octal(header[116:124], "gid"),
        mtime_epoch_s=_octal(header[136:148], "mtime"),
        content=data if kind is EntryKind.FILE else None,
        link_target=link if flag in {_SYMLINK, _HARD_LINK} else "",
    )


def _resolve_hard_link(entry: Entry, entries: dict[str, Entry]) -> Entry:
    target = entries.get(entry.link_target)
    if target is None or target.kind is not EntryKind.FILE:
        raise FormatError("a hard link to what is not an earlier file", where=entry.path)
    return replace(target, path=entry.path)


def _plain_path(name: str) -> str:
    path = "" if name == "." else name.removeprefix("./")
    parts = path.split("/")
    if path and ("" in parts or "." in parts or ".." in parts):
        raise FormatError("a path that is not plain and relative", where=_shown(name))
    if not path.isprintable() or "\\" in path:
        raise FormatError("a path with a control character or a backslash", where=_shown(name))
    if len(path.encode()) > _LONGEST_PATH or any(len(part.encode()) > _LONGEST_PART for part in parts):
        raise FormatError("a path that is too long", where=_shown(name))
    if any(part.startswith(".wh.") for part in parts):
        raise FormatError("a name that would be read as a whiteout", where=_shown(name))
    return path


def _check_target(path: str, target: str) -> None:
    """Follow a symlink's text by its words alone: it must never go above the root."""
    if not target or not target.isprintable() or "\\" in target or len(target.encode()) >= _LONGEST_PATH:
        raise FormatError("a symlink with an odd target", where=path)
    depth = 0 if target.startswith("/") else path.count("/")
    for part in target.split("/"):
        depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
        if depth < 0:
            raise FormatError("a symlink that climbs out of the root", where=path)


def _octal(field: bytes, what: str) -> int:
    match = _OCTAL.fullmatch(field)
    if match is None:
        raise FormatError(f"a tar header with an odd {what}")
    return int(match[1], 8)


def _long_text(data: bytes) -> str:
    if not data.endswith(b"\0"):
        raise FormatError("a long name without its end")
    return _text(data)


def _text(field: bytes) -> str:
    raw, _, rest = field.partition(b"\0")
    if any(rest):
        raise FormatError("bytes after the end of a name", where=_shown(field))
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise FormatError("a name that is not UTF-8", where=_shown(field)) from error


def _shown(name: bytes | str) -> str:
    text = name.rstrip(b"\0").decode(errors="replace") if isinstance(name, bytes) else name
    return ascii(text[:120])
