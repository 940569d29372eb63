"""Run ``seatrial`` in this process and note what only it can see of itself.

python -P inside.py NOTES [--stages] build ...

NOTES: a JSON file: "peak_kb", the most memory that this process held (its children's is their own),
and with --stages the seconds that the named stages of the delivery took, as wall and processor time.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")
STAGES = ("assemble", "deliver")


def peak_kb() -> int:
    """Return the high-water mark of this process's memory since it was started (proc(5), VmHWM)."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def _timed(stage: Callable[P, T], took_s: list[tuple[float, float]]) -> Callable[P, T]:
    def call(*values: P.args, **named: P.kwargs) -> T:
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        try:
            return stage(*values, **named)
        finally:
            took_s.append((time.perf_counter() - began_s, time.process_time() - began_cpu_s))

    return call


def main() -> int:
    """Run the command line after the file's name; return its exit code."""
    notes, *words = sys.argv[1:]
    took_s: list[tuple[float, float]] = []
    if words[0] == "--stages":
        words = words[1:]
        delivery = importlib.import_module("seatrial.delivery")
        for name in STAGES:
            setattr(delivery, name, _timed(getattr(delivery, name), took_s))
    sys.argv[1:] = words
    code = int(importlib.import_module("seatrial.cli.main").main())
    walls, cpus = zip(*took_s, strict=True) if took_s else ((), ())
    found = {"peak_kb": peak_kb(), "stages_wall_s": sum(walls), "stages_cpu_s": sum(cpus)}
    Path(notes).write_text(json.dumps(found))
    return code


if __name__ == "__main__":
    sys.exit(main())
