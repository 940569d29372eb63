"""go.mod and go.work: which local directories belong to a build, read with Go's own commands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import ProjectError
from seatrial.formats.jsonvalue import as_list, as_table, table_at, text_at
from seatrial.model.project import LocalModule
from seatrial.toolchains.go.environment import GoEnvironment

_TIMEOUT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class ModFile:
    """What Seatrial needs of a go.mod or go.work.

    module_path: empty for go.work. go_line: such as "1.24". tools: the ``tool`` lines.
    uses: directories of go.work. replacements: local directories that replace modules.
    """

    path: Path
    module_path: str
    go_line: str
    tools: tuple[str, ...]
    uses: tuple[Path, ...]
    replacements: tuple[Path, ...]


def read_mod(path: Path, go: GoEnvironment) -> ModFile:
    """Read a go.mod with ``go mod edit -json``; raise ProjectError with Go's own message."""
    return _read(path, go, ("mod", "edit", "-json"))


def read_work(path: Path, go: GoEnvironment) -> ModFile:
    """Read a go.work with ``go work edit -json``; raise ProjectError with Go's own message."""
    return _read(path, go, ("work", "edit", "-json"))


def local_modules(main: ModFile, workspace: ModFile | None, go: GoEnvironment) -> tuple[LocalModule, ...]:
    """Return every module whose source is on this disk, the main one first.

    Replacements count in the main module and in the workspace's members only, as Go has it.
    Raises ProjectError for a directory that is named and not there.
    """
    roots = [main]
    if workspace is not None:
        roots += [read_mod(use / "go.mod", go) for use in workspace.uses if use != main.path.parent]
    found = {
        root.path.parent: LocalModule(path=root.module_path, directory=root.path.parent) for root in roots
    }
    replacing = [*roots, workspace] if workspace else roots
    for source in replacing:
        for directory in source.replacements:
            if directory not in found:
                mod = _replacement(directory, source, go)
                found[directory] = LocalModule(path=mod.module_path, directory=directory)
    return tuple(found.values())


def _replacement(directory: Path, source: ModFile, go: GoEnvironment) -> ModFile:
    if not (directory / "go.mod").is_file():
        raise ProjectError(
            f"a replace line names {directory}, and there is no module",
            where=str(source.path),
            hint="check the sibling module out beside this one, or remove the replace line",
        )
    return read_mod(directory / "go.mod", go)


def _read(path: Path, go: GoEnvironment, command: tuple[str, ...]) -> ModFile:
    argv = (str(go.program), *command, str(path))
    done = go.answers.ask(argv, cwd=path.parent, env=go.variables, timeout_s=_TIMEOUT_S)
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().removeprefix("go: ")
        raise ProjectError(
            words, where=str(path), hint="correct the file; `go mod tidy` names what it misses"
        )
    table = as_table(json.loads(done.stdout))
    return ModFile(
        path=path,
        module_path=text_at(table_at(table, "Module"), "Path"),
        go_line=text_at(table, "Go"),
        tools=tuple(text_at(as_table(tool), "Path") for tool in as_list(table.get("Tool"))),
        uses=tuple(
            (path.parent / text_at(as_table(use), "DiskPath")).resolve() for use in as_list(table.get("Use"))
        ),
        replacements=tuple(_local_replacements(path, table)),
    )


def _local_replacements(path: Path, table: dict[str, object]) -> Iterator[Path]:
    for value in as_list(table.get("Replace")):
        new = table_at(as_table(value), "New")
        if not text_at(new, "Version"):
            yield (path.parent / text_at(new, "Path")).resolve()
