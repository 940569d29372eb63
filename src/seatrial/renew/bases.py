"""Bases that are made of Debian packages: what moved between two locks of one."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.errors import FormatError
from seatrial.formats.jsonvalue import as_list, as_table, text_at
from seatrial.renew.found import Group, Proposal


def base_proposal(name: str, before: Mapping[str, object] | None, after: Mapping[str, object]) -> Proposal:
    """Compare by packages: an archive's date alone is no reason to move."""
    old, new = _packages(before or {}), _packages(after)
    moved = [f"{package} {old.get(package, '-')} to {version}" for package, version in new.items()]
    moved = [words for words, package in zip(moved, new, strict=True) if old.get(package) != new[package]]
    date = text_at(dict(after), "release_date")
    if before is not None and old == new:
        date = text_at(dict(before), "release_date")
    return Proposal(
        name=f"bases.{name}",
        group=Group.BASE,
        before=text_at(dict(before), "release_date") if before else "",
        after=date,
        why=", ".join(moved) if before else f"{len(new)} packages",
    )


def _packages(base: Mapping[str, object]) -> dict[str, str]:
    try:
        tables = [as_table(item) for item in as_list(base.get("packages"))]
        return {text_at(table, "name"): text_at(table, "version") for table in tables}
    except FormatError:
        return {}
