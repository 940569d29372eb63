"""A private view of the sources: just the files that the build reads, where the build may also write.

The user's tree is only read. The view mirrors it below a scratch directory, so that relative
``replace`` and ``use`` lines, //go:embed and the module's own ``go`` and ``godebug`` lines mean what
they mean in the tree: a plain build in the view gives the same bytes as one in the tree. What weaving
needs (a require line, a tool file) is added to the view.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.instrument.pin import WEAVE_MODULE, Pin
from seatrial.model.project import Project

_TOOL_FILE = "orchestrion.tool.go"
PIN_DIRECTORY = "seatrial.pin"
_ASPECT_LINE = re.compile(
    rb"^[ \t]*(?:(?:require|replace)[ \t]+)?%s[ \t][^\n]*\n?" % re.escape(WEAVE_MODULE).encode(), re.MULTILINE
)
# Its lines in vendor/modules.txt: up to the next module.
_VENDORED_BLOCK = re.compile(rb"^# %s .*\n(?:(?!# ).*\n)*" % re.escape(WEAVE_MODULE).encode(), re.MULTILINE)
# Orchestrion reads the imports of this file, and weaves what their orchestrion.yml says.
_TOOL_FILE_CONTENT = f'//go:build tools\n\npackage tools\n\nimport _ "{WEAVE_MODULE}"\n'.encode()


@dataclass(frozen=True, kw_only=True)
class View:
    """A mirror of the sources.

    root mirrors origin, a common ancestor of all local sources. directory: where the build runs, which
    holds the tool file. workspace: the go.work in force, or None.
    """

    root: Path
    origin: Path
    directory: Path
    workspace: Path | None


def make_view(
    project: Project,
    place: Path,
    pin: Pin | None,
    digests: Mapping[Path, str],
    added: Mapping[Path, bytes] | None = None,
) -> View:
    """Bring the view at ``place`` up to date with the tree, copying only what differs.

    digests: sha256 hex of every path in ``project.inputs``; times are not trusted here.
    added: what the view has beside the sources: where it would lie in the user's tree -> content.
    """
    origin = _origin(project)
    wanted = {place / path.relative_to(origin): path for path in project.inputs}
    edited = _edited(project, place, origin, pin)
    edited |= {place / path.relative_to(origin): content for path, content in (added or {}).items()}
    marker = _repository_marker(project, place, origin)
    _remove_others(place, {*wanted, *edited, *marker})
    record = place.with_suffix(".json")
    held = _read_record(record)
    record.unlink(missing_ok=True)  # an update that is cut short is redone from the start
    for target, source in wanted.items():
        if target not in edited and (held.get(str(target)) != digests[source] or not target.exists()):
            _copy(source, target)
    for target, content in edited.items():
        _write_changed(target, content)
    record.write_text(json.dumps({str(target): digests[source] for target, source in wanted.items()}))
    for target in marker:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    if pin and project.is_vendored:
        _vendor_aspects(pin, _vendor_root(project, place, origin))
    plain = place / project.module.directory.relative_to(origin)
    return View(
        root=place,
        origin=origin,
        directory=_pin_directory(project, place, origin) if pin else plain,
        workspace=place / project.workspace.relative_to(origin) if project.workspace else None,
    )


def _origin(project: Project) -> Path:
    """Return the deepest folder that holds every local source, and the repository's root."""
    places = [str(path.parent) for path in project.inputs] + [str(project.module.directory)]
    top = project.repository.tree if project.repository else None
    if top and all(Path(place).is_relative_to(top) for place in places):
        return top
    return Path(os.path.commonpath([*places, *([str(top)] if top else [])]))


def _repository_marker(project: Project, place: Path, origin: Path) -> tuple[Path, ...]:
    """Go stamps a binary when its package lies below a folder with .git in it; the real one is named by
    GIT_DIR. The folder must exist and must not be empty for this module's own clean-up to keep it."""
    if project.repository is None or not project.repository.tree.is_relative_to(origin):
        return ()
    return (place / project.repository.tree.relative_to(origin) / ".git" / "see-GIT_DIR",)


def _edited(project: Project, place: Path, origin: Path, pin: Pin | None) -> dict[Path, bytes]:
    """Return the files that differ from the user's: the requirement and the list of aspects."""
    if pin is None:
        return {}
    lines = f"\nrequire {WEAVE_MODULE} v0.0.0\n"
    if not project.is_vendored:
        lines += f"replace {WEAVE_MODULE} => {_quoted(pin.aspects)}\n"
    directory = _pin_directory(project, place, origin)
    edited = {directory / _TOOL_FILE: _TOOL_FILE_CONTENT}
    if project.workspace:
        # Go reads the go.mod of a member at the version that another member requires, unless it is replaced.
        for member in project.members:
            there = os.path.relpath(place / member.directory.relative_to(origin), directory)
            lines += f"replace {member.path} => {_quoted(Path(there))}\n"
        edited[directory / "go.mod"] = f"module {PIN_DIRECTORY}\n\ngo 1.18\n{lines}".encode()
        work = project.workspace.read_bytes() + f"\nuse ./{PIN_DIRECTORY}\n".encode()
        edited[place / project.workspace.relative_to(origin)] = work
        for member in project.members:
            edited[place / member.directory.relative_to(origin) / "go.mod"] = _without_aspects(
                member.directory
            )
    else:
        edited[directory / "go.mod"] = _without_aspects(project.module.directory) + lines.encode()
    if project.is_vendored:
        listing = _VENDORED_BLOCK.sub(b"", (_vendor_source(project) / "modules.txt").read_bytes())
        edited[_vendor_root(project, place, origin) / "modules.txt"] = _vendored_listing(listing, pin)
    return edited


def _without_aspects(module: Path) -> bytes:
    """Return a go.mod without the lines of the service's own copy of the aspects.

    That copy is woven, but from its place in the cache, where the standard library woven with the same
    aspects is found again.
    """
    return _ASPECT_LINE.sub(b"", (module / "go.mod").read_bytes())


def _pin_directory(project: Project, place: Path, origin: Path) -> Path:
    """Return the folder of the tool file: the module's own, or one more member of a workspace.

    Orchestrion looks the tool file's imports up with the workspace off, where members that require one
    another may not be found: a member of its own requires our module only.
    """
    if project.workspace:
        return place / project.workspace.parent.relative_to(origin) / PIN_DIRECTORY
    return _module_directory(project, place, origin)


def _module_directory(project: Project, place: Path, origin: Path) -> Path:
    return place / project.module.directory.relative_to(origin)


def _quoted(path: Path) -> str:
    return f'"{path}"' if " " in str(path) else str(path)


def _vendor_source(project: Project) -> Path:
    base = project.workspace.parent if project.workspace else project.module.directory
    return base / "vendor"


def _vendor_root(project: Project, place: Path, origin: Path) -> Path:
    return place / _vendor_source(project).relative_to(origin)


def _vendored_listing(listing: bytes, pin: Pin) -> bytes:
    """Add our module to vendor/modules.txt (cmd/go/internal/modload/vendor.go)."""
    go_line = re.search(r"^go \S+", (pin.aspects / "go.mod").read_text(), re.MULTILINE)
    packages = sorted({path.parent.relative_to(pin.aspects).as_posix() for path in pin.aspects.rglob("*.go")})
    names = [WEAVE_MODULE if name == "." else f"{WEAVE_MODULE}/{name}" for name in packages]
    head = f"# {WEAVE_MODULE} v0.0.0\n## explicit; {go_line[0] if go_line else ''}\n"
    text = head + "".join(f"{name}\n" for name in names)
    return listing.rstrip(b"\n") + b"\n" + text.encode()


def _vendor_aspects(pin: Pin, vendor: Path) -> None:
    for source in pin.aspects.rglob("*"):
        if source.is_file():
            _write_changed(vendor / WEAVE_MODULE / source.relative_to(pin.aspects), source.read_bytes())


def _remove_others(place: Path, wanted: set[Path]) -> None:
    """Take away what the tree no longer has; vendored aspects are ours and stay."""
    for folder, _, names in os.walk(place, topdown=False):
        if f"/{WEAVE_MODULE}" in folder:
            continue
        for name in names:
            if (path := Path(folder, name)) not in wanted:
                path.unlink()
        if folder != str(place) and not os.listdir(folder):
            os.rmdir(folder)


def _read_record(record: Path) -> dict[str, str]:
    """Return what the last finished update copied: path -> digest."""
    try:
        held = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return {}
    return held if isinstance(held, dict) else {}


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write_changed(target: Path, content: bytes) -> None:
    if not target.exists() or target.read_bytes() != content:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
