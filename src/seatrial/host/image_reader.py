"""An image on disk as named files: a layout directory, or the tar of one (also what ``docker save`` writes).

Nothing here is believed: blobs are read through ``VerifiedReader``, which stops at the promised size
and compares the digest at the end.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from seatrial.errors import FormatError, MachineError, UntrustedInput

_MOST_MEMBERS: Final = 20_000


class Stream(Protocol):
    """An open file that is read forward; b"" at its end."""

    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


class ImageFiles(Protocol):
    """The files of one image. Names are relative and POSIX, such as "blobs/sha256/…"."""

    def has(self, name: str) -> bool:
        """True when there is a file of this name."""

    def open(self, name: str) -> Stream:
        """Open a file at its start; raise FormatError when there is none."""

    def size_bytes(self, name: str) -> int:
        """Return a file's size; raise FormatError when there is none."""


def read_small(files: ImageFiles, name: str, limit_bytes: int) -> bytes:
    """Return a whole file; raise FormatError when it is missing or longer than the limit."""
    with closing(files.open(name)) as stream:
        content = stream.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise FormatError(f"is longer than {limit_bytes} bytes", where=name)
    return content


@contextmanager
def open_image(path: Path) -> Iterator[ImageFiles]:
    """Open an image for reading: a directory or a tar that is not compressed as a whole.

    Raises MachineError (cannot be read), FormatError (neither of the two).
    """
    try:
        if path.is_dir():
            yield _DirectoryFiles(path)
            return
        with open(path, "rb") as archive:
            yield _ArchiveFiles(archive, path)
    except OSError as error:
        raise MachineError(f"cannot be read: {error.strerror}", where=error.filename or str(path)) from error


class VerifiedReader:
    """Reads a blob, at most its promised size, and compares its digest when that many bytes were read.

    Raises UntrustedInput: too short, too long, or another digest. A blob is verified only when
    ``read`` has returned b"" once.
    """

    def __init__(self, stream: Stream, *, digest: str, size_bytes: int) -> None:
        self._stream = stream
        self._digest = digest
        self._left = size_bytes
        self._hash = hashlib.sha256()
        self._is_verified = False

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; b"" at the end, after the digest was found right."""
        if self._left == 0:
            self._verify()
            return b""
        content = self._stream.read(min(size, self._left))
        if not content:
            raise UntrustedInput("the blob is shorter than its descriptor says", where=self._digest)
        self._hash.update(content)
        self._left -= len(content)
        return content

    def _verify(self) -> None:
        if self._is_verified:
            return
        if self._stream.read(1):
            raise UntrustedInput("the blob is longer than its descriptor says", where=self._digest)
        found = f"sha256:{self._hash.hexdigest()}"
        if found != self._digest:
            raise UntrustedInput(f"the blob's digest is {found}", where=self._digest)
        self._is_verified = True


class _DirectoryFiles:
    def __init__(self, root: Path) -> None:
        self._root = root

    def has(self, name: str) -> bool:
        return _is_plain(name) and (self._root / name).is_file()

    def open(self, name: str) -> Stream:
        if not self.has(name):
            raise FormatError(f"the image holds no {name}", where=str(self._root))
        return open(self._root / name, "rb")

    def size_bytes(self, name: str) -> int:
        if not self.has(name):
            raise FormatError(f"the image holds no {name}", where=str(self._root))
        return (self._root / name).stat().st_size


class _ArchiveFiles:
    """The members of a tar by name; links inside the tar (old ``docker save``) lead to their target."""

    def __init__(self, archive: BinaryIO, path: Path) -> None:
        self._path = path
        self._archive = archive
        self._places: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        try:
            with tarfile.open(fileobj=archive, mode="r:") as tar:
                for count, member in enumerate(tar):
                    if count >= _MOST_MEMBERS:
                        raise FormatError("the tar holds more files than an image does", where=str(path))
                    self._note(member)
        except (tarfile.TarError, ValueError, EOFError) as error:
            hint = "an image is a layout directory, or a tar of one that is not compressed as a whole"
            raise FormatError(f"not a tar: {error}", where=str(path), hint=hint) from error

    def _note(self, member: tarfile.TarInfo) -> None:
        name = posixpath.normpath(member.name)
        if member.isreg() and not member.issparse():
            self._places[name] = (member.offset_data, member.size)
        elif member.issym():
            self._links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
        elif member.islnk():
            self._links[name] = posixpath.normpath(member.linkname)

    def has(self, name: str) -> bool:
        return self._resolve(name) in self._places

    def open(self, name: str) -> Stream:
        return _Slice(self._archive.fileno(), *self._place(name))

    def size_bytes(self, name: str) -> int:
        return self._place(name)[1]

    def _place(self, name: str) -> tuple[int, int]:
        place = self._places.get(self._resolve(name))
        if place is None:
            raise FormatError(f"the image holds no {name}", where=str(self._path))
        return place

    def _resolve(self, name: str) -> str:
        for _ in range(8):
            if name not in self._links:
                break
            name = self._links[name]
        return name


class _Slice:
    """A part of a file, read by position, so that several can be open at once."""

    def __init__(self, handle: int, offset: int, size_bytes: int) -> None:
        self._handle = handle
        self._offset = offset
        self._left = size_bytes

    def read(self, size: int, /) -> bytes:
        content = os.pread(self._handle, min(size, self._left), self._offset)
        self._offset += len(content)
        self._left -= len(content)
        return content

    def close(self) -> None:
        """The file under it stays open."""


def _is_plain(name: str) -> bool:
    return not name.startswith("/") and ".." not in name.split("/")
