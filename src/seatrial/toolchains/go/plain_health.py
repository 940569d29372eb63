"""The woven health check in a program that no weaver touches: its runtime in the view, hooks by -overlay.

The runtime's packages go into the view as packages of the service's own module, so that neither its
go.mod nor the build information names anything new. What Orchestrion's aspects do in the standard
library is done by ``go build -overlay``: a function is renamed, and one more file of its package has
its old name, calls it, and tells the runtime.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.errors import MachineError
from seatrial.host.files import write_whole
from seatrial.instrument.pin import WEAVE_MODULE
from seatrial.model.project import Project
from seatrial.toolchains.go.environment import GoEnvironment
from seatrial.toolchains.go.view import View

RUNTIME: Final = "internal/seatrialhealth"
_MAIN_FILE: Final = "0seatrial_health.go"  # init functions run in the order of the files' names
_HOOKS_FILE: Final = "seatrial_health.go"
_HOOKS: Final = Path(__file__).parent / "hooks"
_NAMES_FILE: Final = "0seatrial_names.go"
_MAIN: Final = """package main

import "{runtime}/health"

func init() {{ health.Main() }}
"""
_IMPORT: Final = re.compile(rf'"{re.escape(WEAVE_MODULE)}/([\w/]+)"')


@dataclass(frozen=True, kw_only=True)
class _Hooks:
    """One package's. functions: what stands before a name, the name. wrappers: the new file, in hooks/."""

    functions: tuple[tuple[str, str], ...]
    wrappers: str


_STANDARD: Final = {
    "database/sql": _Hooks(
        functions=(("func ", "OpenDB"), ("func (db *DB) ", "Close")),
        wrappers="sql.go.txt",
    ),
    "net": _Hooks(
        functions=(
            ("func (lc *ListenConfig) ", "Listen"),
            *(("func ", name) for name in ("ListenTCP", "ListenUnix", "FileListener")),
            *(("func (l *TCPListener) ", name) for name in ("Accept", "AcceptTCP", "Close")),
            *(("func (l *UnixListener) ", name) for name in ("Accept", "AcceptUnix", "Close")),
        ),
        wrappers="net.go.txt",
    ),
}
_LIBRARIES: Final = {
    r"github\.com/jackc/pgx/v5(@v[^/]+)?/pgxpool": _Hooks(
        functions=(("func ", "NewWithConfig"), ("func (p *Pool) ", "Close")),
        wrappers="pgxpool.go.txt",
    ),
}


def hooks_digest() -> str:
    """Return a digest of what is put into a program beside the runtime."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_HOOKS.iterdir()))).hexdigest()


def runtime_files(project: Project, aspects: Path) -> dict[Path, bytes]:
    """Return what the view gets beside the sources, by where it would lie in the user's tree.

    aspects: the aspect module; of it, what package health needs.
    """
    runtime = f"{project.module.path}/{RUNTIME}"
    place = project.module.directory / RUNTIME
    files = {project.main.directory / _MAIN_FILE: _MAIN.format(runtime=runtime).encode()}
    for path in _needed(aspects, "health"):
        text = path.read_text().replace(f"{WEAVE_MODULE}/", f"{runtime}/")
        files[place / path.relative_to(aspects)] = text.encode()
    files[place / "health" / _NAMES_FILE] = (_HOOKS / "names.go.txt").read_bytes()
    return files


def _needed(aspects: Path, first: str) -> Iterator[Path]:
    """Yield the files of a package, and of those of this module that it imports."""
    names, done = [first], set()
    while names:
        name = names.pop()
        if name in done:
            continue
        done.add(name)
        for path in sorted((aspects / name).glob("*.go")):
            if not path.name.endswith("_test.go"):
                names += _IMPORT.findall(path.read_text())
                yield path


def write_overlay(project: Project, go: GoEnvironment, view: View, place: Path) -> Path:
    """Write the hooks for this Go and these libraries; return the file that -overlay takes.

    place: a directory of the service's own.
    Raises MachineError for a standard library that is not as expected.
    """
    replaced: dict[str, str] = {}
    for directory, hooks in _hooked(project, go, view):
        for path, text in _rewritten(directory, hooks).items():
            digest = hashlib.sha256(text.encode()).hexdigest()[:16]
            target = place / f"{digest}-{path.name}"
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                write_whole(target, text.encode())
            replaced[str(path)] = str(target)
    listing = place / "overlay.json"
    write_whole(listing, json.dumps({"Replace": replaced}, sort_keys=True).encode())
    return listing


def _hooked(project: Project, go: GoEnvironment, view: View) -> Iterator[tuple[Path, _Hooks]]:
    """Yield the packages of this build that have hooks, where Go reads them: a vendored one in the view."""
    for name, hooks in _STANDARD.items():
        yield go.goroot / "src" / name, hooks
    local = (view.root / path.relative_to(view.origin) for path in project.input_directories)
    for directory in (*project.library_directories, *local):
        for name, hooks in _LIBRARIES.items():
            if re.search(rf"/{name}$", directory.as_posix()):
                yield directory, hooks


def _rewritten(directory: Path, hooks: _Hooks) -> dict[Path, str]:
    """Return the files of a package that differ: path -> content."""
    changed: dict[Path, str] = {}
    sources = {
        path: path.read_text()
        for path in sorted(directory.glob("*.go"))
        if not path.name.endswith("_test.go")
    }
    for head, name in hooks.functions:
        pattern = re.compile(rf"^{re.escape(head)}{name}\(", re.MULTILINE)
        found = [path for path, text in sources.items() if pattern.search(text)]
        if len(found) != 1:
            raise MachineError(
                f"{head}{name} is not where it is expected, so the health check cannot be put in",
                where=str(directory),
                hint="set [health] flag = false in seatrial.toml to build without one",
            )
        path = found[0]
        sources[path] = changed[path] = pattern.sub(f"{head}seatrial{name}(", sources[path], count=1)
    changed[directory / _HOOKS_FILE] = (_HOOKS / hooks.wrappers).read_text()
    return changed
