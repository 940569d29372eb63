"""Entries -> one gzip layer, the same bytes everywhere (POSIX.1-2017 ustar and pax; RFC 1952; OCI layer.md).

The tar writer is our own because tarfile's bytes differ between Python versions. The deflate stream
is igzip's level 1 fed with fixed blocks: its output depends on how the input is cut, so the block
size is part of the format, and the diff_id is what stays true when the encoder changes.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import threading
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO, Final, Self

from isal import isal_zlib

from seatrial.errors import FormatError, MachineError, OutputError
from seatrial.model.image import Entry, EntryKind, Layer

LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"

_BLOCK_BYTES: Final = 1 << 20
_BLOCKS_IN_FLIGHT: Final = 4
_RECORD: Final = 512
_NAME_BYTES: Final = 100
_OCTAL_7: Final = 0o7777777
_OCTAL_11: Final = 0o77777777777
_LONGEST_PATH: Final = 4096
_WHITEOUT: Final = ".wh."
# No flags, mtime 0, no extra flags, operating system 255 (unknown).
_GZIP_HEADER: Final = bytes.fromhex("1f8b08000000000000ff")
_TYPE_FLAGS: Final = {EntryKind.FILE: b"0", EntryKind.SYMLINK: b"2", EntryKind.DIRECTORY: b"5"}


def write_layer(entries: Iterable[Entry], destination: Path, *, comment: str = "") -> Layer:
    """Write entries as one gzip tar layer and return what was written (OCI image-spec, layer.md).

    entries: in any order; every parent directory of every path must be among them. A Path as
    content is read once, in blocks, so memory does not grow with the payload.
    destination: replaced in one step; on any failure it is left as it was. The file is not synced:
    a reader that finds it after a power loss must check its size (``recall_layer`` does).
    The same entries give the same bytes, whatever the machine, the day and the order.
    Raises FormatError (an entry that must not be in a layer), MachineError (a file that cannot be
    read), OutputError (no room, no permission).
    """
    ordered = sort_entries(entries)
    temporary = destination.with_name(f".{destination.name}.{os.urandom(6).hex()}.tmp")
    try:
        with open(temporary, "xb") as blob:
            layer = _stream(ordered, blob, destination, comment)
        os.replace(temporary, destination)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"the layer cannot be written: {error.strerror}", where=str(destination)) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return layer


def sort_entries(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return entries in layer order: by the UTF-8 bytes of the path, so parents come first.

    Raises FormatError for a path that is not plain, relative and UTF-8, a whiteout name, setuid or
    setgid, two entries for one path, and a parent that is missing or is not a directory.
    """
    ordered = sorted(((_path_bytes(entry.path), entry) for entry in entries), key=lambda pair: pair[0])
    directories: set[str] = set()
    previous = b""
    for raw, entry in ordered:
        if raw == previous:
            raise FormatError("two entries for one path", where=entry.path)
        previous = raw
        _check_entry(entry)
        parent = entry.path.rpartition("/")[0]
        if parent and parent not in directories:
            raise FormatError(f"the parent {parent} is not an entry that is a directory", where=entry.path)
        if entry.kind is EntryKind.DIRECTORY:
            directories.add(entry.path)
    return tuple(entry for _, entry in ordered)


def _path_bytes(path: str) -> bytes:
    try:
        raw = path.encode()
    except UnicodeEncodeError as error:
        raise FormatError("the path is not UTF-8", where=ascii(path)) from error
    parts = path.split("/")
    if "" in parts or "." in parts or ".." in parts:
        raise FormatError("the path must be relative, with no empty, '.' or '..' part", where=path or "''")
    if len(raw) > _LONGEST_PATH or any(len(part.encode()) > 255 for part in parts):
        raise FormatError("the path is longer than Linux allows", where=path[:80] + "...")
    if any(ord(char) < 32 or ord(char) == 127 for char in path):
        raise FormatError("the path holds a control character", where=ascii(path))
    if any(part.startswith(_WHITEOUT) for part in parts):
        raise FormatError("the name would be read as a whiteout", where=path)
    return raw


def _check_entry(entry: Entry) -> None:
    if entry.mode & 0o6000 or not 0 <= entry.mode <= 0o7777:
        raise FormatError(f"mode {entry.mode:o}: setuid, setgid or no permission bits", where=entry.path)
    if min(entry.uid, entry.gid, entry.mtime_epoch_s) < 0 or max(entry.uid, entry.gid) >= 1 << 32:
        raise FormatError("an owner or time that a tar cannot hold", where=entry.path)
    if entry.mtime_epoch_s > _OCTAL_11:
        raise FormatError("a time that a tar cannot hold", where=entry.path)
    if (entry.content is not None) != (entry.kind is EntryKind.FILE):
        raise FormatError(f"content does not go with a {entry.kind.value}", where=entry.path)
    if bool(entry.link_target) != (entry.kind is EntryKind.SYMLINK):
        raise FormatError(f"a link target does not go with a {entry.kind.value}", where=entry.path)
    if entry.link_target:
        _check_target(entry)


def _check_target(entry: Entry) -> None:
    try:
        raw = entry.link_target.encode()
    except UnicodeEncodeError as error:
        raise FormatError("the link target is not UTF-8", where=entry.path) from error
    if len(raw) >= _LONGEST_PATH or any(byte < 32 or byte == 127 for byte in raw):
        raise FormatError("the link target is too long or holds a control character", where=entry.path)


def _stream(ordered: tuple[Entry, ...], blob: BinaryIO, destination: Path, comment: str) -> Layer:
    content_bytes = 0
    with _Pipeline(blob) as tar:
        for entry in ordered:
            content_bytes += _add_entry(entry, tar)
        tar.add(bytes(2 * _RECORD))
    return Layer(
        digest=f"sha256:{tar.blob_hash.hexdigest()}",
        diff_id=f"sha256:{tar.tar_hash.hexdigest()}",
        size_bytes=tar.blob_bytes,
        tar_bytes=tar.tar_bytes,
        content_bytes=content_bytes,
        media_type=LAYER_GZIP,
        path=destination,
        comment=comment,
    )


def _add_entry(entry: Entry, tar: _Pipeline) -> int:
    """Write one entry and return its size in bytes; a host file must keep the size it is opened with."""
    if not isinstance(entry.content, Path):
        content = entry.content or b""
        tar.add(_headers(entry, len(content)))
        tar.add(content)
        tar.add(bytes(-len(content) % _RECORD))
        return len(content)
    try:
        # Never wait for the other end of a fifo; no buffer beside the pipeline's own.
        descriptor = os.open(entry.content, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise MachineError(f"cannot be read: {error.strerror}", where=str(entry.content)) from error
    with open(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise FormatError("not a regular file", where=str(entry.content))
        tar.add(_headers(entry, status.st_size))
        tar.add_file(file, status.st_size, entry.content)
    tar.add(bytes(-status.st_size % _RECORD))
    return status.st_size


def _headers(entry: Entry, size_bytes: int) -> bytes:
    """Return the ustar header, after a pax header for what ustar cannot hold (long, non-ASCII, large)."""
    name = entry.path + "/" if entry.kind is EntryKind.DIRECTORY else entry.path
    records = b"".join(
        _pax_record(key, value)
        for key, value, fits in (
            ("path", name, _fits_text(name)),
            ("linkpath", entry.link_target, _fits_text(entry.link_target)),
            ("size", str(size_bytes), size_bytes <= _OCTAL_11),
            ("uid", str(entry.uid), entry.uid <= _OCTAL_7),
            ("gid", str(entry.gid), entry.gid <= _OCTAL_7),
        )
        if not fits
    )
    header = _ustar(
        name,
        _TYPE_FLAGS[entry.kind],
        mode=entry.mode,
        uid=entry.uid,
        gid=entry.gid,
        size_bytes=size_bytes,
        mtime_epoch_s=entry.mtime_epoch_s,
        link_target=entry.link_target,
    )
    if not records:
        return header
    pax = _ustar("././@PaxHeader", b"x", mode=0o644, size_bytes=len(records))
    return pax + records + bytes(-len(records) % _RECORD) + header


def _pax_record(key: str, value: str) -> bytes:
    """Return "LENGTH key=value\\n", where LENGTH counts itself (POSIX.1-2017, pax)."""
    body = f" {key}={value}\n".encode()
    length = len(body) + len(str(len(body)))
    return str(len(body) + len(str(length))).encode() + body


def _ustar(
    name: str,
    type_flag: bytes,
    *,
    mode: int,
    size_bytes: int,
    uid: int = 0,
    gid: int = 0,
    mtime_epoch_s: int = 0,
    link_target: str = "",
) -> bytes:
    """Return one 512-byte header; what does not fit is cut or zero, as a pax record went before it."""
    fields = b"".join(
        (
            _text(name),
            b"%07o\0" % mode,
            b"%07o\0" % (uid if uid <= _OCTAL_7 else 0),
            b"%07o\0" % (gid if gid <= _OCTAL_7 else 0),
            b"%011o\0" % (size_bytes if size_bytes <= _OCTAL_11 else 0),
            b"%011o\0" % mtime_epoch_s,
            b" " * 8,
            type_flag,
            _text(link_target),
            b"ustar\x0000",
        )
    ).ljust(_RECORD, b"\0")
    return b"%b%06o\0 %b" % (fields[:148], sum(fields), fields[156:])


def _fits_text(value: str) -> bool:
    return value.isascii() and len(value) <= _NAME_BYTES


def _text(value: str) -> bytes:
    return value.encode("ascii", "replace")[:_NAME_BYTES].ljust(_NAME_BYTES, b"\0")


class _Pipeline:
    """Cuts a tar into fixed blocks and hashes them here; a second thread compresses, hashes and writes.

    Both threads spend their time outside the interpreter's lock (sha256, igzip, write), so two cores
    are used. The few blocks go round between them, which bounds the memory. A tar that one block
    holds starts no thread; the bytes are the same either way.
    """

    def __init__(self, blob: BinaryIO) -> None:
        self.tar_hash = hashlib.sha256()
        self.blob_hash = hashlib.sha256()
        self.tar_bytes = 0
        self.blob_bytes = 0
        self._blob = blob
        self._deflate = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
        self._crc = 0
        self._block = bytearray(_BLOCK_BYTES)
        self._used = 0
        self._free: SimpleQueue[bytearray] = SimpleQueue()
        self._full: SimpleQueue[bytearray | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None

    def __enter__(self) -> Self:
        self._write(_GZIP_HEADER)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._thread is not None:
            self._full.put(None)
            self._thread.join()
        if kind is not None:
            return
        self._check()
        last = bytes(memoryview(self._block)[: self._used])
        self._hash_tar(last)
        self._compress(last)
        self._write(self._deflate.flush())
        self._write(struct.pack("<II", self._crc, self.tar_bytes & 0xFFFFFFFF))

    def add(self, data: bytes) -> None:
        """Append bytes to the tar."""
        left = memoryview(data)
        while left:
            part = left[: _BLOCK_BYTES - self._used]
            self._block[self._used : self._used + len(part)] = part
            self._advance(len(part))
            left = left[len(part) :]

    def add_file(self, file: FileIO, size_bytes: int, path: Path) -> None:
        """Append exactly ``size_bytes`` of an open file; raise FormatError when it holds fewer or more."""
        left = size_bytes
        try:
            while left:
                end = min(self._used + left, _BLOCK_BYTES)
                count = file.readinto(memoryview(self._block)[self._used : end]) or 0
                if count == 0:
                    break
                left -= count
                self._advance(count)
            surplus = file.read(1)
        except OSError as error:
            raise MachineError(f"cannot be read: {error.strerror}", where=str(path)) from error
        if left or surplus:
            raise FormatError("the file changed while it was read", where=str(path))

    def _advance(self, count: int) -> None:
        self._used += count
        if self._used < _BLOCK_BYTES:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._consume, name="layer", daemon=True)
            self._thread.start()
            for _ in range(_BLOCKS_IN_FLIGHT - 1):
                self._free.put(bytearray(_BLOCK_BYTES))
        self._full.put(self._block)
        self._hash_tar(self._block)
        self._block = self._free.get()
        self._used = 0
        self._check()

    def _consume(self) -> None:
        while (block := self._full.get()) is not None:
            if self._failure is None:
                try:
                    self._compress(block)
                except Exception as error:  # raised again by _check, in the caller's thread
                    self._failure = error
            self._free.put(block)

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _hash_tar(self, block: bytes | bytearray) -> None:
        self.tar_hash.update(block)
        self.tar_bytes += len(block)

    def _compress(self, block: bytes | bytearray) -> None:
        self._crc = isal_zlib.crc32(block, self._crc)
        self._write(self._deflate.compress(block))

    def _write(self, data: bytes) -> None:
        self.blob_hash.update(data)
        self.blob_bytes += len(data)
        self._blob.write(data)
