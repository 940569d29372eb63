"""Areas are true to sizes, fill the whole, and lie beside each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatrial.papers.treemap import Area, squarified

WHOLE = Area(x=0, y=0, width=680, height=416)
SIZES = st.lists(st.integers(1, 10**9), min_size=1, max_size=60).map(
    lambda sizes: tuple(float(size) for size in sorted(sizes, reverse=True))
)


@given(SIZES)
def test_areas_are_in_proportion_and_inside(sizes: tuple[float, ...]) -> None:
    areas = squarified(sizes, WHOLE)
    scale = WHOLE.width * WHOLE.height / sum(sizes)
    for size, area in zip(sizes, areas, strict=True):
        assert abs(area.width * area.height - size * scale) < 1e-3
        assert area.x >= -1e-6
        assert area.y >= -1e-6
        assert area.x + area.width <= WHOLE.width + 1e-6
        assert area.y + area.height <= WHOLE.height + 1e-6


@given(SIZES)
def test_areas_do_not_cover_each_other(sizes: tuple[float, ...]) -> None:
    areas = squarified(sizes, WHOLE)
    for number, one in enumerate(areas):
        for other in areas[:number]:
            across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
            down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
            assert min(across, down) < 1e-6


def test_shapes_are_those_of_the_paper() -> None:
    """Bruls, Huizing and van Wijk's own example: 6, 6, 4, 3, 2, 2, 1 in 6 by 4."""
    areas = squarified((6, 6, 4, 3, 2, 2, 1), Area(x=0, y=0, width=6, height=4))
    assert [(round(area.width, 2), round(area.height, 2)) for area in areas] == [
        (3, 2),
        (3, 2),
        (1.71, 2.33),
        (1.29, 2.33),
        (1.2, 1.67),
        (1.2, 1.67),
        (0.6, 1.67),
    ]


def test_nothing_has_no_area() -> None:
    assert squarified((), WHOLE) == ()
