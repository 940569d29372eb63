"""Start-up: ``seatrial --version`` against Python that does nothing."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path

from bench.measure import in_turn, run
from bench.report import Row, ratios, seconds, within
from bench.service import SEATRIAL

_GOAL_S = 0.040


def measure_startup(scratch: Path, rounds: int) -> tuple[Row, ...]:
    """Return one row. The peer is the floor: this interpreter, started and ended."""
    once = partial(run, cwd=scratch, env=os.environ)
    found = in_turn(
        rounds,
        {
            "ours": lambda: once((SEATRIAL, "--version")),
            "python": lambda: once((sys.executable, "-c", "pass")),
        },
    )
    return (
        Row(
            work="start-up (--version)",
            ours=seconds(found["ours"]),
            peer=f"python -c pass: {seconds(found['python'])}",
            ratio=ratios(found["ours"], found["python"]),
            goal="<= 40 ms",
            is_held=within(found["ours"], _GOAL_S),
        ),
    )
