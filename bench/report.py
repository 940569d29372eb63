"""The table: one row a piece of work, as text and as JSON."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from bench.measure import Series

_HEADS = ("work", "ours", "peer", "ratio", "goal", "held")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table; the texts are ready to print.

    is_held: None when it could not be measured; note then says what brings it, or how it was judged.
    """

    work: str
    ours: str
    peer: str
    ratio: str
    goal: str
    is_held: bool | None
    note: str = ""


def is_busy() -> bool:
    """Return whether more programs want to run than there are processors: wall time then says little."""
    return os.getloadavg()[0] > len(os.sched_getaffinity(0))


def within(series: Series, goal_s: float) -> bool:
    """Return whether the shortest run keeps the goal; on a busy machine, its CPU time."""
    return (series.least_cpu_s if is_busy() else series.least_wall_s) <= goal_s


def is_at_most(goal: float, above: Series, below: Series, *, less: Series | None = None) -> bool:
    """Return whether ``above``, without the part ``less``, takes at most ``goal`` times ``below``."""
    if is_busy():
        return above.least_cpu_s - (less.least_cpu_s if less else 0) <= goal * below.least_cpu_s
    return above.least_wall_s - (less.least_wall_s if less else 0) <= goal * below.least_wall_s


def seconds(series: Series) -> str:
    """Return "least / median, CPU least / median"."""
    return (
        f"{_short(series.least_wall_s)} / {_short(series.median_wall_s)}, "
        f"CPU {_short(series.least_cpu_s)} / {_short(series.median_cpu_s)}"
    )


def ratios(above: Series, below: Series) -> str:
    """Return how often ``below`` fits into ``above``, in the same form."""
    walls = f"{above.least_wall_s / below.least_wall_s:.2f} / {above.median_wall_s / below.median_wall_s:.2f}"
    cpus = f"{above.least_cpu_s / below.least_cpu_s:.2f} / {above.median_cpu_s / below.median_cpu_s:.2f}"
    return f"{walls}, CPU {cpus}"


def table(rows: Iterable[Row]) -> str:
    """Return the rows as plain text in columns, and the notes below."""
    found = tuple(rows)
    lines = [_HEADS, *(_cells(row) for row in found)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADS))]
    text = "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
    notes = "".join(f"\n{row.work}: {row.note}" for row in found if row.note)
    legend = "times: shortest / median run; CPU: the same of user and system time, children included"
    judged = "a goal is held when the shortest run keeps it; on a busy machine, when its CPU time does"
    return f"{text}\n\n{legend}\n{judged}{notes}\n"


def as_json(rows: Iterable[Row]) -> list[dict[str, str | bool | None]]:
    """Return the rows as plain values."""
    return [asdict(row) for row in rows]


def _cells(row: Row) -> tuple[str, ...]:
    held = {True: "yes", False: "NO", None: "not measured"}[row.is_held]
    return (row.work, row.ours, row.peer, row.ratio, row.goal, held)


def _short(value_s: float) -> str:
    return f"{value_s * 1000:.0f} ms" if value_s < 1 else f"{value_s:.2f} s"
