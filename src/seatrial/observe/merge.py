"""Layers -> one root file system: later layers replace, whiteouts remove (OCI layer.md)."""

from __future__ import annotations

import tarfile
from typing import Final

from seatrial.errors import FormatError
from seatrial.formats.layer_reader import member_path
from seatrial.model.facts import PathFact

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_MOST_LINKS: Final = 40
_MOST_PROBLEMS: Final = 50


class MergedPaths:
    """The paths of an image while its layers are put on each other, bottom first.

    problems: sentences about members that no engine would unpack.
    """

    def __init__(self) -> None:
        self._facts: dict[str, PathFact] = {}
        self._children: dict[str, set[str]] = {}
        self.problems: list[str] = []

    def add(self, member: tarfile.TarInfo, layer: int) -> PathFact | None:
        """Put one member in place; return its fact, or None for a whiteout, the root or a bad path."""
        try:
            path = member_path(member.name)
            link_target = member_path(member.linkname) if member.islnk() else member.linkname
        except FormatError as error:
            self._problem(f"layer {layer}: {error}")
            return None
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
            return None
        fact = PathFact(
            path=_join(parent, name),
            kind=_kind(member),
            mode=member.mode & 0o7777,
            uid=member.uid,
            gid=member.gid,
            size_bytes=member.size if member.isreg() else 0,
            link_target=link_target if member.issym() or member.islnk() else "",
            layer=layer,
        )
        self._put(fact)
        return fact

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
        self._remove_below(path, layer)
        fact = self._facts.get(path)
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


def _join(parent: str, name: str) -> str:
    return f"{parent}/{name}" if parent else name


def _kind(member: tarfile.TarInfo) -> str:
    if member.isdir():
        return "directory"
    if member.issym():
        return "symlink"
    if member.islnk():
        return "hardlink"
    if member.isfifo():
        return "fifo"
    return "device" if member.isdev() else "file"
