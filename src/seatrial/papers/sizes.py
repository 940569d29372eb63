"""Where an image's bytes are: by layer, and in each by package, Go module or folder."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from seatrial.model.facts import GoFacts, PathFact, StaticFacts

_MOST_PARTS: Final = 40
_DATABASES: Final = ("var/lib/dpkg/", "lib/apk/db/", "usr/lib/sysimage/rpm/", "var/lib/rpm/")
# Minimal images leave out documents and more that Installed-Size counts; beyond this it is no measure.
_MOST_CLAIMED: Final = 4


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some bytes of a layer. kind: "module", "package", "folder", "data" or "hidden"."""

    name: str
    kind: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class LayerParts:
    """One layer, its parts largest first."""

    number: int
    name: str
    parts: tuple[Part, ...]

    @property
    def size_bytes(self) -> int:
        """The sum of its parts."""
        return sum(part.size_bytes for part in self.parts)


def layers_by_part(static: StaticFacts) -> tuple[LayerParts, ...]:
    """Return the layers that hold any byte, bottom first."""
    files: dict[int, list[PathFact]] = defaultdict(list)
    for path in static.paths:
        if path.kind == "file" and path.size_bytes:
            files[path.layer].append(path)
    holder = _database_layer(static)
    found = []
    for number in range(max(len(static.layer_sizes_bytes), max(files, default=-1) + 1)):
        parts = _parts(static, files[number], has_packages=number == holder)
        shown = sum(part.size_bytes for part in parts)
        if number < len(static.layers) and static.layers[number].content_bytes > shown:
            hidden = static.layers[number].content_bytes - shown
            parts.append(Part(name="removed or replaced by a layer above", kind="hidden", size_bytes=hidden))
        if parts:
            found.append(LayerParts(number=number, name=_layer_name(static, number), parts=_largest(parts)))
    return tuple(found)


def _parts(static: StaticFacts, files: list[PathFact], *, has_packages: bool) -> list[Part]:
    program = static.executable.lstrip("/")
    parts: list[Part] = []
    others: dict[str, int] = defaultdict(int)
    for file in files:
        if file.path == program and static.go and static.go.code_bytes:
            parts += _program_parts(static.go, file.size_bytes)
        else:
            others[_folder(file.path)] += file.size_bytes
    total, packaged = sum(others.values()), sum(one.installed_bytes for one in static.packages)
    if has_packages and 0 < packaged <= total * _MOST_CLAIMED:
        share = min(1.0, total / packaged)
        packages = [
            Part(
                name=f"{one.name} {one.version}", kind="package", size_bytes=int(one.installed_bytes * share)
            )
            for one in static.packages
            if one.installed_bytes
        ]
        parts += packages
        others = {"beside the packages": total - sum(package.size_bytes for package in packages)}
    parts += [Part(name=name, kind="folder", size_bytes=size) for name, size in others.items() if size > 0]
    return parts


def _program_parts(go: GoFacts, size_bytes: int) -> list[Part]:
    """Share the program among modules by their machine code; the rest is data and tables."""
    modules: dict[str, int] = defaultdict(int)
    listed = (go.main_module, *go.modules, *go.hidden_modules)
    names = sorted((module.path for module in listed), key=len, reverse=True)
    for package, code in go.code_bytes:
        owner = next((name for name in names if f"{package}/".startswith(f"{name}/")), "")
        if not owner:
            # The main package is called so, whatever its path; a first word without a dot is Go's own.
            is_own = package == "main" or "." in package.partition("/")[0]
            owner = go.main_module.path if is_own else "Go's runtime and library"
        modules[owner if package else "code that no package owns"] += code
    parts = [Part(name=name, kind="module", size_bytes=size) for name, size in modules.items()]
    rest = size_bytes - sum(modules.values())
    return (
        [*parts, Part(name="the program's data and tables", kind="data", size_bytes=rest)]
        if rest > 0
        else parts
    )


def _largest(parts: list[Part]) -> tuple[Part, ...]:
    ordered = sorted(parts, key=lambda part: (-part.size_bytes, part.name))
    shown, rest = ordered[:_MOST_PARTS], ordered[_MOST_PARTS:]
    if rest:
        size = sum(part.size_bytes for part in rest)
        shown.append(Part(name=f"{len(rest)} smaller ones", kind="folder", size_bytes=size))
    return tuple(shown)


def _folder(path: str) -> str:
    folders = path.split("/")[:-1]
    return "/" + ("/".join(folders[:2]) if folders else path)


def _layer_name(static: StaticFacts, number: int) -> str:
    said = static.layers[number].created_by if number < len(static.layers) else ""
    return " ".join(said.split())[:120]


def _database_layer(static: StaticFacts) -> int:
    """Return the layer that holds the packages' database; -1 without one."""
    found = [path.layer for path in static.paths if path.path.startswith(_DATABASES) and path.kind == "file"]
    return min(found, default=-1)
