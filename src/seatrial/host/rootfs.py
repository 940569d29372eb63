"""Layers -> a root file system in a directory (OCI image-spec, layer.md), as a stranger's image needs it.

The directory is only ours while this runs, so paths are resolved by looking: every symlink is
followed inside the root, as a container's own process would, and nothing outside it is ever touched.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol

from seatrial.errors import FormatError, MachineError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_CHUNK: Final = 1 << 20
_MOST_LINKS: Final = 40
_NO_ROOM: Final = (errno.ENOSPC, errno.ENOMEM, errno.EDQUOT, errno.EMFILE, errno.ENFILE)
_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"


class Members(Protocol):
    """A layer's entries in order, each with its content until the next one is asked for."""

    def __iter__(self) -> Iterator[tarfile.TarInfo]: ...
    def copy(self, destination: BinaryIO) -> None: ...


class _Whole(io.BytesIO):
    """Writes each piece as a whole to a descriptor, which may take only a part at a time."""

    def __init__(self, handle: int) -> None:
        super().__init__()
        self._handle = handle

    def fileno(self) -> int:
        """The descriptor itself, for whoever has the content in a file."""
        return self._handle

    def write(self, piece: Buffer, /) -> int:
        """Write one piece; raises OSError when there is no room."""
        whole = memoryview(piece)
        left = whole
        while left:
            left = left[os.write(self._handle, left) :]
        return len(whole)


class Rootfs:
    """A directory that becomes a root file system, reached through its descriptor alone.

    owner: None when running as root, and every entry then gets its own owner. Else the one user
    (uid, gid) that the sandbox has: files keep the permissions that this user would have had.
    skipped: what could not be made, such as devices.
    """

    def __init__(self, root: int, owner: tuple[int, int] | None) -> None:
        self._root = root
        self._owner = owner
        self._parents: dict[str, str] = {"": ""}
        self._modes: dict[str, int] = {}
        self._granted, self._default_owner = _given_to_new_files(root)
        self.skipped: list[str] = []

    def apply(self, layer: Members) -> None:
        """Put a layer upon what is there: entries, and whiteouts of what lower layers brought.

        Raises MachineError when there is no room, FormatError for entries that do not go together,
        and whatever reading the layer raises.
        """
        try:
            self._apply(layer)
        except OSError as error:
            kind = MachineError if error.errno in _NO_ROOM else FormatError
            raise kind(f"the image cannot be unpacked: {error.strerror}") from error

    def finish(self) -> None:
        """Set the directories' permissions, which may forbid what unpacking had to do."""
        for path, mode in sorted(self._modes.items(), reverse=True):
            with contextlib.suppress(FileNotFoundError):
                os.chmod(path or ".", mode, dir_fd=self._root)
        self._modes.clear()

    def add_files(self, paths: Mapping[str, Path]) -> None:
        """Copy files of this machine to absolute paths of the root, executable for everyone."""
        for path, source in paths.items():
            with open(source, "rb", buffering=0) as content, self._new_file(self._place(path), 0o755) as file:
                shutil.copyfileobj(content, file, _CHUNK)

    def write(self, path: str, content: bytes) -> None:
        """Write a small file, replacing what is there, as a container engine does for /etc/hosts."""
        with self._new_file(self._place(path), 0o644) as file:
            file.write(content)

    def make_directory(self, path: str) -> None:
        """Make sure that a directory is there, as a place to mount upon."""
        place = self._place(path)
        kind = self._kind(place)
        if kind is None or not stat.S_ISDIR(kind):
            self._remove(place)
            self._make_open_directory(place)

    def open(self, path: str) -> BinaryIO | None:
        """Open a file for reading by its path in the root; None when there is no such file."""
        place = self._resolved(path)
        kind = self._kind(place)
        if kind is None or not stat.S_ISREG(kind):
            return None
        return open(os.open(place, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=self._root), "rb")

    def _apply(self, layer: Members) -> None:
        made: set[str] = set()
        for member in layer:
            parent, name = _split(member.name)
            if not name:
                continue
            directory = self._parent(parent)
            if name == _OPAQUE:
                self._clear(directory, made)
            elif name.startswith(_WHITEOUT):
                gone = _join(directory, name.removeprefix(_WHITEOUT))
                if gone not in made:
                    self._remove(gone)
            else:
                place = _join(directory, name)
                self._make(layer, member, place)
                made.add(place)

    def _make(self, layer: Members, member: tarfile.TarInfo, place: str) -> None:
        mode = self._effective_mode(member)
        if member.isreg():
            with self._new_file(place, mode, (member.uid, member.gid)) as file:
                if member.size:
                    layer.copy(file)
            return
        if member.isdir():
            self._make_closed_directory(place)
            self._modes[place] = mode
        elif member.issym():
            self._make_symlink(member.linkname, place)
        elif member.islnk():
            target = self._place(member.linkname)
            self._remove(place)
            os.link(target, place, src_dir_fd=self._root, dst_dir_fd=self._root, follow_symlinks=False)
            return  # one file: its owner is set already
        else:
            self.skipped.append(f"/{place}: a device or fifo")
            return
        # A directory that a lower layer brought may have another owner; what is new has ours.
        if self._owner is None and (member.isdir() or (member.uid, member.gid) != self._default_owner):
            os.chown(place, member.uid, member.gid, dir_fd=self._root, follow_symlinks=False)

    def _make_closed_directory(self, place: str) -> None:
        try:
            os.mkdir(place, 0o700, dir_fd=self._root)
        except FileExistsError:
            kind = self._kind(place)
            if kind is None or not stat.S_ISDIR(kind):
                self._remove(place)
                os.mkdir(place, 0o700, dir_fd=self._root)

    def _make_symlink(self, target: str, place: str) -> None:
        try:
            os.symlink(target, place, dir_fd=self._root)
        except FileExistsError:
            self._remove(place)
            os.symlink(target, place, dir_fd=self._root)

    def _effective_mode(self, member: tarfile.TarInfo) -> int:
        """Return the mode bits; for a sandbox of one user, with that user's part put first.

        Every file is then that user's own, so a root file of mode 0600 must not give the user 6.
        """
        mode = member.mode & 0o7777
        if self._owner is None or member.uid == self._owner[0]:
            return mode
        theirs = (mode >> 3) & 7 if member.gid == self._owner[1] else mode & 7
        return (mode & 0o7077) | theirs << 6

    @contextlib.contextmanager
    def _new_file(self, place: str, mode: int, owner: tuple[int, int] | None = None) -> Iterator[BinaryIO]:
        """Make a file, in place of what may be there. owner: as root, who gets it.

        A layer has a thousand small files: each gets its mode where it is made, and no call that would
        say again what is so already.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        plain = mode & self._granted
        try:
            handle = os.open(place, flags, plain, dir_fd=self._root)
        except FileExistsError:
            self._remove(place)
            handle = os.open(place, flags, plain, dir_fd=self._root)
        try:
            yield _Whole(handle)
            has_owner = owner is None or self._owner is not None or owner == self._default_owner
            if not has_owner and owner:
                os.fchown(handle, *owner)
            if plain != mode or not has_owner:
                os.fchmod(handle, mode)  # after the owner: chown(2) clears setuid
        finally:
            os.close(handle)

    def _remove(self, place: str) -> None:
        kind = self._kind(place)
        if kind is None:
            return
        if stat.S_ISREG(kind):
            os.unlink(place, dir_fd=self._root)
            return
        self._parents = {"": ""}
        if not stat.S_ISDIR(kind):
            os.unlink(place, dir_fd=self._root)
            return
        shutil.rmtree(place, dir_fd=self._root)
        self._modes = {
            path: mode
            for path, mode in self._modes.items()
            if path != place and not path.startswith(f"{place}/")
        }

    def _clear(self, directory: str, made: set[str]) -> None:
        """Remove what lower layers put into a directory (an opaque whiteout)."""
        for name in os.listdir(f"/proc/self/fd/{self._root}/{directory}"):
            place = _join(directory, name)
            kind = self._kind(place)
            is_directory = kind is not None and stat.S_ISDIR(kind)
            if is_directory and (place in made or any(path.startswith(f"{place}/") for path in made)):
                self._clear(place, made)
            elif place not in made:
                self._remove(place)

    def _kind(self, place: str) -> int | None:
        try:
            return os.stat(place or ".", dir_fd=self._root, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return None

    def _place(self, path: str) -> str:
        """Return where a path's last part is, its parents made and resolved."""
        parent, name = _split(path)
        if not name:
            raise FormatError(f"the path {path!r} names no file")
        return _join(self._parent(parent), name)

    def _parent(self, path: str) -> str:
        """Return a directory's real path in the root, made where it is missing."""
        known = self._parents.get(path)
        if known is not None:
            return known
        place = self._resolved(path)
        walked = ""
        for part in place.split("/") if place else ():
            walked = _join(walked, part)
            kind = self._kind(walked)
            if kind is not None and not stat.S_ISDIR(kind):
                self._remove(walked)
                kind = None
            if kind is None:
                self._make_open_directory(walked)
        self._parents[path] = place
        return place

    def _make_open_directory(self, place: str) -> None:
        """Make a directory that every user may enter, whatever this process's umask is."""
        os.mkdir(place, 0o755, dir_fd=self._root)
        os.chmod(place, 0o755, dir_fd=self._root)  # noqa: S103 - inside the sandbox

    def _resolved(self, path: str) -> str:
        """Follow every symlink of a path, inside the root; parts that are missing stay as they are."""
        left = [part for part in path.split("/") if part not in ("", ".")][::-1]
        done: list[str] = []
        followed = 0
        while left:
            part = left.pop()
            if part == "..":
                del done[-1:]
                continue
            place = "/".join((*done, part))
            kind = self._kind(place)
            if kind is None or not stat.S_ISLNK(kind):
                done.append(part)
                continue
            followed += 1
            if followed > _MOST_LINKS:
                raise FormatError("too many symlinks in one path", where=path)
            target = os.readlink(place, dir_fd=self._root)
            if target.startswith("/"):
                done.clear()
            left.extend(piece for piece in target.split("/")[::-1] if piece not in ("", "."))
        return "/".join(done)


def _given_to_new_files(root: int) -> tuple[int, tuple[int, int]]:
    """Return which of the bits rwxrwxrwx a new file keeps below the umask, and whose it is.

    Asked of a file without a name: umask(2) cannot be read without being set, for all threads at once.
    Where there are none, no bit is promised, and each file is told its owner and mode.
    """
    try:
        handle = os.open(".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o777, dir_fd=root)
    except OSError:
        return 0, (-1, -1)
    try:
        found = os.fstat(handle)
    finally:
        os.close(handle)
    return stat.S_IMODE(found.st_mode) & 0o777, (found.st_uid, found.st_gid)


def _split(path: str) -> tuple[str, str]:
    """Return a path's parent and last part; ".." and "." parts are taken out first, as text."""
    if path[:1] not in ("", ".", "/") and "/." not in path and "//" not in path:
        parent, _, name = path.removesuffix("/").rpartition("/")
        return parent, name
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts[:-1]), parts[-1] if parts else ""


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name
