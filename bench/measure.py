"""Run programs in turn and note what they took: wall time, and processor time with their children's.

Other work on the machine lengthens the wall time of whoever runs just then. So two sides run
A B A B, the shortest run is shown beside the median, and so is the processor time.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


class RunFailed(Exception):
    """A measured program did not do its work; its last words."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run, in seconds. cpu_s: user and system time, of children that were waited for too."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, kw_only=True)
class Series:
    """The runs of one side, in the order they were made; never empty."""

    runs: tuple[Run, ...]

    @property
    def least_wall_s(self) -> float:
        """The shortest run: what the work takes when little else asks for the processor."""
        return min(run.wall_s for run in self.runs)

    @property
    def median_wall_s(self) -> float:
        """The middle run."""
        return statistics.median(run.wall_s for run in self.runs)

    @property
    def least_cpu_s(self) -> float:
        """The least processor time of a run."""
        return min(run.cpu_s for run in self.runs)

    @property
    def median_cpu_s(self) -> float:
        """The middle processor time."""
        return statistics.median(run.cpu_s for run in self.runs)


def run(argv: tuple[str, ...], *, cwd: Path, env: Mapping[str, str]) -> Run:
    """Run a program to its end; raise RunFailed with its words when it fails.

    Its output goes to a file outside ``cwd``, not to a pipe that this process would have to read.
    """
    with tempfile.TemporaryFile() as output:
        began_s = time.perf_counter()
        process = subprocess.Popen(argv, cwd=cwd, env=dict(env), stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - began_s
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            words = output.read().decode(errors="replace")[-3000:]
            raise RunFailed(f"{' '.join(argv)}: exit code {process.returncode}\n{words}")
    return Run(wall_s=wall_s, cpu_s=usage.ru_utime + usage.ru_stime)


def in_turn(rounds: int, sides: Mapping[str, Callable[[], Run]]) -> dict[str, Series]:
    """Run every side once a round; every second round in the other order."""
    found: dict[str, list[Run]] = {name: [] for name in sides}
    forward = list(sides)
    for number in range(rounds):
        order = forward if number % 2 == 0 else forward[::-1]
        for name in order:
            found[name].append(sides[name]())
    return {name: Series(runs=tuple(runs)) for name, runs in found.items()}
