"""The image's size on the page: a treemap by layer, then by package or Go module, and the same as a table."""

from __future__ import annotations

import re
from typing import Final

from seatrial.model.facts import StaticFacts
from seatrial.papers.markup import Markup, element, joined
from seatrial.papers.page_parts import counted, fold, section, size, table
from seatrial.papers.sizes import LayerParts, Part, layers_by_part
from seatrial.papers.treemap import Area, squarified

# The smallest boxes, in pixels, that each drawing is shown in (page.css); labels are chosen for these.
_WIDE: Final = Area(x=0, y=0, width=680, height=416)
_NARROW: Final = Area(x=0, y=0, width=326, height=480)
_TONES: Final = 6
_CHARACTER_PX: Final = 6.9
_HEAD_PX: Final = 20.0


def size_section(static: StaticFacts) -> Markup:
    """Return the section; the drawing is for eyes only, the table says the same."""
    layers = layers_by_part(static)
    total = sum(layer.size_bytes for layer in layers)
    if not total:
        return section("size", "Size", element("p", "The image holds no file."))
    words = (
        f"{size(static.content_bytes)} in the files of {counted(len(static.layer_sizes_bytes), 'layer')}, "
        f"{size(static.compressed_bytes)} to pull."
    )
    rows = (
        (
            part.name,
            f"{layer.number}",
            part.kind,
            size(part.size_bytes),
            f"{100 * part.size_bytes / total:.1f} %",
        )
        for layer in layers
        for part in layer.parts
    )
    return section(
        "size",
        "Size",
        element("p", words, class_="soft"),
        _drawing(layers, _WIDE, "wide"),
        _drawing(layers, _NARROW, "narrow"),
        _key(layers),
        fold(
            "The same as a table",
            f"{sum(len(layer.parts) for layer in layers)} rows",
            table("Bytes in files", ("what", "layer", "kind", "size", "share"), rows, amounts=2),
        ),
    )


def _drawing(layers: tuple[LayerParts, ...], whole: Area, name: str) -> Markup:
    order = sorted(layers, key=lambda layer: -layer.size_bytes)
    areas = squarified(tuple(float(layer.size_bytes) for layer in order), whole)
    hatch = element(
        "defs",
        element(
            "pattern",
            element("rect", class_="hatch-ground", width=8, height=8),
            element("path", class_="hatch-line", d="M0 8L8 0"),
            id="hatch" if name == "wide" else "hatch-narrow",
            width=8,
            height=8,
            patternUnits="userSpaceOnUse",
        ),
    )
    drawn = (_layer(layer, area, whole) for layer, area in zip(order, areas, strict=True))
    return element(
        "svg",
        hatch,
        *drawn,
        class_=f"treemap {name}",
        role="presentation",
        aria_hidden="true",
        focusable="false",
    )


def _layer(layer: LayerParts, area: Area, whole: Area) -> Markup:
    parts = sorted(layer.parts, key=lambda part: -part.size_bytes)
    areas = squarified(tuple(float(part.size_bytes) for part in parts), area)
    tone = layer.number % _TONES
    return joined(*(_part(part, place, whole, tone) for part, place in zip(parts, areas, strict=True)))


def _part(part: Part, area: Area, whole: Area, tone: int) -> Markup:
    """Return one rectangle with what fits of its name; it stretches, as its place is a part of the whole."""
    title = f"{part.name}: {size(part.size_bytes)}"
    children = [element("rect", element("title", title), class_=f"t{tone}", width="100%", height="100%")]
    if part.kind == "hidden":
        children[0] = element(
            "rect", element("title", title), class_="hidden-bytes", width="100%", height="100%"
        )
    room = int((area.width - 10) / _CHARACTER_PX)
    if room >= 4 and area.height >= _HEAD_PX:
        children.append(element("text", _shortened(part.name, room), x=6, y=15))
        if area.height >= 2 * _HEAD_PX and room >= 7:
            children.append(element("text", size(part.size_bytes), x=6, y=30, class_="size"))
    return element(
        "svg",
        *children,
        x=_percent(area.x, whole.width),
        y=_percent(area.y, whole.height),
        width=_percent(area.width, whole.width),
        height=_percent(area.height, whole.height),
    )


def _key(layers: tuple[LayerParts, ...]) -> Markup:
    items = []
    for layer in layers:
        swatch = element(
            "svg",
            element("rect", class_=f"t{layer.number % _TONES}", width="100%", height="100%"),
            aria_hidden="true",
            focusable="false",
        )
        name = f"layer {layer.number}, {size(layer.size_bytes)}"
        items.append(element("li", swatch, name, f": {layer.name}" if layer.name else ""))
    return element("ul", *items, class_="key")


def _shortened(name: str, room: int) -> str:
    """Return what fits: of a path its last words, which tell more than its first."""
    if len(name) <= room:
        return name
    words = [] if " " in name else name.split("/")[1:]
    ends = ("…/" + "/".join(words[number:]) for number in range(len(words)))
    telling = [word for word in words if not re.fullmatch(r"v\d+", word)]
    return next((end for end in ends if len(end) <= room), (telling or [name])[-1][: room - 1] + "…")


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.3f}%"
