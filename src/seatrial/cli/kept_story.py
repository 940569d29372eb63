"""How a plan for kept files is told: a line for each, notes, and a diff that ``git apply`` takes."""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.keep import Kept
from seatrial.scaffold.changes import Change, Kind, unified_diff
from seatrial.scaffold.flags import WEAVE_DIRECTORY, WEAVE_MODULE


def plan_text(kept: Kept) -> str:
    """Return the plan in lines; the many files of the aspect module in one."""
    rows = list(_rows(kept.files.changes))
    width = max((len(path) for _, path, _ in rows), default=0)
    lines = [f"{kind:<8}  {path:<{width}}  {words}" for kind, path, words in rows]
    lines += [f"{change.path}: {change.note}" for change in kept.files.conflicts]
    lines += [f"note: {note}" for note in kept.notes]
    return "".join(f"{line}\n" for line in lines)


def _generated_folder(path: str) -> str:
    for name in (f"{WEAVE_DIRECTORY}/", f"vendor/{WEAVE_MODULE}/"):
        before, found, _ = path.rpartition(name)
        if found:
            return before + found
    return ""


def _rows(changes: tuple[Change, ...]) -> Iterator[tuple[str, str, str]]:
    grouped: dict[tuple[str, Kind], list[Change]] = {}
    for change in changes:
        folder = _generated_folder(change.path)
        if folder:
            grouped.setdefault((folder, change.kind), []).append(change)
        elif change.kind is not Kind.SAME:
            words = change.note if change.kind is Kind.THEIRS else change.purpose
            yield change.kind.value, change.path, words
    for (folder, kind), members in grouped.items():
        if kind is not Kind.SAME:
            yield kind.value, folder, f"{members[0].purpose} ({len(members)} files)"


def diff_text(kept: Kept) -> str:
    """Return one diff over all that would change, conflicts included."""
    return "".join(map(unified_diff, kept.files.changes))


def plan_json(kept: Kept, *, is_written: bool) -> dict[str, object]:
    """Return the object of --json."""
    return {
        "root": str(kept.root),
        "is_written": is_written,
        "has_drift": kept.files.has_drift,
        "changes": [
            {"path": change.path, "kind": change.kind.value, "purpose": change.purpose, "note": change.note}
            for change in kept.files.changes
        ],
        "notes": list(kept.notes),
        "diff": "" if is_written else diff_text(kept),
    }
