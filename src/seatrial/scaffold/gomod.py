"""go.mod and tools.mod, edited by Go's own commands in a scratch directory: the tree is not written.

``tool`` lines bring the tool's own requirements into the module graph (go.dev/ref/mod, "go.mod file:
tool directive"), where minimal version selection may raise the service's. That is measured, and a
service whose modules would move gets the same pin in a file of its own (``go tool -modfile=tools.mod``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.errors import ConfigError, NetworkError, ProjectError, SeatrialError, ToolFailed
from seatrial.formats.jsonvalue import as_list, as_table, table_at, text_at
from seatrial.host.process import Completed, run
from seatrial.scaffold.changes import Edited
from seatrial.scaffold.flags import TOOLS_MOD, WEAVE_DIRECTORY, WEAVE_MODULE

ORCHESTRION: Final = "github.com/DataDog/orchestrion"
GO_MOD: Final = "go.mod"
_TIMEOUT_S: Final = 1200.0
_NO_MODULE: Final = r"unknown revision|invalid version|not found|404|410|403|no matching versions"
_NO_ANSWER: Final = (
    r"dial tcp|no such host|i/o timeout|connection refused|TLS handshake|GOPROXY=off|lookup disabled"
)


@dataclass(frozen=True, kw_only=True)
class ModuleEdits:
    """What becomes of a module's files. pin_file: "go.mod" or "tools.mod".

    moved: what a tool line in go.mod would change of the service's own, such as
    "golang.org/x/text v0.41.0 => v0.42.0"; empty when nothing, or when it was not asked.
    """

    edited: tuple[Edited, ...]
    pin_file: str
    moved: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Module:
    """A Go module on disk. prefix: of its directory relative to the root, "" or "svc/".

    go: the program. env: the complete environment, with the Go that is pinned.
    """

    directory: Path
    prefix: str
    go: Path
    env: Mapping[str, str]

    def ask(self, *arguments: str, cwd: Path | None = None) -> Completed:
        """Run go without a workspace, where go.mod may be changed."""
        env = {**self.env, "GOWORK": "off", "GOFLAGS": "-mod=mod"}
        return run((str(self.go), *arguments), cwd=cwd or self.directory, env=env, timeout_s=_TIMEOUT_S)


@dataclass(frozen=True, kw_only=True)
class _ModFile:
    module: str
    go_line: str
    requires: Mapping[str, str]
    tools: frozenset[str]
    weave: str


def edit_module(
    module: Module, version: str, *, needs_go: tuple[int, int], asked: str, scratch: Path
) -> ModuleEdits:
    """Return go.mod (and go.sum, tools.mod, tools.sum) with Orchestrion at ``version`` and the aspects.

    needs_go: of Orchestrion. asked: the file for the pin, or "" for the one that has it, else the one
    that moves nothing. scratch: an empty directory. Raises ConfigError (no such version; a Go that is too
    old for it), NetworkError, ProjectError.
    """
    here = _read(module, module.directory / GO_MOD)
    pinned = _pinned(module, here)
    pin_file = asked or pinned
    moved: tuple[str, ...] = ()
    if not pin_file and _numbers(here.go_line) < needs_go:
        # Known without asking; and Go would look for every module of an old go.mod, which takes minutes.
        moved = (f"go {here.go_line or '1.16'} => {needs_go[0]}.{needs_go[1]}",)
        pin_file = TOOLS_MOD
    in_mod = scratch / GO_MOD
    _copy_module(module, scratch)
    if pin_file != TOOLS_MOD:
        if not _holds(here, version):
            _get_tool(module, in_mod, version)
        moved = _moved(here, _read(module, in_mod)) if not pinned else ()
        pin_file = pin_file or (TOOLS_MOD if moved else GO_MOD)
    if pin_file == TOOLS_MOD:
        _copy_module(module, scratch)  # without what was only measured
    edited = [*_tools_mod(module, here, version, scratch)] if pin_file == TOOLS_MOD else []
    if here.weave != f"./{WEAVE_DIRECTORY}":
        _require_weave(module, here, in_mod)
    purposes = {GO_MOD: "the aspects' module" if edited else "Orchestrion and the aspects' module"}
    for name in (GO_MOD, "go.sum"):
        content = (scratch / name).read_bytes() if (scratch / name).is_file() else b""
        if content:
            purpose = purposes.get(name, "Orchestrion's checksums")
            edited.append(Edited(path=module.prefix + name, purpose=purpose, content=content))
    return ModuleEdits(edited=tuple(edited), pin_file=pin_file, moved=moved)


def _require_weave(module: Module, here: _ModFile, mod: Path) -> None:
    """Require the aspects in a line of its own, beside the line that says where they are.

    ``go mod edit -require`` would put it into the last block, which is most often the indirect one, and the
    next ``go mod tidy`` would move it.
    """
    if WEAVE_MODULE not in here.requires:
        content = mod.read_bytes()
        end = b"\r\n" if b"\r\n" in content else b"\n"
        mod.write_bytes(content.rstrip() + 2 * end + f"require {WEAVE_MODULE} v0.0.0".encode() + end)
    module.ask("mod", "edit", f"-replace={WEAVE_MODULE}=./{WEAVE_DIRECTORY}", str(mod)).checked()


def _pinned(module: Module, here: _ModFile) -> str:
    """Return the file that has the tool line, or ""."""
    if ORCHESTRION in here.tools:
        return GO_MOD
    tools = module.directory / TOOLS_MOD
    return TOOLS_MOD if tools.is_file() and ORCHESTRION in _read(module, tools).tools else ""


def _holds(mod: _ModFile, version: str) -> bool:
    return ORCHESTRION in mod.tools and mod.requires.get(ORCHESTRION) == version


def _tools_mod(module: Module, here: _ModFile, version: str, scratch: Path) -> tuple[Edited, ...]:
    """Return tools.mod and tools.sum; other tools of the user's that are in it stay."""
    target = scratch / TOOLS_MOD
    there = module.directory / TOOLS_MOD
    if there.is_file():
        _copy(there, target)
        _copy(there.with_suffix(".sum"), target.with_suffix(".sum"))
    else:
        folder = scratch / "new"
        folder.mkdir()
        module.ask("mod", "init", f"{here.module}/tools", cwd=folder).checked()
        (folder / GO_MOD).rename(target)
    if not _holds(_read(module, target), version):
        _get_tool(module, target, version)
    return tuple(
        Edited(path=module.prefix + path.name, purpose=purpose, content=path.read_bytes())
        for path, purpose in (
            (target, "Orchestrion at its version"),
            (target.with_suffix(".sum"), "Orchestrion's checksums"),
        )
    )


def _get_tool(module: Module, mod: Path, version: str) -> None:
    done = module.ask("get", f"-modfile={mod}", "-tool", f"{ORCHESTRION}@{version}")
    if done.returncode != 0:
        raise _not_had(done, version)


def _not_had(done: Completed, version: str) -> SeatrialError:
    words = "\n".join(
        line
        for line in done.stderr.decode(errors="replace").splitlines()
        if not line.startswith(("go: downloading", "go: added", "go: upgraded"))
    )
    if needs := re.search(r"requires go >= (\S+) \(running go (\S+?);", words):
        return ConfigError(
            f"Orchestrion {version} needs Go {needs[1]}, and this is Go {needs[2]}",
            hint='take an older one: [instrument] version = "…", or a newer Go: GOTOOLCHAIN=auto',
        )
    if re.search(_NO_ANSWER, words):
        return NetworkError(
            words, where=done.command_line, hint="the module proxy is asked once, for the pin"
        )
    if re.search(_NO_MODULE, words):
        return ConfigError(words, where=f"{ORCHESTRION}@{version}")
    return ToolFailed(words, where=done.command_line)


def _moved(before: _ModFile, after: _ModFile) -> tuple[str, ...]:
    """Return what of the service's own would be at another version."""
    lines = []
    if after.go_line not in {before.go_line, f"{before.go_line}.0"}:
        lines.append(f"go {before.go_line} => {after.go_line}")
    lines += [
        f"{path} {version} => {after.requires[path]}"
        for path, version in sorted(before.requires.items())
        if after.requires.get(path, version) != version
    ]
    return tuple(lines)


def _read(module: Module, path: Path) -> _ModFile:
    done = module.ask("mod", "edit", "-json", str(path))
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().removeprefix("go: ")
        raise ProjectError(words, where=str(path))
    table = as_table(json.loads(done.stdout))
    requires = [as_table(value) for value in as_list(table.get("Require"))]
    replaced = {
        text_at(table_at(value, "Old"), "Path"): text_at(table_at(value, "New"), "Path")
        for value in map(as_table, as_list(table.get("Replace")))
    }
    return _ModFile(
        module=text_at(table_at(table, "Module"), "Path"),
        go_line=text_at(table, "Go"),
        requires={text_at(value, "Path"): text_at(value, "Version") for value in requires},
        tools=frozenset(text_at(as_table(value), "Path") for value in as_list(table.get("Tool"))),
        weave=replaced.get(WEAVE_MODULE, ""),
    )


def _numbers(go_line: str) -> tuple[int, ...]:
    return tuple(int(word) for word in re.findall(r"\d+", go_line)[:2])


def _copy_module(module: Module, scratch: Path) -> None:
    for name in (GO_MOD, "go.sum"):
        (scratch / name).unlink(missing_ok=True)
        _copy(module.directory / name, scratch / name)


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        target.write_bytes(source.read_bytes())
