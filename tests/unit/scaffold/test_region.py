"""A marked block: found, replaced, and refused when its markers are not one pair."""

from __future__ import annotations

import pytest

from seatrial.errors import ConfigError
from seatrial.scaffold.region import FileText, Region, find_region, join_region, read_text


@pytest.mark.parametrize("comment", ["#", "//"])
@pytest.mark.parametrize("before", ["", "mine\n", "no line end"])
@pytest.mark.parametrize("after", ["", "\nalso mine\n"])
def test_block_is_found_again_with_what_is_around_it(comment: str, before: str, after: str) -> None:
    text = join_region(Region(before=before, body="ours\n", after=after), comment)
    found = find_region(text, comment, "f")
    ended = before if before.endswith("\n") or not before else before + "\n"
    assert found == Region(before=ended, body="ours\n", after=after)
    assert join_region(found, comment) == text


def test_text_without_markers_has_no_block() -> None:
    assert find_region("all: build\n# seatrial is fine\n", "#", "Makefile") is None


@pytest.mark.parametrize(
    "text",
    [
        "# seatrial:begin\nx\n",
        "x\n# seatrial:end\n",
        "# seatrial:end\n# seatrial:begin\n",
        "# seatrial:begin\n# seatrial:begin\n# seatrial:end\n",
        "# seatrial:begin\n# seatrial:end\n# seatrial:begin\n# seatrial:end\n",
    ],
)
def test_markers_out_of_order_are_refused_with_their_lines(text: str) -> None:
    with pytest.raises(ConfigError, match=r"lines \d") as caught:
        find_region(text, "#", "Makefile")
    assert caught.value.where == "Makefile"
    assert "yours alone" in caught.value.hint


def test_line_ends_and_bytes_that_are_no_text_survive() -> None:
    content = b"a\r\nb \xff\r\n"
    text = read_text(content)
    assert text == FileText(text="a\nb \udcff\n", is_crlf=True)
    assert text.encode() == content
