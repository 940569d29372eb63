"""The documents say what the program does."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from seatrial.cli.main import COMMANDS
from seatrial.config import KEYS
from seatrial.config_values import BASES, INTEGRATIONS
from seatrial.errors import ExitCode

ROOT = Path(__file__).parents[2]
CONFIGURATION = (ROOT / "docs/configuration.md").read_text()


def test_every_key_is_documented() -> None:
    rows = "\n".join(line for line in CONFIGURATION.splitlines() if line.startswith("| `["))
    for section, keys in KEYS.items():
        for key in keys:
            assert re.search(rf"`\[{section}\][^|]*\b{key}\b", rows), f"[{section}] {key}"


def test_every_choice_and_exit_code_is_documented() -> None:
    for word in (*BASES, *INTEGRATIONS):
        assert f'"{word}"' in CONFIGURATION
    for code in ExitCode:
        assert f"| {int(code)} |" in CONFIGURATION


@pytest.mark.parametrize("document", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def test_options_in_documents_exist() -> None:
    """Every `seatrial COMMAND … --option` in a document is an option of that command."""
    texts = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    lines = [line for text in texts for line in text.read_text().splitlines()]
    known = {
        name: importlib.import_module(f"seatrial.cli.{name}").parser().format_help() for name in COMMANDS
    }
    found = 0
    for line in lines:
        for command, words in re.findall(r"\bseatrial (\w+)((?: [^`#]*)?)", line):
            if command not in known:
                continue
            for option in re.findall(r"(?<!\S)(--?[a-z][a-z-]*)", words):
                found += 1
                assert option in known[command], line
    assert found > 3
