"""Parts that several sections of the page are made of: section, table, bar, folded part, list."""

from __future__ import annotations

from collections.abc import Iterable

from seatrial.papers.markup import Markup, element, joined


def section(anchor: str, title: str, *children: str) -> Markup:
    """Return a section with its heading, a landmark of its own."""
    heading = f"{anchor}-title"
    return element("section", element("h2", title, id=heading), *children, id=anchor, aria_labelledby=heading)


def table(
    caption: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]], *, amounts: int = 0
) -> Markup:
    """Return a table that scrolls by itself where it is too wide. The first cell of a row heads it.

    amounts: how many of the last columns are numbers.
    """
    first = len(columns) - amounts

    def cell(name: str, number: int, value: str, **attributes: str) -> Markup:
        return element(name, value, class_="amount" if number >= first else False, **attributes)

    head = (cell("th", number, text, scope="col") for number, text in enumerate(columns))
    body = (
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(cell("td", number, text) for number, text in enumerate(row[1:], 1)),
        )
        for row in rows
    )
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element("thead", element("tr", *head)),
            element("tbody", *body),
        ),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def bar(start: float, length: float, *, is_error: bool = False) -> Markup:
    """Return a bar; start and length are parts of the whole width, 0 to 1. Its numbers stand beside it."""
    width = max(min(length, 1 - start), 0.0)
    return element(
        "svg",
        element("rect", class_="track", width="100%", height="100%", rx=2),
        element(
            "rect",
            class_="mark error" if is_error else "mark",
            x=f"{100 * min(start, 0.995):.3f}%",
            width=f"{max(100 * width, 0.4):.3f}%",
            height="100%",
            rx=2,
        ),
        class_="bar",
        aria_hidden="true",
        focusable="false",
    )


def fold(title: str, note: str, *children: str) -> Markup:
    """Return a part that is folded until it is asked for."""
    return element(
        "details", element("summary", title, " ", element("small", note)), *children, class_="fold"
    )


def pairs(items: Iterable[tuple[str, str]], class_: str = "pairs") -> Markup:
    """Return names with their values."""
    return element(
        "dl",
        joined(*(joined(element("dt", name), element("dd", value)) for name, value in items)),
        class_=class_,
    )


def plain_list(items: Iterable[str]) -> Markup:
    """Return a list of sentences."""
    return element("ul", *(element("li", item) for item in items), class_="plain")


def size(count: int) -> str:
    """Return bytes as a person reads them (powers of 1000)."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} B"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
