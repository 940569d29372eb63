"""``python -m bench``: measure, and print one table."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from bench.changed import measure_changed
from bench.cold import measure_cold
from bench.measure import RunFailed
from bench.memory import measure_memory
from bench.report import Row, as_json, table
from bench.startup import measure_startup
from bench.trial import measure_trial
from bench.unchanged import measure_unchanged

# Name -> what measures it, and how many rounds its runs are worth.
_TABLES = {
    "startup": (measure_startup, 40),
    "unchanged": (measure_unchanged, 20),
    "changed": (measure_changed, 5),
    "trial": (measure_trial, 8),
    "memory": (measure_memory, 1),
}
_COLD = {"cold": (measure_cold, 1)}


def main() -> int:
    """Measure what was asked for; the exit code is 0 whether goals are held or not: a clock is no test."""
    asked = _parser().parse_args()
    tables = {**_TABLES, **_COLD} if asked.only else _COLD if asked.cold else _TABLES
    rows: list[Row] = []
    for name, (measure, rounds) in tables.items():
        if asked.only and name not in asked.only:
            continue
        sys.stderr.write(f"measuring: {name}\n")
        with tempfile.TemporaryDirectory(prefix="seatrial-bench-") as scratch:
            try:
                rows += measure(Path(scratch).resolve(), asked.rounds or rounds)
            except RunFailed as error:
                sys.stderr.write(f"{error}\n")
                return 1
    if asked.json:
        sys.stdout.write(json.dumps({"machine": _machine(), "rows": as_json(rows)}, indent=2) + "\n")
    else:
        sys.stdout.write(f"{_machine()}\n\n{table(rows)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    found.add_argument("--cold", action="store_true", help="the cold woven build alone; takes minutes")
    found.add_argument(
        "--only", action="append", choices=(*_TABLES, *_COLD), help="one table; may be repeated"
    )
    found.add_argument("--rounds", type=int, default=0, metavar="N", help="runs of each side")
    found.add_argument("--json", action="store_true", help="print one JSON object")
    return found


def _machine() -> str:
    """Describe the machine: its processor, kernel, Python, and how busy it was at the end."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")
    count = len(os.sched_getaffinity(0))
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{count} x {name}, Linux {platform.release()}, Python {platform.python_version()}; "
        f"load averages at the end: {load}"
    )


if __name__ == "__main__":
    sys.exit(main())
