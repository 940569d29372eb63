"""``go list``: packages and modules as values (go help list; cmd/go/internal/load.PackagePublic)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import ToolFailed
from seatrial.formats.json_stream import json_stream
from seatrial.formats.jsonvalue import as_list, as_table, table_at, text_at, texts_at
from seatrial.toolchains.go.answers import Answers

_TIMEOUT_S = 1800.0  # the first call downloads the service's modules

_COMPILED_FILES = (
    "GoFiles",
    "CgoFiles",
    "IgnoredGoFiles",
    "CFiles",
    "CXXFiles",
    "MFiles",
    "HFiles",
    "FFiles",
    "SFiles",
    "SwigFiles",
    "SwigCXXFiles",
    "SysoFiles",
    "EmbedFiles",
)
_FIELDS = (
    "ImportPath",
    "Name",
    "Dir",
    "Standard",
    "Module",
    "Imports",
    "EmbedPatterns",
    "Error",
    *_COMPILED_FILES,
)


@dataclass(frozen=True, kw_only=True)
class ListedModule:
    """A module of the build list. directory: where its source lies; is_local: not from the module cache."""

    path: str
    version: str
    directory: Path | None
    replacement_directory: Path | None
    is_main: bool


@dataclass(frozen=True, kw_only=True)
class ListedPackage:
    """One package of the build. files: all that its compilation may read, absolute (not of Go's own).

    embedded: the part of files that //go:embed brings, and patterns: what it names them by. imports: by
    their import paths (not of Go's own). error: Go's message, with position, or "".
    """

    import_path: str
    name: str
    directory: Path
    is_standard: bool
    module: ListedModule | None
    files: tuple[Path, ...]
    embedded: tuple[Path, ...]
    patterns: tuple[str, ...]
    imports: tuple[str, ...]
    has_cgo: bool
    error: str
    error_import: str


def list_packages(
    go: Path,
    patterns: tuple[str, ...],
    *,
    directory: Path,
    env: Mapping[str, str],
    flags: tuple[str, ...],
    answers: Answers,
) -> tuple[ListedPackage, ...]:
    """Run ``go list -e -json`` and parse its stream of objects; dependencies come before dependents.

    Raises ToolFailed when Go cannot even load the pattern.
    """
    argv = (str(go), "list", "-e", f"-json={','.join(_FIELDS)}", *flags, "--", *patterns)
    done = answers.ask(argv, cwd=directory, env=env, timeout_s=_TIMEOUT_S)
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()
        raise ToolFailed(words or f"go list: exit status {done.returncode}", where=done.command_line)
    return tuple(_package(as_table(value)) for value in json_stream(done.stdout.decode()))


def _package(table: dict[str, object]) -> ListedPackage:
    directory = Path(text_at(table, "Dir"))
    # Thousands of paths in the standard library, which nobody asks for.
    fields = () if table.get("Standard") else _COMPILED_FILES
    names = [name for field in fields for name in texts_at(table, field)]
    error = table_at(table, "Error")
    position = text_at(error, "Pos")
    message = text_at(error, "Err")
    return ListedPackage(
        import_path=text_at(table, "ImportPath"),
        name=text_at(table, "Name"),
        directory=directory,
        is_standard=bool(table.get("Standard")),
        module=_module(table_at(table, "Module")) if table.get("Module") else None,
        files=tuple(directory / name for name in names),
        embedded=tuple(directory / name for name in texts_at(table, "EmbedFiles")),
        patterns=texts_at(table, "EmbedPatterns") if fields else (),
        imports=() if table.get("Standard") else texts_at(table, "Imports"),
        has_cgo=bool(as_list(table.get("CgoFiles"))),
        error=f"{position}: {message}" if position else message,
        error_import=(texts_at(error, "ImportStack") or ("",))[-1],
    )


def _module(table: dict[str, object]) -> ListedModule:
    replaced = table_at(table, "Replace")
    local = text_at(replaced, "Dir") if replaced and not text_at(replaced, "Version") else ""
    directory = text_at(table, "Dir")
    return ListedModule(
        path=text_at(table, "Path"),
        version=text_at(table, "Version"),
        directory=Path(directory) if directory else None,
        replacement_directory=Path(local) if local else None,
        is_main=bool(table.get("Main")),
    )
