"""Files that a program misses -> where they are in its tree, or what the trial can give it instead."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.config import Settings
from seatrial.propose.tree import Clues
from seatrial.propose.values import KNOWN, with_postgres, with_program
from seatrial.propose.words import Complaints

_SETTINGS: Final = frozenset(
    {".yml", ".yaml", ".toml", ".json", ".ini", ".env", ".conf", ".cfg", ".properties"}
)
_EXAMPLES: Final = (
    "{path}.example", "{path}.sample", "{path}.dist", "{path}.default", "{path}.template",
    "{stem}.example{suffix}", "{stem}.sample{suffix}", "{stem}.dist{suffix}", "{stem}-example{suffix}",
)  # fmt: skip
_EXAMPLE_WORD: Final = re.compile(r"[._-](example|sample|dist|template|tmpl|defaults?)$")
# What may hold secrets: for the trial only, and never in an image.
_PRIVATE: Final = re.compile(r"\.env.*|.*\.env|id_\w+|.*\.(pem|key|p12|pfx|jks)")
_TAKEN: Final = frozenset({"proc", "dev", "sys", "tmp", "server", ""})
_LARGEST_BYTES: Final = 16_384


@dataclass(frozen=True, kw_only=True)
class Files:
    """image: path in the image -> path in the tree. trial: path in the container -> content."""

    image: tuple[tuple[str, str], ...]
    trial: tuple[tuple[str, str], ...]


def is_private(name: str) -> bool:
    """Return whether a file of that name may hold secrets, such as ".env" or "server.key"."""
    return bool(_PRIVATE.fullmatch(name))


def wanted_files(
    clues: Clues, said: Complaints, settings: Settings, tracked: Callable[[Path], bool]
) -> Files:
    """Return what is missing: by the words of the program, its Dockerfile, and paths in its sources.

    The last two only speak when something was missed, or when the Dockerfile brings files. tracked: whether
    a file is part of the repository; one that is not is its author's own, and neither read nor delivered.
    """
    have = {path for path, _ in settings.trial_files}
    image = dict(clues.recipe_files) | dict(settings.image_files)
    trial: dict[str, str] = {}
    for path in said.paths:
        target = posixpath.normpath("/" + path.partition("*")[0].lstrip("/"))
        for source in _in_tree(clues.root, target, tracked):
            image[target if target.endswith(source) or "/" not in source else "/" + source] = source
            break
        else:
            trial.update(_from_example(clues.root, target))
    if said.lacks_settings:
        trial.update(_from_its_example(clues))
    if said.paths:
        for source in clues.paths:
            image.setdefault("/" + source, source)
    own = dict(settings.image_files)
    image = own | dict(_shared(image, clues.root, tracked))
    for target, source in list(image.items()):
        file = clues.root / source
        content = _adapted(file, settings)
        if content is None and is_private(file.name) and file.is_file():
            content = file.read_text(errors="replace")
        if content is not None:
            trial[target] = content
            if target not in own:
                del image[target]
    return Files(
        image=tuple((path, source) for path, source in _tops(image) if path not in have and _is_free(path)),
        trial=tuple(
            (path, text) for path, text in sorted(trial.items()) if path not in have and _is_free(path)
        ),
    )


def _shared(image: dict[str, str], root: Path, tracked: Callable[[Path], bool]) -> Iterator[tuple[str, str]]:
    """Yield what is part of the repository; a folder that holds other files, too, by its files."""
    for target, source in image.items():
        path = root / source
        if not path.is_dir():
            if tracked(path):
                yield target, source
            continue
        files = [found for found in sorted(path.rglob("*")) if found.is_file()]
        shared = [found for found in files if tracked(found) and not is_private(found.name)]
        if shared == files:
            yield target, source
            continue
        for found in shared:
            name = found.relative_to(path).as_posix()
            yield f"{target}/{name}", f"{source}/{name}"


def _in_tree(root: Path, target: str, tracked: Callable[[Path], bool]) -> Iterator[str]:
    """Yield what of the tree a path in the container may be: the longest end of it that is there."""
    for source in _ends(target):
        path = root / source
        if (path.is_dir() or (path.exists() and tracked(path))) and not source.endswith(".go"):
            yield source


def _ends(target: str) -> Iterator[str]:
    """Yield a path relative to each folder above it; those of two parts or more, then a file's name."""
    parts = target.strip("/").split("/")
    for first in range(len(parts)):
        if parts[first] and ("." not in parts[0] or first == 0 or len(parts) == 1):
            yield "/".join(parts[first:])


def _from_example(root: Path, target: str) -> Iterator[tuple[str, str]]:
    for path in _ends(target):
        stem, suffix = posixpath.splitext(path)
        for form in _EXAMPLES:
            found = root / form.format(path=path, stem=stem, suffix=suffix)
            if found.is_file() and found.stat().st_size <= _LARGEST_BYTES:
                yield target, found.read_text(errors="replace")
                return


def _from_its_example(clues: Clues) -> Iterator[tuple[str, str]]:
    """Yield the file of settings that the example of variables is one of, where it is not there itself."""
    name = _EXAMPLE_WORD.sub("", clues.example_file)
    if name != clues.example_file and not (clues.root / name).exists():
        yield f"/{name}", (clues.root / clues.example_file).read_text(errors="replace")


def _adapted(path: Path, settings: Settings) -> str | None:
    """Return a settings file with the trial's addresses in it; None for one that names none."""
    if path.suffix not in _SETTINGS or not path.is_file() or path.stat().st_size > _LARGEST_BYTES:
        return None
    text = path.read_text(errors="replace")
    changed = with_postgres(text) if "postgres" in settings.services else text
    names = {program.name for program in settings.programs}
    for known in KNOWN:
        if known.program.name in names:
            changed = with_program(changed, known)
    return changed if changed != text else None


def _tops(image: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield places in order, without those that another one brings along."""
    for path, source in sorted(image.items()):
        parents = [path[: found.start()] for found in re.finditer("/", path) if found.start()]
        if not any(image.get(parent, "\0") + path.removeprefix(parent) == source for parent in parents):
            yield path, source


def _is_free(path: str) -> bool:
    return path.strip("/").split("/")[0] not in _TAKEN
