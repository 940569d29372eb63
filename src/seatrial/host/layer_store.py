"""Layers that were unpacked before, as the tars that their diff IDs promise (OCI config.md).

Inflating, hashing and parsing a layer is most of what lies between an image and its first answer. A
layer that is seen a second time is kept here once its digest has been compared, with a list of its
members behind it; what is built, tried and built again never comes a second time, and so costs nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self

from seatrial.errors import FormatError, OutputError
from seatrial.host.files import write_whole

_MOST_BYTES: Final = 1 << 30
_MOST_SEEN: Final = 200
_DIFF_ID: Final = re.compile(r"sha256:[0-9a-f]{64}")
_SEEN: Final = "seen"
# Behind the tar: the list as JSON, its length, and what tells this from a file of another version.
_END: Final = struct.Struct("<Q8s")
_MAGIC: Final = b"seatria1"

# name, type, mode, uid, gid, size, link, where the content begins.
_Row = tuple[str, str, int, int, int, int, str, int]


class LayerStore:
    """A directory of tars, by diff ID; the one used longest ago goes first when there are too many.

    A store that cannot be written to only costs time: nothing here raises for it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def open(self, diff_id: str) -> KeptLayer | None:
        """Return the layer, the caller's to close, or None. Its digest was compared when it was written.

        A file that is not as this version writes it is removed.
        """
        if not _DIFF_ID.fullmatch(diff_id):
            return None
        path = self._path(diff_id)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            members = _read_members(handle)
        except (OSError, ValueError, TypeError, struct.error):
            os.close(handle)
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return KeptLayer(handle, members)

    def keeper(self, diff_id: str) -> Keeper | None:
        """Return what takes the layer's tar, for one that was seen before; None for the others."""
        if not _DIFF_ID.fullmatch(diff_id):
            return None
        try:
            seen = (self._directory / _SEEN).read_text().split()
        except OSError:
            seen = []
        if diff_id not in seen:
            with contextlib.suppress(OutputError):
                write_whole(self._directory / _SEEN, "\n".join([*seen[-_MOST_SEEN:], diff_id]).encode())
            return None
        try:
            return Keeper(self._path(diff_id))
        except OSError:
            return None

    def forget_old(self) -> None:
        """Remove what was used longest ago, until the rest is small enough."""
        with contextlib.suppress(OSError):
            found = sorted(self._directory.glob("*.tar"), key=lambda path: -path.stat().st_mtime_ns)
            total = 0
            for path in found:
                total += path.stat().st_size
                if total > _MOST_BYTES:
                    path.unlink(missing_ok=True)

    def _path(self, diff_id: str) -> Path:
        return self._directory / f"{diff_id.removeprefix('sha256:')}.tar"


class KeptLayer:
    """A layer's members, as ``Rootfs.apply`` takes them; content goes from file to file in the kernel."""

    def __init__(self, handle: int, members: tuple[tuple[tarfile.TarInfo, int], ...]) -> None:
        self._handle = handle
        self._members = members
        self._offset = self._left = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; may be called twice."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        """Yield the members in the tar's order."""
        for member, offset in self._members:
            self._offset, self._left = offset, member.size
            yield member

    def copy(self, destination: BinaryIO) -> None:
        """Append the content of the member that was yielded last to a file with a descriptor."""
        while self._left:
            sent = os.sendfile(destination.fileno(), self._handle, self._offset, self._left)
            if sent == 0:
                raise FormatError("a kept layer was cut short: try again")
            self._offset += sent
            self._left -= sent


class Keeper:
    """Takes a tar as it is read; it has a name only once its reader has found it to be right.

    Until then it has none at all (open(2), O_TMPFILE): whoever is killed leaves nothing. Raises OSError
    where that cannot be had.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path.parent, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self._is_whole = True
        self._rows: list[_Row] = []

    def write(self, piece: bytes) -> None:
        """Take the next piece; one that cannot be written ends the keeping, and nothing else."""
        try:
            while piece and self._is_whole:
                piece = piece[os.write(self._handle, piece) :]
        except OSError:
            self._is_whole = False

    def note(self, member: tarfile.TarInfo, offset: int | None) -> None:
        """Take the next member. offset: of its content in the tar; None ends the keeping, too."""
        if offset is None:
            self._is_whole = False
            return
        self._rows.append(
            (
                member.name,
                member.type.decode("latin-1"),
                member.mode,
                member.uid,
                member.gid,
                member.size if member.isreg() else 0,
                member.linkname,
                offset,
            )
        )

    def close(self, *, is_right: bool) -> None:
        """Keep the tar under its name, unless another run has done so already, or forget it."""
        if is_right and self._is_whole:
            listed = json.dumps(self._rows).encode()
            self.write(listed + _END.pack(len(listed), _MAGIC))
        if is_right and self._is_whole:
            with contextlib.suppress(OSError):
                # With a descriptor named, which an absolute path makes idle, Python calls linkat(2): link(2)
                # would take the symbolic link in /proc for the file.
                os.link(f"/proc/self/fd/{self._handle}", self._path, src_dir_fd=self._handle)
        os.close(self._handle)


def _read_members(handle: int) -> tuple[tuple[tarfile.TarInfo, int], ...]:
    """Read the list at a kept tar's end; raises ValueError and its like when there is none."""
    end = os.fstat(handle).st_size - _END.size
    listed_bytes, magic = _END.unpack(os.pread(handle, _END.size, max(end, 0)))
    tar_bytes = end - listed_bytes
    if magic != _MAGIC or tar_bytes < 0:
        raise ValueError("no list of members")
    rows: list[_Row] = json.loads(os.pread(handle, listed_bytes, tar_bytes))
    return tuple(_member(row, tar_bytes) for row in rows)


def _member(row: _Row, tar_bytes: int) -> tuple[tarfile.TarInfo, int]:
    name, kind, mode, uid, gid, size, link, offset = row
    if not 0 <= offset <= offset + size <= tar_bytes:
        raise ValueError("content outside the tar")
    member = tarfile.TarInfo(name)
    member.type = kind.encode("latin-1")
    member.mode, member.uid, member.gid, member.size, member.linkname = mode, uid, gid, size, link
    return member, offset
