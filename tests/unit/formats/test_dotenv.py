"""Example files of variables, as dotenv libraries read them."""

from __future__ import annotations

import pytest

from seatrial.formats.dotenv import parse_dotenv


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("A=1", "A", "1"),
        ("  export B = two words ", "B", "two words"),
        ('C="quoted # not a comment" # one', "C", "quoted # not a comment"),
        ("D='single'", "D", "single"),
        ("E=value # a comment", "E", "value"),
        ("F=a#b", "F", "a#b"),
        ("G=", "G", ""),
        ("H=#nothing", "H", ""),
        ("I=postgres://u:p@h/d?x=y", "I", "postgres://u:p@h/d?x=y"),
    ],
)
def test_value_is_as_a_library_reads_it(line: str, name: str, value: str) -> None:
    assert parse_dotenv(f"{line}\n") == ((name, value),)


def test_last_of_a_name_counts_and_other_lines_do_not() -> None:
    text = "# A=0\nA=1\n\nnot a line\n1B=2\nA=3\r\n"
    assert parse_dotenv(text) == (("A", "3"),)
