"""Nothing changed: the same command again, against ko with its cache on the same service."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from bench.ko import INSTALL, find_ko, ready_ko
from bench.measure import Series, in_turn, run
from bench.report import Row, is_at_most, ratios, seconds, within
from bench.service import SEATRIAL, temporary_service

_GOAL_S = 0.050
_GOAL_TIMES = 10
_WORK = "nothing changed"


def measure_unchanged(scratch: Path, rounds: int) -> tuple[Row, ...]:
    """Return a row for our own time, and one against each way of running ko."""
    with temporary_service(scratch) as service:
        ours = partial(run, (SEATRIAL, *service.arguments), cwd=service.directory, env=service.env)
        ours()
        ours()  # the record is written only when no file was younger than the build
        program = find_ko()
        if program is None:
            note = f"ko is not here, so there is no row against it; it comes with: {INSTALL}"
            return (_own_row(in_turn(rounds, {"ours": ours})["ours"], note),)
        with ready_ko(program, service) as ko:
            ko.push()
            ko.write_layout()
            found = in_turn(rounds, {"ours": ours, "push": ko.push, "layout": ko.write_layout})
    return (
        _own_row(found["ours"], ""),
        _against(found["ours"], found["push"], "ko, KOCACHE, to a registry"),
        _against(found["ours"], found["layout"], "ko, KOCACHE, to an OCI layout"),
    )


def _own_row(ours: Series, note: str) -> Row:
    held = within(ours, _GOAL_S)
    return Row(work=_WORK, ours=seconds(ours), peer="-", ratio="-", goal="<= 50 ms", is_held=held, note=note)


def _against(ours: Series, peer: Series, name: str) -> Row:
    return Row(
        work=_WORK,
        ours=seconds(ours),
        peer=f"{name}: {seconds(peer)}",
        ratio=f"{ratios(peer, ours)} times faster",
        goal=f">= {_GOAL_TIMES} times faster",
        is_held=is_at_most(1 / _GOAL_TIMES, ours, peer),
    )
