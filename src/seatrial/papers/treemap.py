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
    left = list(sizes)
    placed: list[Area] = []
    free = whole
    while left:
        # Each time anew, from what is left: a difference of large numbers would misplace the small ones.
        scale = free.width * free.height / sum(left)
        count = _row_length([size * scale for size in left], min(free.width, free.height))
        areas, free = _row(left[:count], sum(left[:count]) / sum(left), free)
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


def _row(row: list[float], share: float, free: Area) -> tuple[list[Area], Area]:
    """Lay a row along the shorter side, over its share of what is free; return its areas and the rest."""
    total = sum(row)
    placed = []
    if free.width >= free.height:
        width, y = free.width * share, free.y
        for size in row:
            height = free.height * size / total
            placed.append(Area(x=free.x, y=y, width=width, height=height))
            y += height
        return placed, Area(x=free.x + width, y=free.y, width=free.width * (1 - share), height=free.height)
    height, x = free.height * share, free.x
    for size in row:
        width = free.width * size / total
        placed.append(Area(x=x, y=free.y, width=width, height=height))
        x += width
    return placed, Area(x=free.x, y=free.y + height, width=free.width, height=free.height * (1 - share))
