"""Layers that were unpacked before, as the tars that their diff IDs promise (OCI config.md).

Inflating and hashing a layer is most of what lies between an image and its first answer. A layer that
is seen a second time is kept here once its digest has been compared; what is built, tried and built
again never comes a second time, and so costs nothing.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import IO, Final

from seatrial.errors import OutputError
from seatrial.host.files import write_whole

_MOST_BYTES: Final = 1 << 30
_MOST_SEEN: Final = 200
_DIFF_ID: Final = re.compile(r"sha256:[0-9a-f]{64}")
_SEEN: Final = "seen"


class LayerStore:
    """A directory of tars, by diff ID; the one used longest ago goes first when there are too many.

    A store that cannot be written to only costs time: nothing here raises for it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def open(self, diff_id: str) -> IO[bytes] | None:
        """Return the layer's tar, or None. It was compared with its diff ID when it was written."""
        if not _DIFF_ID.fullmatch(diff_id):
            return None
        path = self._path(diff_id)
        try:
            stream = open(path, "rb", buffering=0)  # noqa: SIM115 - the caller's to close
        except OSError:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return stream

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


class Keeper:
    """Takes a tar as it is read; it has a name only once its reader has found it to be right.

    Until then it has none at all (open(2), O_TMPFILE): whoever is killed leaves nothing. Raises OSError
    where that cannot be had.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path.parent, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        self._is_whole = True

    def write(self, piece: bytes) -> None:
        """Take the next piece; one that cannot be written ends the keeping, and nothing else."""
        try:
            while piece and self._is_whole:
                piece = piece[os.write(self._handle, piece) :]
        except OSError:
            self._is_whole = False

    def close(self, *, is_right: bool) -> None:
        """Keep the tar under its name, unless another run has done so already, or forget it."""
        if is_right and self._is_whole:
            with contextlib.suppress(OSError):
                # With a descriptor named, which an absolute path makes idle, Python calls linkat(2): link(2)
                # would take the symbolic link in /proc for the file.
                os.link(f"/proc/self/fd/{self._handle}", self._path, src_dir_fd=self._handle)
        os.close(self._handle)
