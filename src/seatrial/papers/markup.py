"""HTML as text, built so that nothing can be forgotten to be escaped: only ``Markup`` is taken as it is."""

from __future__ import annotations

import html

from seatrial.papers.wording import printable


class Markup(str):
    """Text that is HTML already. Made by this module only."""

    __slots__ = ()


def element(tag: str, /, *children: str, **attributes: str | int | bool) -> Markup:
    """Return an element. children: text, which is escaped, or Markup.

    attributes: an underscore is a hyphen, but for one at the end (``class_``, ``for_``); True is an
    attribute without a value, False none.
    """
    words = [tag]
    for key, value in attributes.items():
        if value is True:
            words.append(_name(key))
        elif value is not False:
            words.append(f'{_name(key)}="{html.escape(printable(str(value)))}"')
    return Markup(f"<{' '.join(words)}>{joined(*children)}</{tag}>")


def void(tag: str, /, **attributes: str | int | bool) -> Markup:
    """Return an element that has no content and no end tag, such as ``meta``."""
    return Markup(element(tag, **attributes).removesuffix(f"</{tag}>"))


def joined(*children: str) -> Markup:
    """Return children one after the other; text is escaped."""
    return Markup("".join(child if isinstance(child, Markup) else escaped(child) for child in children))


def escaped(text: str) -> Markup:
    """Return text as HTML that shows it."""
    return Markup(html.escape(printable(text)))


def literal(text: str) -> Markup:
    """Return text of ours, such as the style sheet, as it is."""
    return Markup(text)


def _name(key: str) -> str:
    return key.removesuffix("_").replace("_", "-")
