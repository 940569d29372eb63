"""What a service's tree says of how it wants to be run: its Dockerfile, example variables, sources.

Read only after a trial has failed; nothing here is decided yet.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from seatrial.formats.dockerfile import Stage, context_files, parse_dockerfile
from seatrial.formats.dotenv import parse_dotenv
from seatrial.host.recipes import read_recipe
from seatrial.model.project import Project

_EXAMPLE: Final = re.compile(
    r"\.?env([._-]\w+)?[._-](example|sample|dist|template|tmpl|defaults?)|\.?(example|sample|default)\.env"
)
# What may hold real secrets: read only where it is part of the repository.
_COMMITTED: Final = re.compile(
    r"\.env([._-](dev|development|local|docker|test|ci))?|(dev|local|docker|app)\.env"
)
_FOLDERS: Final = (
    *(".", "config", "configs", "conf", "internal/config", "pkg/config"),
    *("deploy", "deployments", "docker", "build", "env", "envs"),
)
_READ: Final = re.compile(r"""\b\w*[eE]nv\w*\(\s*"([A-Z][A-Z0-9_]*)\"""")
# A field of a settings struct: its type, and the rest of its tags.
_FIELD: Final = re.compile(
    r"""^\s*\w+\s+([\w.*\[\]]+)\s+`([^`]*\b(?:env|envconfig|environment)[:=]"([A-Z][A-Z0-9_]*)[^`]*)`""",
    re.MULTILINE,
)
_REQUIRED: Final = re.compile(r'\brequired\b(?!:"false")|\bnotEmpty\b')
_DEFAULT: Final = re.compile(r"[dD]efault[:=]")
_NAME: Final = re.compile(r'"([A-Z][A-Z0-9]*_[A-Z0-9_]+)"')
_TEXT: Final = re.compile(r'"([^"\n]*)"|`([^`\n]*)`')
_PATH: Final = re.compile(r"(?:\./)?[\w@-][\w.@-]*(?:/[\w.@-]+)*")
_SQL_FOLDER: Final = re.compile(r"migrat|schema", re.IGNORECASE)
# What an image of ours has no shell for, or needs to compile only.
_NOT_READ: Final = (".sh", ".go", "go.mod", "go.sum")
_LARGEST_BYTES: Final = 1 << 20
# Of the container, and not of the program.
_SYSTEM: Final = frozenset({"PATH", "HOME", "USER", "LANG", "LC_ALL", "DEBIAN_FRONTEND"})


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable that the sources read. kind: its Go type, "" when not known.

    is_required: the sources say that the program does not start without it.
    """

    kind: str = ""
    is_required: bool = False


@dataclass(frozen=True, kw_only=True)
class Clues:
    """All that was found.

    examples: variables with the values of the service's own example, and the file that holds them.
    variables: that the sources read. names: texts in the sources that look like a variable's name.
    paths: texts in the sources that are a file or folder of the tree. recipe_files, recipe_variables:
    of the Dockerfile's last stage, as (path in the image, path in the tree), the program's folder being
    "/". made: what that stage has of another one and the tree lacks, with the commands of that one.
    arguments: that it gives the program. before: arguments of the same program that it runs first. tags: of
    its go build. migrations: the folder of SQL files, or a file of them; "" for none.
    requirements: the text of go.mod.
    """

    root: Path
    examples: tuple[tuple[str, str], ...] = ()
    example_file: str = ""
    variables: dict[str, Variable] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()
    recipe_files: tuple[tuple[str, str], ...] = ()
    recipe_variables: tuple[tuple[str, str], ...] = ()
    made: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()
    before: tuple[tuple[str, ...], ...] = ()
    tags: tuple[str, ...] = ()
    migrations: str = ""
    requirements: str = ""


def read_clues(project: Project, tracked: Callable[[Path], bool]) -> Clues:
    """Look at the files beside a service and at its sources; a file that cannot be read says nothing.

    tracked: whether a file is part of the repository.
    """
    root = project.root
    tops = tuple(dict.fromkeys((root, project.module.directory, project.main.directory)))
    sources = [_text(path) for path in project.inputs if path.suffix == ".go"]
    example_file, examples = _examples(tops, tracked)
    recipe = read_recipe(tops)
    stages = parse_dockerfile(recipe) if recipe else ()
    last = stages[-1] if stages and not _compiles(stages[-1]) else None
    arguments, before = _commands(stages[-1]) if stages else ((), ())
    return Clues(
        root=root,
        examples=examples,
        example_file=example_file.relative_to(root).as_posix() if example_file else "",
        variables=_variables(sources),
        names=frozenset(found for text in sources for found in _NAME.findall(text)),
        paths=tuple(sorted(set(_paths(sources, tops, root)))),
        recipe_files=tuple(_recipe_files(stages, last.directory, root)) if last else (),
        made=tuple(_made(stages, root)),
        recipe_variables=tuple(pair for pair in last.environment if pair[0] not in _SYSTEM) if last else (),
        arguments=arguments,
        before=before,
        tags=_tags(stages),
        migrations=_migrations(root),
        requirements=_text(project.module.directory / "go.mod"),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace") if path.stat().st_size <= _LARGEST_BYTES else ""
    except OSError:
        return ""


def _examples(
    tops: tuple[Path, ...], tracked: Callable[[Path], bool]
) -> tuple[Path | None, tuple[tuple[str, str], ...]]:
    """Return the variables of the first example, and the file that holds them."""
    places = [top / folder for top in tops for folder in _FOLDERS]
    for pattern in (_EXAMPLE, _COMMITTED):
        for place in places:
            for path in sorted(place.iterdir()) if place.is_dir() else ():
                is_taken = pattern.fullmatch(path.name) and (pattern is _EXAMPLE or tracked(path))
                if is_taken and (found := parse_dotenv(_text(path))):
                    return path, found
    return None, ()


def _variables(sources: list[str]) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    for text in sources:
        for name in _READ.findall(text):
            found.setdefault(name, Variable())
        for kind, tag, name in _FIELD.findall(text):
            is_required = bool(_REQUIRED.search(tag)) and not _DEFAULT.search(tag)
            found[name] = Variable(kind=kind, is_required=is_required)
    return found


def _paths(sources: list[str], tops: tuple[Path, ...], root: Path) -> Iterator[str]:
    """Yield texts of the sources that are files or folders of the tree, as paths relative to it."""
    words = {one or other for text in sources for one, other in _TEXT.findall(text)}
    for word in words:
        if ("/" in word or "." in word) and _PATH.fullmatch(word) and not word.endswith(".go"):
            for top in tops:
                path = top / word
                if path.is_relative_to(root) and path != root and _is_data(path):
                    yield path.relative_to(root).as_posix()


def _is_data(path: Path) -> bool:
    """Tell a file, or a folder with one that a program may read, from a package of sources."""
    if not path.is_dir():
        return path.exists()
    files = (found for found in path.rglob("*") if found.is_file())
    return any(found.suffix != ".go" and not found.name.startswith(".") for found in files)


def _compiles(stage: Stage) -> bool:
    """A stage that compiles the program holds all of the tree, which says nothing of what is read."""
    return any(re.search(r"\bgo (build|install)\b", run) for run in stage.runs)


def _recipe_files(stages: tuple[Stage, ...], directory: str, root: Path) -> Iterator[tuple[str, str]]:
    for target, source in _expanded(context_files(stages), root):
        if source.endswith(_NOT_READ):
            continue
        place = target
        if target.endswith("/") and not (root / source).is_dir():
            place = target + posixpath.basename(source)
        # There the program starts in that folder, here in "/".
        if directory != "/" and (place.rstrip("/") + "/").startswith(directory + "/"):
            place = "/" + place.removeprefix(directory).strip("/")
        if place.strip("/"):
            yield place.rstrip("/"), source


def _made(stages: tuple[Stage, ...], root: Path) -> Iterator[tuple[str, str]]:
    """Yield what the last stage has of another one that is not in the tree, and how that one makes it."""
    by_name = {stage.name: stage for stage in stages}
    for copy in stages[-1].copies if stages else ():
        origin = by_name.get(copy.stage)
        if origin is None or _compiles(origin):
            continue
        runs = [re.sub(r"--(mount|network)=\S+\s+", "", run) for run in origin.runs]
        for source in copy.sources:
            name = posixpath.basename(source.rstrip("/"))
            if name and not (root / name).exists():
                yield name, "; ".join(runs)


def _expanded(files: tuple[tuple[str, str], ...], root: Path) -> Iterator[tuple[str, str]]:
    """Yield those that are there, each that a wildcard stands for on its own."""
    for target, source in files:
        for path in sorted(root.glob(source)) if re.search(r"[*?\[]", source) else (root / source,):
            if path.exists():
                yield target, path.relative_to(root).as_posix()


def _commands(stage: Stage) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the arguments of the program, and those of its runs before it in a shell's line."""
    if stage.argv:
        words = stage.argv[1:]
        has_shell = posixpath.basename(stage.argv[0]) in {"sh", "bash", "ash"}
        return (() if has_shell or any("$" in word for word in words) else words), ()
    runs = []
    for part in re.split(r"&&|;", stage.shell.removeprefix("exec ")):
        try:
            runs.append(tuple(shlex.split(part.strip().removeprefix("exec "))))
        except ValueError:
            return (), ()
    runs = [run for run in runs if run]
    if not runs or any("$" in word for run in runs for word in run):
        return (), ()
    *first, last = runs
    same = tuple(run[1:] for run in first if run[0] == last[0] and len(run) > 1)
    return last[1:], same


def _tags(stages: tuple[Stage, ...]) -> tuple[str, ...]:
    for run in (run for stage in stages for run in stage.runs):
        found = re.search(r"\bgo (?:build|install)\b[^&|;]*?\s-tags[= ]['\"]?([\w, ]+?)['\"]?(?=\s|$)", run)
        if found:
            return tuple(re.split(r"[, ]+", found[1].strip()))
    return ()


def _migrations(root: Path) -> str:
    """Return the folder that holds SQL files and is named for it, the nearest to the root."""
    folders: dict[Path, int] = {}
    for path in root.glob("**/*.sql"):
        parts = path.relative_to(root).parts
        if {"vendor", "node_modules", "testdata", "test", "tests"} & set(parts) or len(parts) > 6:
            continue
        if any(_SQL_FOLDER.search(part) for part in parts[:-1]) or path.name in {"schema.sql", "init.sql"}:
            place = path.parent if len(parts) > 1 and _SQL_FOLDER.search(path.parent.name) else path
            folders[place] = folders.get(place, 0) + 1
    best = sorted(folders, key=lambda one: (len(one.parts), one.is_file(), str(one)))
    return best[0].relative_to(root).as_posix() if best else ""
