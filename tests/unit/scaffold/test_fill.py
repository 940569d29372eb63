"""Templates: values, optional lines, and no silent mistake."""

from __future__ import annotations

import pytest

from seatrial.scaffold.fill import fill_text


def test_values_stand_where_their_names_were() -> None:
    assert fill_text("go install x@@V@ $$@ ${A}\n", {"V": "v1.2.3"}, {}) == "go install x@v1.2.3 $$@ ${A}\n"


def test_lone_empty_value_takes_its_line_with_it() -> None:
    assert fill_text("a\n  @A@\n@A@x\n", {"A": ""}, {}) == "a\nx\n"


def test_blocks_can_be_nested() -> None:
    text = "@if a\n1\n@unless b\n2\n@end\n@end\n3\n\t@if test; then\n"
    assert fill_text(text, {}, {"a": True, "b": True}) == "1\n3\n\t@if test; then\n"
    assert fill_text(text, {}, {"a": True, "b": False}) == "1\n2\n3\n\t@if test; then\n"
    assert fill_text(text, {}, {"a": False, "b": False}) == "3\n\t@if test; then\n"


@pytest.mark.parametrize("text", ["@NAME@\n", "@if word\n@end\n"])
def test_unknown_name_is_a_mistake(text: str) -> None:
    with pytest.raises(KeyError):
        fill_text(text, {}, {})


def test_open_block_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="@end"):
        fill_text("@if a\n", {}, {"a": True})
