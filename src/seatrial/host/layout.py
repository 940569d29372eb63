"""An OCI image on disk: a layout directory, or the tar that ``docker load`` takes (OCI image-layout.md).

The tar is a hybrid: an OCI layout that also holds Docker's manifest.json, because engines before 25
read only that one. Its headers are constant, so the same image gives the same bytes.
Neither form is synced to the medium: a power cut within seconds of the build may lose it, a killed
process cannot.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.errors import FormatError, MachineError, OutputError
from seatrial.host.files import output_error
from seatrial.host.staging import replace_directory, replace_file
from seatrial.model.plan import Output

_RECORD: Final = 512
_LARGEST_MEMBER: Final = 0o77777777777
_OWN_NAMES: Final = frozenset({"oci-layout", "index.json", "manifest.json", "blobs"})
_COMPRESSED: Final = (".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2")
_FIRST_MEMBER: Final = b"oci-layout\0"
_LARGEST_INDEX: Final = 4 << 20


@dataclass(frozen=True, kw_only=True)
class LayoutFile:
    """One file of a layout. name: relative, such as "index.json". content: bytes, or a host file to copy."""

    name: str
    content: bytes | Path
    size_bytes: int


def text_file(name: str, content: bytes) -> LayoutFile:
    """Return a layout file that is held in memory."""
    return LayoutFile(name=name, content=content, size_bytes=len(content))


def parse_output(text: str, current_directory: Path) -> Output:
    """Turn ``-o`` into an Output: a name that ends in ".tar" is one file, any other a directory.

    Raises OutputError for a compressed tar, as a layer inside is compressed already.
    """
    path = current_directory / text
    lowered = path.name.lower()
    for suffix in _COMPRESSED:
        if lowered.endswith(suffix):
            hint = f"the layers inside are compressed already: -o {text[: -len(suffix)]}.tar"
            raise OutputError(f"an image is not written as {suffix}", where=text, hint=hint)
    is_tar = lowered.endswith(".tar") and not text.endswith("/")
    return Output(path=path, form="tar" if is_tar else "layout")


def check_output(output: Output) -> None:
    """Raise OutputError when the image could not be put there: ask before a long build."""
    try:
        (_refuse_as_archive if output.form == "tar" else _refuse_as_layout)(output.path)
    except OSError as error:
        raise output_error(output.path, error) from error
    parent = output.path.parent
    while not os.path.lexists(parent) and parent != parent.parent:
        parent = parent.parent
    hint = "choose a place that can be written, with -o"
    if not parent.is_dir():
        raise OutputError("is not a directory", where=str(parent), hint=hint)
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError("this directory cannot be written", where=str(parent), hint=hint)


def write_layout(target: Path, files: tuple[LayoutFile, ...], *, may_link: bool = False) -> None:
    """Replace ``target`` by a layout directory of these files, in one step.

    may_link: host files become hard links where the file system allows; only for a target that
    stays ours, since whoever changes owner or mode of a link changes the original.
    A present target is replaced when it is empty or a layout of one image with nothing else in it.
    Raises OutputError (the target stays as it was), MachineError (a host file cannot be read).
    """
    with replace_directory(target, _refuse_as_layout) as staging:
        for directory in sorted({os.path.dirname(file.name) for file in files}):
            os.makedirs(staging / directory, exist_ok=True)
        for file in files:
            path = staging / file.name
            if may_link and isinstance(file.content, Path) and _link(file, file.content, path):
                continue
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            try:
                _write_file(handle, file)
            finally:
                os.close(handle)


def write_archive(target: Path, files: tuple[LayoutFile, ...]) -> int:
    """Replace ``target`` by a tar of these files, in the order given; return its size in bytes.

    The first file must be "oci-layout": by it a later run knows the tar for one of its own.
    A present target is replaced when it is empty or such a tar.
    Raises OutputError (the target stays as it was), MachineError (a host file cannot be read).
    """
    if not files or files[0].name != "oci-layout":
        raise FormatError("the first file of an image tar must be oci-layout", where=str(target))
    known: set[str] = set()
    with replace_file(target, _refuse_as_archive) as handle:
        for file in files:
            _write_all(handle, b"".join(_parent_headers(file.name, known)))
            _write_all(handle, _header(file.name, b"0", 0o644, file.size_bytes))
            _write_file(handle, file)
            _write_all(handle, bytes(-file.size_bytes % _RECORD))
        _write_all(handle, bytes(2 * _RECORD))
        return os.fstat(handle).st_size


def _parent_headers(name: str, known: set[str]) -> Iterable[bytes]:
    parts = name.split("/")[:-1]
    for count in range(1, len(parts) + 1):
        directory = "/".join(parts[:count]) + "/"
        if directory not in known:
            known.add(directory)
            yield _header(directory, b"5", 0o755, 0)


def _header(name: str, type_flag: bytes, mode: int, size_bytes: int) -> bytes:
    """Return a ustar header of root's, of 1970 (POSIX.1-2017); every value fits or it is refused."""
    raw = name.encode()
    if len(raw) > 100 or size_bytes > _LARGEST_MEMBER:
        raise FormatError("a file of over 8 GiB or a name of over 100 bytes in an image tar", where=name)
    head = raw.ljust(100, b"\0") + b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, 0, 0, size_bytes, 0)
    tail = (type_flag + bytes(100) + b"ustar\x0000").ljust(_RECORD - 156, b"\0")
    return b"%b%06o\0 %b" % (head, sum(head) + sum(tail) + 8 * ord(" "), tail)


def _link(file: LayoutFile, source: Path, path: Path) -> bool:
    try:
        os.link(source, path)
    except OSError:  # another file system, or links are restricted: copy
        return False
    if path.stat().st_size != file.size_bytes:
        raise _changed(source)
    return True


def _write_file(handle: int, file: LayoutFile) -> None:
    if isinstance(file.content, bytes):
        _write_all(handle, file.content)
        return
    try:
        source = os.open(file.content, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise MachineError(f"cannot be read: {error.strerror}", where=str(file.content)) from error
    try:
        if os.fstat(source).st_size != file.size_bytes:
            raise _changed(file.content)
        left = file.size_bytes
        while left:
            count = os.sendfile(handle, source, None, left)
            if count == 0:
                raise _changed(file.content)
            left -= count
    finally:
        os.close(source)


def _changed(path: Path) -> MachineError:
    hint = "remove it and build again; if it comes back, the disk or another program changes it"
    return MachineError("is not as long as when it was made", where=str(path), hint=hint)


def _write_all(handle: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]


def _refuse_as_layout(target: Path) -> None:
    """Raise OutputError unless ``target`` is missing, empty, or a layout of one image and nothing else.

    Another run may exchange the directory and delete the old one while this looks into it: what was
    seen only counts when the name still stands for the directory that was seen.
    """
    while True:
        before = _status(target)
        if before is None:
            return
        try:
            _refuse_directory(target, before.st_mode)
        except (OutputError, FileNotFoundError):
            after = _status(target)
            if after is not None and (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns):
                raise
        else:
            return


def _refuse_directory(target: Path, mode: int) -> None:
    if not stat.S_ISDIR(mode):
        raise _refusal(target, mode, "to write one file, let the name end in .tar")
    with os.scandir(target) as entries:
        names = {entry.name for entry in entries}
    if not names:
        return
    others = sorted(names - _OWN_NAMES)
    hint = "nothing was changed there; choose another -o, or move that away"
    if "oci-layout" not in names or others:
        shown = others[0] if others else sorted(names)[0]
        raise OutputError(f"is a directory that is no image (it holds {shown})", where=str(target), hint=hint)
    if _count_images(target / "index.json") > 1:
        raise OutputError("is a layout that holds several images", where=str(target), hint=hint)


def _count_images(index: Path) -> int:
    """Return how many images an index lists; 0 when it cannot be read, as nothing can use it then."""
    try:
        with open(index, "rb") as file:
            value: object = json.loads(file.read(_LARGEST_INDEX))
    except (OSError, ValueError, RecursionError):
        return 0
    manifests: object = value.get("manifests") if isinstance(value, dict) else None
    if not isinstance(manifests, list):
        return 0
    return sum(1 for entry in manifests if isinstance(entry, dict) and "artifactType" not in entry)


def _refuse_as_archive(target: Path) -> None:
    """Raise OutputError unless ``target`` is missing, empty, or a tar that ``write_archive`` made."""
    status = _status(target)
    if status is None:
        return
    if not stat.S_ISREG(status.st_mode):
        raise _refusal(
            target, status.st_mode, "a name that ends in .tar is written as one file: choose another -o"
        )
    with open(target, "rb") as file:
        start = file.read(_RECORD)
    if start and not (start.startswith(_FIRST_MEMBER) and start[257:262] == b"ustar"):
        hint = "nothing was changed there; choose another -o, or move it away"
        raise OutputError("is a file that is no image of ours", where=str(target), hint=hint)


def _status(target: Path) -> os.stat_result | None:
    try:
        return os.lstat(target)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _refusal(target: Path, mode: int, hint: str) -> OutputError:
    if stat.S_ISLNK(mode):
        hint = f"nothing was changed; name what it points to (-o {os.path.realpath(target)}), or remove it"
        return OutputError("is a symbolic link", where=str(target), hint=hint)
    kind = "directory" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "special file"
    return OutputError(f"is a {kind}", where=str(target), hint=f"nothing was changed; {hint}")
