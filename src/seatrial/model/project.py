"""What a directory holds: the service as found, before anything is decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Language(StrEnum):
    """The languages that have a toolchain."""

    GO = "go"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The git checkout that holds the service.

    top: the work tree's root. tree: the root of what is built, which is top unless the sources were
    prepared in a copy. git_dir: the (possibly linked) git directory.
    revision: 40 hex, or "" before the first commit. commit_epoch_s: committer date.
    version: as ``seatrial tags`` has it (model/origin.py), "-dirty" added for a changed or untracked file;
    "" before the first commit.
    source_url: origin's address without credentials, or "".
    """

    top: Path
    tree: Path
    git_dir: Path
    revision: str
    commit_epoch_s: int
    version: str
    is_dirty: bool
    source_url: str


@dataclass(frozen=True, kw_only=True)
class MainPackage:
    """A package that links to a program. argument: how ``--main`` names it, such as ./cmd/server."""

    import_path: str
    argument: str
    directory: Path


@dataclass(frozen=True, kw_only=True)
class LocalModule:
    """A module whose source is on this disk: the main one, a workspace member, a local replacement."""

    path: str
    directory: Path


@dataclass(frozen=True, kw_only=True)
class Project:
    """A Go service as its own tools describe it.

    root: the directory that was asked for, resolved.
    module: the module that holds the main package. members: every local module, that one included.
    workspace: the user's go.work in force, or None. is_vendored: built from vendor/.
    main: the package to build. inputs: every file of this disk (outside GOROOT and the module cache)
    that the build reads, sorted. input_directories: where a new file would be seen by the build.
    library_directories: the packages that come from the module cache, sorted; they never change.
    package_count: packages to compile, the standard library's included.
    cgo_packages: import paths outside the standard library that hold C code.
    module_paths: every module that is compiled in (to know which libraries are used).
    uses_database: database/sql or pgx is compiled in. uses_network: the standard library's net is.
    exposed_ports: such as "8080/tcp", from the service's own Dockerfile.
    aspects: the service's own copy of Seatrial's aspect module (seatrial init), or None.
    """

    language: Language
    root: Path
    module: LocalModule
    members: tuple[LocalModule, ...]
    workspace: Path | None
    is_vendored: bool
    go_line: str
    toolchain_version: str
    main: MainPackage
    inputs: tuple[Path, ...]
    input_directories: tuple[Path, ...]
    package_count: int
    cgo_packages: tuple[str, ...]
    module_paths: tuple[str, ...]
    uses_database: bool
    exposed_ports: tuple[str, ...]
    repository: Repository | None
    library_directories: tuple[Path, ...] = ()
    uses_network: bool = True
    aspects: Path | None = None
    warnings: tuple[str, ...] = field(default=())
