"""Nothing that came from outside is ever markup."""

from __future__ import annotations

from seatrial.papers.markup import Markup, element, joined, literal, void


def test_text_is_escaped_and_markup_is_not() -> None:
    inner = element("b", "<i>")
    assert inner == "<b>&lt;i&gt;</b>"
    assert element("p", "a & ", inner) == "<p>a &amp; <b>&lt;i&gt;</b></p>"
    assert joined("<", literal("<br>")) == "&lt;<br>"


def test_what_is_put_together_by_hand_is_text_again() -> None:
    """A sum of two pieces is no ``Markup``: forgetting ``joined`` shows as text, and is no hole."""
    summed = element("b", "x") + "<script>"
    assert not isinstance(summed, Markup)
    assert "<script>" not in element("p", summed)


def test_attributes_are_quoted_and_named_as_html_names_them() -> None:
    assert element("a", class_='x" onclick="y', aria_label="z") == (
        '<a class="x&quot; onclick=&quot;y" aria-label="z"></a>'
    )
    assert void("input", checked=True, disabled=False, name="n") == '<input checked name="n">'


def test_control_characters_are_replaced() -> None:
    assert (
        element("p", "a\x00\x1b\u202eb\r\nc", title="\x07") == '<p title="\ufffd">a\ufffd\ufffd\ufffdb\nc</p>'
    )
