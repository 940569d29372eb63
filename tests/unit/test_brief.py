"""docs/brief.md names what is there: files, tests, make targets and commands; and says where nothing is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seatrial.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
BRIEF = (ROOT / "docs/brief.md").read_text()
ROWS = {
    cells[1]: (cells[3], cells[4])
    for cells in ([cell.strip() for cell in line.split("|")] for line in BRIEF.splitlines())
    if len(cells) > 5 and re.match(r"\d", cells[1])
}
# Every row of the brief: section -> its last number.
SECTIONS = {1: 7, 2: 9, 3: 7, 4: 9, 5: 4, 6: 5}


def test_every_row_of_the_brief_is_there_once() -> None:
    found: list[tuple[int, int]] = []
    for row in ROWS:
        first, _, last = row.partition("-")
        section, start = map(int, first.split("."))
        end = int(last.split(".")[1]) if last else start
        found += [(section, number) for number in range(start, end + 1)]
    assert found == [(section, n) for section, last in SECTIONS.items() for n in range(1, last + 1)]


@pytest.mark.parametrize("row", ROWS)
def test_row_names_a_command_or_says_what_is_missing(row: str) -> None:
    said, shown = ROWS[row]
    commands = re.findall(r"`([^`]+)`", shown)
    assert commands or shown == "read it" or "**not yet**" in said.lower()
    if shown == "read it":
        assert re.search(r"\]\([\w-]+\.md\)", said)
    for command in commands:
        program, *words = command.split()
        if program == "pytest":
            assert_selects(command)
        elif program == "make":
            assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        else:
            assert (program, words[0] in COMMANDS) == ("seatrial", True)


def assert_selects(command: str) -> None:
    """Each file is there, and each word of -k is in the name of a test, or of a case, in them."""
    files = re.findall(r"tests/\S+\.py", command)
    text = "".join((ROOT / file).read_text() for file in files)
    expression = re.search(r'-k (?:"([^"]+)"|(\S+))', command)
    names = [
        *re.findall(r"^def (test_\w+)", text, re.MULTILINE),
        *re.findall(r'^    "([\w ]+)": ', text, re.M),
    ]
    assert names
    if expression:
        for word in (expression[1] or expression[2]).split(" or "):
            assert any(word in name for name in names), word
