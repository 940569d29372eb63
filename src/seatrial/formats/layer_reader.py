"""A layer's blob -> its entries in order (OCI layer.md; RFC 1952; POSIX, GNU and pax tar).

Reading a stranger's layer, so tolerant of every tar dialect and strict on size: what a small blob
may expand to is limited, and the uncompressed digest is compared at the end.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Final, Protocol

from isal import isal_zlib
from isal.igzip_lib import IsalError

from seatrial.errors import FormatError, MachineError, UntrustedInput
from seatrial.formats.tar_stream import TarStream

_PIECE_BYTES: Final = 256 << 10
_MOST_ENTRIES: Final = 1_000_000
_MOST_BYTES: Final = 64 << 30
_GZIP: Final = (
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
)
_PLAIN: Final = (
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar",
)
_GZIP_WINDOW: Final = 16 + isal_zlib.MAX_WBITS
_GZIP_MAGIC: Final = b"\x1f\x8b"


class Source(Protocol):
    """Where a blob comes from: b"" at its end."""

    def read(self, size: int, /) -> bytes: ...


class LayerReader:
    """Iterates over a layer's members; each member's content can be read until the next one is asked for.

    media_type: OCI's or Docker's; "" means to look at the first bytes. diff_id: what the uncompressed
    tar must hash to, or "" to compare nothing. tee: is given every piece of the uncompressed tar.
    The blob is read to its end, whatever follows the tar.
    Raises FormatError (no tar, no known compression, too large), UntrustedInput (another diff_id).
    """

    def __init__(
        self,
        blob: Source,
        *,
        media_type: str,
        diff_id: str,
        where: str,
        tee: Callable[[bytes], None] | None = None,
    ) -> None:
        self._where = where
        self._diff_id = diff_id
        self._stream = _Uncompressed(blob, media_type, where, is_hashed=bool(diff_id), tee=tee)
        self._tar = TarStream(self._stream.read)
        self._member: tarfile.TarInfo | None = None

    @property
    def tar_bytes(self) -> int:
        """How many bytes of the tar were read so far; all of them after the last member."""
        return self._stream.size_bytes

    @property
    def content_offset(self) -> int | None:
        """Where in the tar the content of the member begins that was yielded last; None for a sparse one."""
        return self._tar.content_offset

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        """Yield the members in order, then check the whole."""
        with self._named():
            for count, member in enumerate(self._tar):
                if count >= _MOST_ENTRIES:
                    raise FormatError("over a million entries")
                self._member = member
                yield member
        while self._stream.read(_PIECE_BYTES):
            pass
        found = f"sha256:{self._stream.hash.hexdigest()}"
        if self._diff_id and found != self._diff_id:
            raise UntrustedInput(f"the layer expands to {found}, not to {self._diff_id}", where=self._where)

    def copy(self, destination: IO[bytes]) -> None:
        """Copy the content of the member that was yielded last; raise MachineError when there is no room."""
        for piece in self._content():
            try:
                destination.write(piece)
            except OSError as error:
                raise MachineError(
                    f"a layer cannot be unpacked: {error.strerror}", where=self._where
                ) from error

    def read(self) -> bytes:
        """Return the content of the member that was yielded last; look at its size before."""
        return b"".join(self._content())

    def _content(self) -> Iterator[bytes]:
        if self._member is None or not self._member.isreg():
            raise FormatError("a member without content", where=self._where)
        with self._named():
            yield from self._tar.content()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except FormatError as error:
            if error.where:
                raise
            raise FormatError(f"a layer that is not a tar: {error.what}", where=self._where) from error


def member_path(name: str) -> str:
    """Return a member's path in the root file system, relative; "" for the root itself.

    Raises FormatError for a name that climbs out.
    """
    if name and name[0] not in "./" and "/." not in name and "//" not in name:
        return name.removesuffix("/")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts:
        raise FormatError("a path in a layer climbs out with '..'", where=ascii(name))
    return "/".join(parts)


class _Uncompressed(io.RawIOBase):
    """The tar inside a blob, with its digest. Gzip may come in several members, as estargz writes it."""

    def __init__(
        self,
        blob: Source,
        media_type: str,
        where: str,
        *,
        is_hashed: bool,
        tee: Callable[[bytes], None] | None,
    ) -> None:
        super().__init__()
        self._blob = blob
        self._where = where
        self._pending = blob.read(_PIECE_BYTES)
        self._is_gzip = media_type in _GZIP or (not media_type and self._pending.startswith(_GZIP_MAGIC))
        self._inflate = isal_zlib.decompressobj(_GZIP_WINDOW)
        self._tee = tee
        self._is_hashed = is_hashed
        self.hash = hashlib.sha256()
        self.size_bytes = 0
        if not self._is_gzip and media_type and media_type not in _PLAIN:
            raise FormatError(f"a layer of type {media_type} cannot be read", where=where)

    def read(self, size: int = _PIECE_BYTES, /) -> bytes:
        """Return up to ``size`` bytes of the tar; b"" at its end."""
        self._fill()
        content = self._inflated(size) if self._is_gzip else self._plain(size)
        if self._is_hashed:
            self.hash.update(content)
        if self._tee:
            self._tee(content)
        self.size_bytes += len(content)
        if self.size_bytes > _MOST_BYTES:
            raise FormatError("a layer that expands to over 64 GiB", where=self._where)
        return content

    def _fill(self) -> None:
        if not self._pending:
            self._pending = self._blob.read(_PIECE_BYTES)

    def _plain(self, size: int) -> bytes:
        content, self._pending = self._pending[:size], self._pending[size:]
        return content

    def _inflated(self, size: int) -> bytes:
        try:
            while True:
                if self._inflate.eof:
                    self._pending = self._pending.lstrip(b"\0")  # padding after a member is allowed
                    self._fill()
                    if not self._pending:
                        return b""
                    self._inflate = isal_zlib.decompressobj(_GZIP_WINDOW)
                content = self._inflate.decompress(self._pending, size)
                is_at_end = not self._pending
                self._pending = (
                    self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
                )
                if content:
                    return content
                if is_at_end and not self._inflate.eof:
                    raise FormatError("a layer whose gzip stream is cut short", where=self._where)
                self._fill()
        except IsalError as error:  # type: ignore[misc]  # the stub declares the class as an instance
            raise FormatError(f"a layer that is not gzip: {error}", where=self._where) from error
