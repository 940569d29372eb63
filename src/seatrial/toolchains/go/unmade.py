"""Embedded files that are not there: which, and what of the project's own makes them."""

from __future__ import annotations

import json
import os
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from seatrial.toolchains.go.packages import ListedPackage

_TARGET: Final = re.compile(r"^([A-Za-z0-9_][\w./-]*)\s*:(?![:=])")
_REMOVES: Final = re.compile(r"^\s*@?-?\s*(rm|git|docker|echo)\b")
_INSTALLS: Final = (
    ("pnpm-lock.yaml", "pnpm install --frozen-lockfile && pnpm run build"),
    ("yarn.lock", "yarn install --frozen-lockfile && yarn run build"),
    ("package-lock.json", "npm ci && npm run build"),
    ("package.json", "npm install && npm run build"),
)
_SKIPPED: Final = frozenset({"node_modules", "vendor", "testdata"})


def missing_embeds(packages: Iterable[ListedPackage], root: Path) -> tuple[str, ...]:
    """Return the //go:embed patterns that match nothing, as POSIX paths relative to ``root``.

    Go names one of each package; whoever makes one makes the next, too.
    """
    return tuple(
        Path(os.path.relpath(package.directory / pattern, root)).as_posix()
        for package in packages
        if "no matching files found" in package.error and package.module and package.module.is_main
        for pattern in (text.removeprefix("all:") for text in package.patterns)
        if not any(package.directory.glob(pattern))
    )


def advise(missing: tuple[str, ...], root: Path) -> str:
    """Return lines for seatrial.toml that make these files, and a stand-in for a first look."""
    command, where = _maker(missing, root)
    names = ", ".join(missing)
    return "\n".join(
        (
            f"embedded files are not there: {names}; what makes them is named in seatrial.toml, and run in a",
            "private copy of the tree:",
            "[build]",
            f"prepare = [{_quoted(command or 'go generate ./...')}]{where}",
            "or, to see the rest work without them:",
            f"prepare = [{_stand_in(missing)}]",
        )
    )


def _maker(missing: tuple[str, ...], root: Path) -> tuple[str, str]:
    """Return a command and where it was found; two empty texts when the project names none."""
    targets = _make_targets(missing, root)
    if targets:
        more = f", beside {', '.join(targets[1:4])}" if len(targets) > 1 else ""
        return f"make {targets[0]}", f"   # its Makefile names them there{more}"
    for directory in _script_folders(missing, root):
        place = directory.relative_to(root).as_posix()
        enter = "" if place == "." else f"cd {shlex.quote(place)} && "
        command = next(words for name, words in _INSTALLS if (directory / name).is_file())
        return enter + command, "   # package.json has such a script"
    return "", ""


def _make_targets(missing: tuple[str, ...], root: Path) -> list[str]:
    """Return targets of its Makefile whose lines name the files, those that name most of them first."""
    try:
        text = (root / "Makefile").read_text(errors="replace")
    except OSError:
        return []
    names = [re.compile(rf"(?<![\w.-]){re.escape(_fixed(path))}(?![\w-])") for path in missing]
    found: dict[str, set[int]] = {}
    target = ""
    for line in text.split("\n"):
        head = _TARGET.match(line)
        if head:
            target = head[1]
        if not target or (not head and not line.startswith("\t")) or _REMOVES.match(line):
            continue
        for number, name in enumerate(names):
            if name.search(line):
                found.setdefault(target, set()).add(number)
    return sorted(found, key=lambda one: -len(found[one]))


def _fixed(pattern: str) -> str:
    """Return the part of a pattern that holds no wildcard: "web/dist" of "web/dist/*"."""
    parts = pattern.split("/")
    last = next((number for number, part in enumerate(parts) if re.search(r"[*?\[]", part)), len(parts))
    return "/".join(parts[:last])


def _script_folders(missing: tuple[str, ...], root: Path) -> Iterator[Path]:
    """Yield folders with a package.json that can build: above the files, else the only one of the tree."""
    above = (root / _fixed(path) for path in missing)
    near = [place for path in above for place in path.parents if place.is_relative_to(root)]
    yield from (place for place in near if _can_build(place))
    below = [path.parent for depth in ("*", "*/*") for path in root.glob(f"{depth}/package.json")]
    can = [place for place in below if not _SKIPPED & set(place.parts) and _can_build(place)]
    if len(can) == 1:
        yield can[0]


def _can_build(place: Path) -> bool:
    try:
        found = json.loads((place / "package.json").read_text())
    except (OSError, ValueError):
        return False
    scripts = found.get("scripts") if isinstance(found, dict) else None
    return isinstance(scripts, dict) and "build" in scripts


def _stand_in(missing: tuple[str, ...]) -> str:
    files = []
    for path in missing:
        name = re.sub(r"\*+|\?|\[[^]]*\]", "stand-in", path)
        has_name = "." in posixpath.basename(name) or name != path
        files.append(name if has_name else f"{name}/stand-in")
    folders = dict.fromkeys(shlex.quote(posixpath.dirname(name) or ".") for name in files)
    return _quoted(f"mkdir -p {' '.join(folders)} && touch {' '.join(map(shlex.quote, files))}")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
