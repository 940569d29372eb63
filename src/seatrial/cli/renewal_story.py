"""How proposals for newer pins are told: what moves and why, what is held by what, and what is newest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from seatrial.keep.renewal import Renewed
from seatrial.papers.wording import printable
from seatrial.renew.found import Proposal

_LONG_HEX: Final = re.compile(r"\b(?:sha256:)?([0-9a-f]{12})[0-9a-f]{28,52}\b")
_INDENT: Final = " " * 11


def proposals_text(renewed: Renewed) -> str:
    """Return the table: pins that move first, then those that are held, then those that are newest."""
    lines: list[str] = []
    moved = [one for one in renewed.proposals if one.has_moved]
    held = [one for one in renewed.proposals if not one.has_moved and one.held_by]
    newest = [one.name for one in renewed.proposals if not one.has_moved and not one.held_by]
    for proposal in moved:
        lines.append(f"moves    {proposal.name}  {_change(proposal)}")
        lines += _reasons(proposal)
    for proposal in held:
        lines.append(f"stays    {proposal.name}  {_short(proposal.after) or '-'}")
        lines += _reasons(proposal)
    if newest:
        lines.append(f"newest   {', '.join(newest)}")
    lines += [f"note     {note}" for note in renewed.notes]
    return printable("".join(f"{line}\n" for line in lines))


def _reasons(proposal: Proposal) -> Iterator[str]:
    if proposal.why:
        yield _INDENT + proposal.why
    if proposal.held_by:
        yield f"{_INDENT}held by: {proposal.held_by}"


def _change(proposal: Proposal) -> str:
    before, after = _short(proposal.before) or "-", _short(proposal.after)
    if before == after:  # what differs was cut off
        before, after = proposal.before, proposal.after
    return f"{before} -> {after}"


def _short(value: str) -> str:
    """Return a pin with its digest or commit cut to twelve digits."""
    return _LONG_HEX.sub(r"\1", value)


def renewal_json(renewed: Renewed, *, lock: dict[str, object], is_written: bool) -> dict[str, object]:
    """Return the object of --json (docs/lock.md)."""
    return {
        "path": str(renewed.path),
        "is_written": is_written,
        "pins": [
            {
                "name": one.name,
                "group": one.group.value,
                "from": one.before,
                "to": one.after,
                "why": one.why,
                "held_by": one.held_by,
            }
            for one in renewed.proposals
        ],
        "notes": list(renewed.notes),
        "lock": lock,
    }
