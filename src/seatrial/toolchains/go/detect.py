"""Directory -> Project: the module, the main package, and every file that its build reads."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from seatrial.errors import ProjectError, ToolFailed
from seatrial.host.git import read_repository
from seatrial.host.later import Later
from seatrial.host.recipes import read_recipe
from seatrial.instrument.pin import WEAVE_MODULE
from seatrial.model.project import Language, LocalModule, MainPackage, Project, Repository
from seatrial.toolchains.go.answers import recall_answers
from seatrial.toolchains.go.environment import GoEnvironment, explain_refusal, read_environment
from seatrial.toolchains.go.mains import choose
from seatrial.toolchains.go.modules import ModFile, local_modules, read_mod, read_work
from seatrial.toolchains.go.packages import ListedPackage, list_packages
from seatrial.toolchains.go.unloadable import explain_unloadable, refuse_broken

ORCHESTRION = "github.com/DataDog/orchestrion"
_DATABASES = frozenset({"database/sql", "github.com/jackc/pgx/v5", "github.com/jackc/pgx/v4"})
# Of a Dockerfile: a variable whose value is a number alone, and where one is named.
_DEFAULT = re.compile(
    r"""^[ \t]*(?:ENV|ARG)[ \t]+(\w+)(?:=|[ \t]+)["']?(\d+)["']?[ \t]*$""", re.MULTILINE | re.IGNORECASE
)
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


def detect(
    root: Path,
    *,
    main: str,
    tags: tuple[str, ...],
    env: Mapping[str, str],
    origin: Path,
    memory: Path | None = None,
) -> tuple[Project, GoEnvironment]:
    """Find out what ``root`` holds.

    main: the package to build (./cmd/x or an import path), or "" to find the only one.
    tags: build tags beyond those in GOFLAGS. origin: the user's directory, of which root may be a
    prepared copy: its git checkout says the version. memory: where Go's answers are kept, or None.
    Raises ProjectError (no module, no or several main packages), UserBuildFailed (packages that
    cannot be loaded, with Go's own messages), MissingTool, MachineError.
    """
    repository = Later(lambda: _repository(root, origin, env))
    go = read_environment(root, env)
    if go.gomod is None and go.gowork is None:
        raise _no_module(root)
    go = _with_cgo(go)
    if go.gomod and not go.gowork:  # whatever lies outside of one module's folder is not remembered
        go = replace(go, answers=recall_answers(memory, go.gomod.parent, go.digest))
    flags = (f"-tags={','.join(tags)}",) if tags else ()
    workspace = read_work(go.gowork, go) if go.gowork else None
    package, notes = _choose_main(root, main, workspace, go, flags, origin=origin)
    mod = read_mod(_module_file(package, go), go)
    members, aspects = _apart(local_modules(mod, workspace, go))
    listed = _dependencies(package, mod, go, flags, root=root)
    vendored = _vendor_directory(mod, workspace, go)
    found = repository.value()
    if vendored is None and all(member.directory.is_relative_to(go.answers.tree) for member in members):
        go.answers.keep()
    return Project(
        language=Language.GO,
        root=root,
        module=members[0],
        members=members,
        workspace=go.gowork,
        is_vendored=vendored is not None,
        go_line=mod.go_line,
        toolchain_version=go.version,
        main=package,
        inputs=_with_aspects(_inputs(listed, members, go, vendored, found.tree if found else root), aspects),
        input_directories=_input_directories(listed, go),
        library_directories=_library_directories(listed, go),
        uses_network=any(p.import_path == "net" for p in listed),
        package_count=len(listed),
        cgo_packages=tuple(p.import_path for p in listed if p.has_cgo and not p.is_standard),
        module_paths=tuple(sorted({p.module.path for p in listed if p.module})),
        uses_database=any(p.import_path in _DATABASES for p in listed),
        repository=found,
        exposed_ports=_ports_of(read_recipe((root, members[0].directory))),
        aspects=aspects,
        warnings=(*notes, *_warnings(mod)),
    ), go


def _apart(found: tuple[LocalModule, ...]) -> tuple[tuple[LocalModule, ...], Path | None]:
    """Tell the service's own copy of Seatrial's aspects from the modules that are compiled in."""
    aspects = next((module.directory for module in found if module.path == WEAVE_MODULE), None)
    return tuple(module for module in found if module.path != WEAVE_MODULE), aspects


def _repository(root: Path, origin: Path, env: Mapping[str, str]) -> Repository | None:
    repository = read_repository(origin, env)
    if repository is None or root == origin:
        return repository
    depth = len(origin.relative_to(repository.top).parts)
    return replace(repository, tree=(root, *root.parents)[depth])


def _no_module(root: Path) -> ProjectError:
    nested = sorted(path.parent.relative_to(root) for path in root.glob("*/go.mod"))
    if nested:
        hint = "modules found below: " + ", ".join(f"seatrial build {root / name}" for name in nested[:5])
    else:
        hint = "go to the service's directory, or name it: seatrial build PATH (a new one: go mod init NAME)"
    return ProjectError("there is no go.mod here or in a folder above", where=str(root), hint=hint)


def _choose_main(
    root: Path,
    main: str,
    workspace: ModFile | None,
    go: GoEnvironment,
    flags: tuple[str, ...],
    *,
    origin: Path,
) -> tuple[MainPackage, tuple[str, ...]]:
    """Return the package to build, and a note when it was one of several."""
    if main:
        return _named_main(root, main, go, flags), ()
    places = () if workspace is not None and go.gomod is None else ("./...",)
    mains = _mains(root, places, go, flags)
    if not mains and workspace is not None:  # its modules, where the directory's own holds no program
        mains = _mains(root, tuple(f"{use}/..." for use in workspace.uses), go, flags)
    if not mains:
        raise ProjectError(
            "no main package: a library cannot become an image",
            where=str(origin),
            hint="name the service's own directory, or its package with --main ./cmd/NAME",
        )
    if len(mains) == 1:
        return _main(mains[0], root), ()
    paths = tuple(package.import_path for package in mains)
    chosen, notes = choose(
        mains,
        root,
        lambda package: _main(package, root).argument,
        lambda: _list(go, paths, root, ("-deps", *flags)),
        origin=origin,
    )
    return _main(chosen, root), notes


def _mains(
    root: Path, places: tuple[str, ...], go: GoEnvironment, flags: tuple[str, ...]
) -> tuple[ListedPackage, ...]:
    listed = _list(go, places, root, ("-find", *flags)) if places else ()
    return tuple(package for package in listed if package.name == "main" and package.files)


def _named_main(root: Path, main: str, go: GoEnvironment, flags: tuple[str, ...]) -> MainPackage:
    pattern = f"./{main}" if not main.startswith(".") and (root / main).is_dir() else main
    listed = _list(go, (pattern,), root, ("-find", *flags))
    found = [package for package in listed if package.name == "main"]
    if len(found) == 1:
        return _main(found[0], root)
    reason = next((package.error for package in listed if package.error), "") or (
        f"package {listed[0].name} is not a main package" if len(listed) == 1 else "no single main package"
    )
    raise ProjectError(
        reason, where=f"--main {main}", hint="`go list -f '{{.Name}} {{.Dir}}' ./...` shows them"
    )


def _main(package: ListedPackage, root: Path) -> MainPackage:
    relative = os.path.relpath(package.directory, root)
    return MainPackage(
        import_path=package.import_path,
        argument="." if relative == "." else f"./{relative}",
        directory=package.directory,
    )


def _list(
    go: GoEnvironment, patterns: tuple[str, ...], directory: Path, flags: tuple[str, ...]
) -> tuple[ListedPackage, ...]:
    mod = (f"-mod={go.flags.mod}",) if go.flags.mod and not go.gowork else ()
    try:
        return list_packages(
            go.program,
            patterns,
            directory=directory,
            env=go.variables,
            flags=(*mod, *flags),
            answers=go.answers,
        )
    except ToolFailed as error:
        if "requires go >=" in error.what or "errors parsing go." in error.what:
            raise explain_refusal(error.what, directory) from error
        raise explain_unloadable(error.what) from error


def _module_file(package: MainPackage, go: GoEnvironment) -> Path:
    """Return the go.mod that holds the main package: the nearest above it."""
    for directory in (package.directory, *package.directory.parents):
        if (directory / "go.mod").is_file():
            return directory / "go.mod"
    if go.gomod is None:
        raise ProjectError("the main package is in no module", where=str(package.directory))
    return go.gomod


def _dependencies(
    package: MainPackage, mod: ModFile, go: GoEnvironment, flags: tuple[str, ...], *, root: Path
) -> tuple[ListedPackage, ...]:
    """List all that is compiled."""
    directory = mod.path.parent
    listed = _list(go, (package.import_path,), directory, ("-deps", *flags))
    refuse_broken(listed, module_path=mod.module_path, root=root, goroot=go.goroot)
    return listed


def _with_cgo(go: GoEnvironment) -> GoEnvironment:
    """List C code even where no compiler is found, so that none is left out in silence."""
    enabled = "0" if go.cgo_enabled is False else "1"
    return replace(go, variables={**go.variables, "CGO_ENABLED": enabled})


def _vendor_directory(mod: ModFile, workspace: ModFile | None, go: GoEnvironment) -> Path | None:
    """Return vendor/ when Go would build from it (go help modules: on by default where it is there)."""
    base = workspace.path.parent if workspace else mod.path.parent
    return base / "vendor" if go.flags.mod != "mod" and (base / "vendor/modules.txt").is_file() else None


def _is_outside(path: Path, go: GoEnvironment) -> bool:
    """True for what Go itself keeps and checks: the standard library and the module cache."""
    return path.is_relative_to(go.goroot) or path.is_relative_to(go.gomodcache)


def _inputs(
    listed: Iterable[ListedPackage],
    members: tuple[LocalModule, ...],
    go: GoEnvironment,
    vendored: Path | None,
    top: Path,
) -> tuple[Path, ...]:
    local = [
        package for package in listed if not package.is_standard and not _is_outside(package.directory, go)
    ]
    files = {file for package in local for file in package.files}
    for package in local:
        if package.has_cgo:  # C includes may lie in folders that hold no package
            files.update(path for path in package.directory.rglob("*") if path.is_file())
    # Go lists a test of other build tags among the files that it ignores; no build compiles one.
    embedded = {file for package in local for file in package.embedded}
    files = {file for file in files if not file.name.endswith("_test.go") or file in embedded}
    for member in members:
        files.update(member.directory / name for name in ("go.mod", "go.sum"))
    files.add(top / "go.mod")  # Go reads the module's version by the go.mod at the repository's root
    if go.gowork:
        files.update((go.gowork, go.gowork.with_name("go.work.sum")))
    if vendored:
        files.add(vendored / "modules.txt")
    return tuple(sorted(path for path in files if path.is_file()))


def _with_aspects(inputs: tuple[Path, ...], aspects: Path | None) -> tuple[Path, ...]:
    """Add what is woven, which no package of the service imports."""
    woven = (path for path in aspects.rglob("*") if path.is_file()) if aspects else ()
    return tuple(sorted({*inputs, *woven}))


def _library_directories(listed: Iterable[ListedPackage], go: GoEnvironment) -> tuple[Path, ...]:
    places = (package.directory for package in listed if not package.is_standard)
    return tuple(sorted(place for place in places if place.is_relative_to(go.gomodcache)))


def _input_directories(listed: Iterable[ListedPackage], go: GoEnvironment) -> tuple[Path, ...]:
    """Return where a new file would change the build: package folders and embedded trees."""
    found: set[Path] = set()
    for package in listed:
        if package.is_standard or _is_outside(package.directory, go):
            continue
        found.add(package.directory)
        for file in package.embedded:
            found.update(parent for parent in file.parents if parent.is_relative_to(package.directory))
    return tuple(sorted(found))


def _ports_of(dockerfile: str) -> tuple[str, ...]:
    """Return the ports in plain numbers; a variable stands for the last default that it has there."""
    defaults = dict(_DEFAULT.findall(dockerfile))
    lines = re.findall(r"^[ \t]*EXPOSE[ \t]+(.+)$", dockerfile, re.MULTILINE | re.IGNORECASE)
    words = _VARIABLE.sub(lambda found: defaults.get(found[1], ""), " ".join(lines)).split()
    found = [word for word in words if re.fullmatch(r"\d{1,5}(/(tcp|udp))?", word)]
    return tuple(dict.fromkeys(word if "/" in word else f"{word}/tcp" for word in found))


def _is_ours(tool_file: Path) -> bool:
    """True when a tool file names nothing but Seatrial's aspects."""
    code = re.sub(r"//.*", "", tool_file.read_text(errors="replace"))
    named = re.findall(r'"([^"\n]+)"', code)
    return set(named) <= {WEAVE_MODULE, ORCHESTRION}


def _warnings(mod: ModFile) -> tuple[str, ...]:
    """Name the files of an Orchestrion set-up that do not do what they seem to (docs/limitations.md)."""
    root = mod.path.parent
    found = []
    if (root / ".orchestrion.yml").exists():
        found.append(
            f"{root / '.orchestrion.yml'}: Orchestrion never reads this name; it reads orchestrion.yml"
        )
    has_tool_file = (root / "orchestrion.tool.go").exists()
    if ORCHESTRION in mod.tools and not has_tool_file:
        found.append(
            f"{mod.path}: a tool line for Orchestrion without orchestrion.tool.go weaves nothing in a plain "
            "build; this build weaves Seatrial's aspects"
        )
    if has_tool_file and not _is_ours(root / "orchestrion.tool.go"):
        found.append(
            f"{root / 'orchestrion.tool.go'}: the service's own integrations are left out; "
            "Seatrial weaves its own, which leave every module at its version"
        )
    return tuple(found)
