"""Layers -> one root file system: later layers replace, whiteouts remove (OCI layer.md)."""

from __future__ import annotations

import base64
import binascii
import tarfile
from typing import Final

from seatrial.errors import FormatError
from seatrial.formats.layer_reader import member_path
from seatrial.model.facts import PathFact

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_MOST_LINKS: Final = 40
_MOST_PROBLEMS: Final = 50
_KINDS: Final = {
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symlink",
    tarfile.LNKTYPE: "hardlink",
    tarfile.FIFOTYPE: "fifo",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
}
# What every engine puts into a container's /dev by itself (OCI runtime-spec, config-linux.md), with
# debootstrap's console: (major, minor).
_USUAL_DEVICES: Final = {
    "dev/null": (1, 3),
    "dev/zero": (1, 5),
    "dev/full": (1, 7),
    "dev/random": (1, 8),
    "dev/urandom": (1, 9),
    "dev/tty": (5, 0),
    "dev/console": (5, 1),
    "dev/ptmx": (5, 2),
}
# How tar and buildkit, and how libarchive, keep extended attributes in pax headers.
_CAPABILITIES: Final = "SCHILY.xattr.security.capability"
_CAPABILITIES_BASE64: Final = "LIBARCHIVE.xattr.security.capability"


class MergedPaths:
    """The paths of an image while its layers are put on each other, bottom first.

    problems: sentences about members that no engine would unpack, or that two may unpack differently.
    oddities: about what all unpack alike, and no careful builder writes.
    """

    def __init__(self) -> None:
        self._facts: dict[str, PathFact] = {}
        self._children: dict[str, set[str]] = {}
        self.problems: list[str] = []
        self.oddities: list[str] = []

    def add(self, member: tarfile.TarInfo, layer: int) -> PathFact | None:
        """Put one member in place; return its fact, or None for a whiteout, the root or a bad path."""
        try:
            path = member_path(member.name)
            link_target = member_path(member.linkname) if member.islnk() else member.linkname
        except FormatError as error:
            self._problem(f"layer {layer}: {error}")
            return None
        if member.name.startswith("/"):
            self._oddity(f"layer {layer}: the path {member.name!a} begins at the root")
        above, _, name = path.rpartition("/")
        parent = self._real_directory(above)
        if parent is None:
            self._problem(f"layer {layer}: {path!a} lies below something that is no directory")
            return None
        if name == _OPAQUE:
            self._remove_below(parent, layer)
            return None
        if name.startswith(_WHITEOUT):
            if not name.startswith(_WHITEOUT * 2):  # else a note that aufs keeps for itself
                self._remove(_join(parent, name.removeprefix(_WHITEOUT)), layer)
            return None
        if not name:
            self._look_at_root(member, layer)
            return None
        kind = _KINDS.get(member.type, "file")
        if kind == "hardlink":
            link_target = self._hard_link_target(path, link_target, layer)
        fact = PathFact(
            path=_join(parent, name),
            kind=kind,
            mode=member.mode & 0o7777,
            uid=member.uid,
            gid=member.gid,
            size_bytes=member.size if member.isreg() else 0,
            link_target=link_target if kind in {"symlink", "hardlink"} else "",
            layer=layer,
            capabilities=_capabilities(member) if member.pax_headers else "",
            mtime_epoch_s=int(member.mtime),
        )
        self._look_at(fact, member)
        self._put(fact)
        return fact

    def _hard_link_target(self, path: str, target: str, layer: int) -> str:
        """Return where the other name of a file really is; note when it is nowhere."""
        above, _, name = target.rpartition("/")
        parent = self._real_directory(above)
        real = target if parent is None else _join(parent, name)
        fact = self._facts.get(real)
        if fact is None or fact.kind == "directory":
            self._problem(f"layer {layer}: {path!a} is a hard link to {target!a}, which is no file before it")
        return real

    def _look_at(self, fact: PathFact, member: tarfile.TarInfo) -> None:
        """Note a path that comes twice in its layer, and a device that is not one of the usual."""
        before = self._facts.get(fact.path)
        if before is not None and before.layer == fact.layer and {before.kind, fact.kind} != {"directory"}:
            self._problem(f"layer {fact.layer}: {fact.path!a} is there twice")
        if fact.kind == "device":
            numbers = (member.devmajor, member.devminor)
            if member.isblk() or _USUAL_DEVICES.get(fact.path) != numbers:
                self._problem(f"layer {fact.layer}: {fact.path!a} is a device ({numbers[0]}, {numbers[1]})")

    def _look_at_root(self, member: tarfile.TarInfo, layer: int) -> None:
        """Note a root directory that others than root may change: all that lies in it can be replaced."""
        is_open = member.mode & 0o002 and not member.mode & 0o1000
        if member.isdir() and (member.uid != 0 or is_open):
            self._problem(f"layer {layer}: the root directory is {member.uid}'s, with mode {member.mode:04o}")

    def get(self, path: str) -> PathFact | None:
        """Return the fact of a relative path, without following a link at its end."""
        return self._facts.get(path)

    def paths(self) -> tuple[PathFact, ...]:
        """Return all facts, sorted by path."""
        return tuple(self._facts[path] for path in sorted(self._facts))

    def resolve(self, path: str) -> str | None:
        """Follow every symbolic link as a process with this root would; None for a loop."""
        todo = path.split("/")[::-1]
        done: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                del done[-1:]
                continue
            fact = self._facts.get("/".join((*done, part)))
            if fact is None or fact.kind != "symlink":
                done.append(part)
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            if fact.link_target.startswith("/"):
                done.clear()
            todo.extend(fact.link_target.split("/")[::-1])
        return "/".join(done)

    def _real_directory(self, path: str) -> str | None:
        """Return where a member's parent really is: an engine follows links below the member itself.

        None when it is no directory and cannot become one.
        """
        fact = self._facts.get(path)
        if not path or (fact is not None and fact.kind == "directory"):
            return path
        real = self.resolve(path)
        above = real
        while above:
            fact = self._facts.get(above)
            if fact is not None:
                return real if fact.kind == "directory" else None
            above = above.rpartition("/")[0]
        return real

    def _put(self, fact: PathFact) -> None:
        if fact.kind != "directory":
            self._remove_below(fact.path, None)
        self._facts[fact.path] = fact
        self._children.setdefault(fact.path.rpartition("/")[0], set()).add(fact.path)
        # A directory that no member declares still connects what is below it.
        path = fact.path.rpartition("/")[0]
        while path and path not in self._facts:
            above = self._children.setdefault(path.rpartition("/")[0], set())
            if path in above:
                break
            above.add(path)
            path = path.rpartition("/")[0]

    def _remove(self, path: str, layer: int) -> None:
        """Remove a path of the layers below, and all that is below it."""
        fact = self._facts.get(path)
        if not self._children.get(path) and (fact is None or fact.layer == layer):
            self._oddity(f"layer {layer}: {path!a} is removed, and no layer below has it")
        self._remove_below(path, layer)
        if fact is not None and fact.layer < layer:
            del self._facts[path]
            self._children.get(path.rpartition("/")[0], set()).discard(path)

    def _remove_below(self, path: str, layer: int | None) -> None:
        """Remove what lies below a path: of the layers under ``layer``, or all of it for None."""
        for child in tuple(self._children.get(path, ())):
            self._remove_below(child, layer)
            fact = self._facts.get(child)
            if fact is not None and (layer is None or fact.layer < layer):
                del self._facts[child]
            if child not in self._facts and not self._children.get(child):
                self._children[path].discard(child)

    def _problem(self, sentence: str) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(sentence)

    def _oddity(self, sentence: str) -> None:
        if len(self.oddities) < _MOST_PROBLEMS:
            self.oddities.append(sentence)


def _join(parent: str, name: str) -> str:
    return f"{parent}/{name}" if parent else name


def _capabilities(member: tarfile.TarInfo) -> str:
    plain = member.pax_headers.get(_CAPABILITIES)
    if plain is not None:
        return plain.encode(errors="surrogateescape").hex()
    try:
        return base64.b64decode(member.pax_headers.get(_CAPABILITIES_BASE64, "") + "==").hex()
    except binascii.Error:
        return "?"
