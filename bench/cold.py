"""A cold woven build: an empty Go build cache on each side, the standard library woven anew."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

from bench.bare import make_bare
from bench.measure import Run, in_turn, run
from bench.report import Row, is_at_most, ratios, seconds
from bench.service import SEATRIAL, temporary_service

_GOAL = 1.05


def measure_cold(scratch: Path, rounds: int) -> tuple[Row, ...]:
    """Return one row; each round takes minutes."""
    numbers = itertools.count()
    with temporary_service(scratch) as service:
        argv = (SEATRIAL, *service.arguments)
        run(argv, cwd=service.directory, env=service.env)
        bare = make_bare(service)

        def ours() -> Run:
            # A new edit, as Seatrial keeps the programs it has compiled.
            service.edit(f"cold{next(numbers)}")
            return run(argv, cwd=service.directory, env={**service.env, "GOCACHE": _empty(scratch)})

        def peer() -> Run:
            return bare.build({"GOCACHE": _empty(scratch)})

        found = in_turn(rounds, {"ours": ours, "bare": peer})
    return (
        Row(
            work="cold woven build",
            ours=seconds(found["ours"]),
            peer=f"orchestrion go build: {seconds(found['bare'])}",
            ratio=ratios(found["ours"], found["bare"]),
            goal=f"<= {_GOAL:.2f}",
            is_held=is_at_most(_GOAL, found["ours"], found["bare"]),
        ),
    )


def _empty(scratch: Path) -> str:
    place = scratch / "gocache"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return str(place)
