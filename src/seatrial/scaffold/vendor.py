"""The aspect module in vendor/, as ``go mod vendor`` puts it there (cmd/go/internal/modcmd/vendor.go).

By hand, because that command fetches every other module again, and some can only be had by their owners.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from seatrial.scaffold.changes import Edited, Tree, read_file
from seatrial.scaffold.flags import WEAVE_DIRECTORY, WEAVE_MODULE

LISTING: Final = "vendor/modules.txt"
_HEADER: Final = re.compile(r"^# (\S+) ", re.MULTILINE)
_IMPORT: Final = re.compile(rf'^\s*(?:import )?(?:\w+ )?"{re.escape(WEAVE_MODULE)}/([\w/]+)"', re.MULTILINE)
_OURS: Final = re.compile(rf"^# {re.escape(WEAVE_MODULE)} .*\n(?:(?!# ).*\n)*", re.MULTILINE)


def vendored(
    root: Path, prefix: str, aspects: Mapping[str, bytes], imported: Iterable[str]
) -> tuple[Tree, Edited]:
    """Return vendor/ of the aspect module, and vendor/modules.txt with it.

    prefix: of the module's directory below the root, "" or "svc/". aspects: path in the module -> content.
    imported: import paths in orchestrion.tool.go.
    """
    packages = sorted(_reached(aspects, imported))
    files = {
        name: content
        for name, content in aspects.items()
        if name.rpartition("/")[0] in packages and name != "go.mod"
    }
    listing = (read_file(root, prefix + LISTING) or b"").decode()
    edited = Edited(
        path=prefix + LISTING,
        purpose="the aspects' module",
        content=_listed(listing, packages, aspects["go.mod"].decode()).encode(),
    )
    tree = Tree(path=f"{prefix}vendor/{WEAVE_MODULE}", purpose="the same, as Go vendors it", files=files)
    return tree, edited


def _reached(aspects: Mapping[str, bytes], imported: Iterable[str]) -> set[str]:
    """Return the folders of the packages that are imported, and of those that these import."""
    reached: set[str] = set()
    names = [path.removeprefix(WEAVE_MODULE).lstrip("/") for path in imported]
    while names:
        name = names.pop()
        if name not in reached:
            reached.add(name)
            sources = (text for path, text in aspects.items() if path.rpartition("/")[0] == name)
            names += [found for text in sources for found in _IMPORT.findall(text.decode())]
    return reached


def _listed(listing: str, packages: list[str], go_mod: str) -> str:
    """Put our module among the others, which are sorted, and its replacement at the end."""
    others = _OURS.sub("", listing)
    go_line = re.search(r"^go \S+", go_mod, re.MULTILINE)
    names = "".join(f"{WEAVE_MODULE}/{name}".rstrip("/") + "\n" for name in packages)
    block = f"# {WEAVE_MODULE} v0.0.0 => ./{WEAVE_DIRECTORY}\n"
    block += f"## explicit{'; ' + go_line[0] if go_line else ''}\n{names}"
    # What is listed after the modules are lines of two names, "# OLD => NEW".
    later = (
        found.start()
        for found in _HEADER.finditer(others)
        if found[1] > WEAVE_MODULE or others[found.end() :].startswith("=> ")
    )
    place = next(later, len(others))
    return f"{others[:place]}{block}{others[place:]}# {WEAVE_MODULE} => ./{WEAVE_DIRECTORY}\n"
