"""Areas in proportion to sizes: a squarified treemap (Bruls, Huizing, van Wijk, 2000)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Area:
    """A rectangle, in the units of the whole."""

    x: float
    y: float
    width: float
    height: float


def squarified(sizes: tuple[float, ...], whole: Area) -> tuple[Area, ...]:
    """Return an area for each size, in their order; they fill the whole and are as square as can be.

    sizes: positive, largest first.
    """
    total = sum(sizes)
    if not sizes or total <= 0:
        return ()
    scale = whole.width * whole.height / total
    left = [size * scale for size in sizes]
    placed: list[Area] = []
    free = whole
    while left:
        side = min(free.width, free.height)
        count = _row_length(left, side)
        areas, free = _row(left[:count], free)
        placed += areas
        left = left[count:]
    return tuple(placed)


def _row_length(areas: list[float], side: float) -> int:
    """Return how many areas make the row whose worst shape is best."""
    count = 1
    while count < len(areas) and _worst(areas[: count + 1], side) <= _worst(areas[:count], side):
        count += 1
    return count


def _worst(row: list[float], side: float) -> float:
    total = sum(row)
    if total <= 0 or side <= 0:
        return float("inf")
    return max(side * side * max(row) / total**2, total**2 / (side * side * max(min(row), 1e-12)))


def _row(row: list[float], free: Area) -> tuple[list[Area], Area]:
    """Lay a row along the shorter side; return its areas and what stays free."""
    total = sum(row)
    placed = []
    if free.width >= free.height:
        width = total / free.height if free.height else 0.0
        y = free.y
        for area in row:
            height = free.height * area / total if total else 0.0
            placed.append(Area(x=free.x, y=y, width=width, height=height))
            y += height
        return placed, Area(
            x=free.x + width, y=free.y, width=max(free.width - width, 0.0), height=free.height
        )
    height = total / free.width if free.width else 0.0
    x = free.x
    for area in row:
        width = free.width * area / total if total else 0.0
        placed.append(Area(x=x, y=free.y, width=width, height=height))
        x += width
    return placed, Area(x=free.x, y=free.y + height, width=free.width, height=max(free.height - height, 0.0))
