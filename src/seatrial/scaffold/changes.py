"""Kept files + what lies in the repository -> changes. Nothing is written here, so a plan can be shown."""

from __future__ import annotations

import difflib
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from seatrial.errors import OutputError
from seatrial.scaffold.files import Taken, Template
from seatrial.scaffold.region import (
    FileText,
    Region,
    body_digest,
    find_region,
    join_region,
    read_text,
)
from seatrial.scaffold.values import Values

_LARGE_BYTES: Final = 4 << 20
_HINT_CONFLICT: Final = (
    "move your lines outside of the block; or empty the block to get Seatrial's text again;\n"
    "or take both marker lines away: the file is then yours alone"
)


class Kind(StrEnum):
    """What a plan does with one path."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"
    SAME = "same"
    THEIRS = "yours"
    CONFLICT = "conflict"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One path of a plan. before, after: the file's bytes, or None where there is no file.

    note: why, for the user. A conflict's ``after`` is what Seatrial would have written: it never is.
    is_ours: what is there is what Seatrial wrote, and nothing of the user's.
    """

    path: str
    kind: Kind
    purpose: str
    before: bytes | None = None
    after: bytes | None = None
    mode: int = 0o644
    note: str = ""
    is_ours: bool = False

    @property
    def is_write(self) -> bool:
        """True when the file differs afterwards."""
        return self.kind in {Kind.CREATE, Kind.UPDATE, Kind.REMOVE}

    @property
    def is_drift(self) -> bool:
        """True for what ``sync --check`` fails on."""
        return self.is_write or self.kind is Kind.CONFLICT


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A directory that is generated whole, such as the aspect module. files: relative path -> content."""

    path: str
    purpose: str
    files: Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Edited:
    """A file that is edited in its own format (go.mod, settings). content: of afterwards."""

    path: str
    purpose: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Every change, and what the lock remembers afterwards: path -> digest of what was generated."""

    changes: tuple[Change, ...]
    remembered: Mapping[str, str]

    @property
    def conflicts(self) -> tuple[Change, ...]:
        """What keeps the plan from being carried out."""
        return tuple(change for change in self.changes if change.kind is Kind.CONFLICT)

    @property
    def writes(self) -> tuple[Change, ...]:
        """What would be written."""
        return tuple(change for change in self.changes if change.is_write)

    @property
    def has_drift(self) -> bool:
        """True when the files are not as the lock and the templates have them."""
        return any(change.is_drift for change in self.changes)


def place_templates(
    templates: Iterable[Template], values: Values, root: Path, remembered: Mapping[str, str]
) -> dict[str, str]:
    """Return template's key -> where its file goes; a template that yields to a user's file is left out.

    Raises ConfigError for markers out of order, OutputError for what is no ordinary file.
    """
    placed: dict[str, str] = {}
    for template in templates:
        if template.is_wanted(values.placed(placed)):
            path = _place(template, values, root, remembered)
            placed |= {template.key: path} if path else {}
    return placed


def _place(template: Template, values: Values, root: Path, remembered: Mapping[str, str]) -> str:
    places = template.places(values)
    for path in reversed(places):
        if path in remembered:
            return path
    first, *other = places
    if _is_free(first, template, root) or template.taken is Taken.APPEND:
        return first
    return next((path for path in other if _is_free(path, template, root)), "")


def _is_free(path: str, template: Template, root: Path) -> bool:
    """True where no file is, or one with our block."""
    if (root / path).is_symlink():
        return False
    content = read_file(root, path)
    if content is None:
        return True
    return find_region(read_text(content).text, template.comment, path) is not None


def plan_changes(
    root: Path,
    templates: Iterable[Template],
    values: Values,
    *,
    edited: Iterable[Edited],
    trees: Iterable[Tree],
    remembered: Mapping[str, str],
) -> Plan:
    """Compare every kept file with what is there.

    values: with ``paths`` set by ``place_templates``. remembered: from the lock.
    Raises ConfigError, OutputError: see ``place_templates``.
    """
    changes: list[Change] = []
    kept: dict[str, str] = {}
    edited = tuple(edited)
    elsewhere = {edit.path for edit in edited}
    for template in templates:
        if not template.is_wanted(values) or template.path in elsewhere:
            continue
        if template.key not in values.paths:
            changes.append(
                Change(path=template.path, kind=Kind.THEIRS, purpose=template.purpose, note="stays as it is")
            )
            continue
        change, digest = _template_change(root, template, values, remembered)
        changes.append(change)
        kept[change.path] = digest
    for edit in edited:
        change = _edited_change(root, edit, remembered.get(edit.path, ""))
        changes.append(change)
        if change.is_write or edit.path in remembered:
            # Only what Seatrial wrote: the user's own edits of go.mod are no news to the lock.
            kept[edit.path] = _digest(edit.content) if change.is_write else remembered[edit.path]
    for tree in trees:
        found, digest = _tree_changes(root, tree, remembered)
        changes += found
        kept[tree.path + "/"] = digest
    return Plan(changes=tuple(changes), remembered=kept)


def _template_change(
    root: Path, template: Template, values: Values, remembered: Mapping[str, str]
) -> tuple[Change, str]:
    path = values.path(template.key)
    body = template.render(values)
    body += "" if body.endswith("\n") else "\n"
    known = remembered.get(path, "")
    before = read_file(root, path)
    if not template.is_kept:
        return _once(path, template, body, before, known), known or body_digest(body)
    if before is None:
        text = join_region(Region(before="", body=body, after=""), template.comment)
        return _written(path, template.purpose, None, text.encode()), body_digest(body)
    there = read_text(before)
    region = find_region(there.text, template.comment, path)
    if region is None:
        if known:
            note = "its marker lines were taken away, so it is yours alone"
            return Change(path=path, kind=Kind.THEIRS, purpose=template.purpose, note=note), known
        gap = "" if not there.text or there.text.endswith("\n\n") else "\n"
        region = Region(before=_ended(there.text) + gap, body="", after="")
    text = join_region(Region(before=region.before, body=body, after=region.after), template.comment)
    after = FileText(text=text, is_crlf=there.is_crlf).encode()
    is_edited = region.body not in {"", body} and body_digest(region.body) != known
    if is_edited:
        note = "the block was edited by hand" if known else "the block is not the one that the lock knows"
        conflict = Change(
            path=path,
            kind=Kind.CONFLICT,
            purpose=template.purpose,
            before=before,
            after=after,
            note=f"{note}\n{_HINT_CONFLICT}",
        )
        return conflict, known
    is_ours = not region.before and not region.after and bool(region.body)
    return _written(path, template.purpose, before, after, is_ours=is_ours), body_digest(body)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _once(path: str, template: Template, body: str, before: bytes | None, known: str) -> Change:
    """A file that is written once is the user's from then on, also when it was taken away."""
    if before is None and not known:
        return _written(path, template.purpose, None, body.encode())
    return Change(path=path, kind=Kind.THEIRS, purpose=template.purpose, note="stays as it is")


def _edited_change(root: Path, edit: Edited, known: str) -> Change:
    before = read_file(root, edit.path)
    is_ours = before is not None and _digest(before) == known
    return _written(edit.path, edit.purpose, before, edit.content, is_ours=is_ours)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _written(path: str, purpose: str, before: bytes | None, after: bytes, *, is_ours: bool = False) -> Change:
    kind = Kind.CREATE if before is None else Kind.SAME if before == after else Kind.UPDATE
    return Change(path=path, kind=kind, purpose=purpose, before=before, after=after, is_ours=is_ours)


def _tree_changes(root: Path, tree: Tree, remembered: Mapping[str, str]) -> tuple[list[Change], str]:
    """A directory that was not edited since is replaced; one that was is a conflict for each such file."""
    known = remembered.get(tree.path + "/", "")
    there = {
        f"{tree.path}/{name}": read_file(root, f"{tree.path}/{name}") for name in _names(root / tree.path)
    }
    present = {path: content for path, content in there.items() if content is not None}
    wanted = {f"{tree.path}/{name}": content for name, content in tree.files.items()}
    changes = []
    for path in sorted({*present, *wanted}):
        before, after = present.get(path), wanted.get(path)
        if after is not None:
            changes.append(_written(path, tree.purpose, before, after, is_ours=True))
        else:
            changes.append(
                Change(path=path, kind=Kind.REMOVE, purpose=tree.purpose, before=before, is_ours=True)
            )
    is_ours = not present or _tree_digest(present) == known
    if not is_ours and any(change.is_write for change in changes):
        changes = [_as_conflict(change) for change in changes]
        return changes, known
    return changes, _tree_digest(wanted)


def _as_conflict(change: Change) -> Change:
    if not change.is_write:
        return change
    return Change(
        path=change.path,
        kind=Kind.CONFLICT,
        purpose=change.purpose,
        before=change.before,
        after=change.after,
        note="the directory is generated whole, and was edited by hand\n"
        "put it back (git checkout), or take the directory away and run seatrial sync",
    )


def _tree_digest(files: Mapping[str, bytes]) -> str:
    hasher = hashlib.sha256()
    for path, content in sorted(files.items()):
        text = read_text(content).text.encode(errors="surrogateescape")
        hasher.update(b"%d %s %d " % (len(path), path.encode(), len(text)) + text)
    return hasher.hexdigest()


def _names(directory: Path) -> Iterator[str]:
    for folder, _, names in os.walk(directory):
        for name in names:
            yield (Path(folder) / name).relative_to(directory).as_posix()


def read_file(root: Path, path: str) -> bytes | None:
    """Return a file's bytes; None where there is none.

    Raises OutputError for what could not be replaced without harm: a symbolic link (or one on the way),
    a directory, a device, a file of several megabytes.
    """
    place = root / path
    for parent in place.relative_to(root).parents:
        if (root / parent).is_symlink() and parent != Path():
            raise OutputError("is a symbolic link, and could lead anywhere", where=str(root / parent))
    try:
        found = place.lstat()
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        raise OutputError("a file is where a directory is needed", where=str(place.parent)) from error
    if stat.S_ISLNK(found.st_mode):
        raise OutputError(
            f"is a symbolic link to {os.readlink(place)}, which Seatrial does not write through",
            where=str(place),
            hint="put a file there in its place, or take the link away",
        )
    if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGE_BYTES:
        raise OutputError("is not a text file", where=str(place))
    return place.read_bytes()


def unified_diff(change: Change) -> str:
    """Return a change as ``git apply`` takes it; empty for what does not change."""
    if not change.is_drift:
        return ""
    before = (change.before or b"").decode(errors="replace")
    after = (change.after or b"").decode(errors="replace")
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        "/dev/null" if change.before is None else f"a/{change.path}",
        "/dev/null" if change.after is None else f"b/{change.path}",
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
