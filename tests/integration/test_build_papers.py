"""``seatrial build`` leaves the same papers as ``seatrial trial``, also when nothing had to be built."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builds import SERVER, Seatrial, commit_all, own_cache, write_service

pytestmark = [pytest.mark.go, pytest.mark.sandbox]

WORDS = ("--instrument", "none", "--base", "scratch", "--json")


@pytest.fixture
def command(tmp_path: Path) -> Seatrial:
    commit_all(write_service(tmp_path / "svc", {"main.go": SERVER}))
    return own_cache(tmp_path / "cache")


def papers(place: Path) -> dict[str, Path]:
    names = {
        "--junit": "junit.xml",
        "--sarif": "trial.sarif",
        "--html": "trial.html",
        "--facts": "facts.json",
        "--summary": "summary.md",
    }
    return {flag: place / "papers" / name for flag, name in names.items()}


def test_build_leaves_papers(command: Seatrial, tmp_path: Path) -> None:
    found = papers(tmp_path)
    flags = [word for flag, path in found.items() for word in (flag, str(path))]
    done = command("build", str(tmp_path / "svc"), *WORDS, *flags)
    assert done.code == 0, done.stderr
    assert all(path.stat().st_size for path in found.values())
    assert json.loads(found["--facts"].read_text())["image"] == done.at("image", "reference")
    assert found["--summary"].read_text().startswith("### ✓ svc\\:")
    again = command("build", str(tmp_path / "svc"), *WORDS, *flags)
    assert again.code == 0
    assert found["--summary"].read_text().count("### ✓") == 2


def test_paper_that_is_gone_is_written_again(command: Seatrial, tmp_path: Path) -> None:
    page = tmp_path / "trial.html"
    words = ("build", str(tmp_path / "svc"), *WORDS, "--html", str(page))
    assert command(*words).at("cached") is False
    assert command(*words).at("cached") is True
    page.unlink()
    assert command(*words).at("cached") is False
    assert page.exists()


def test_no_trial_has_no_papers(command: Seatrial, tmp_path: Path) -> None:
    done = command("build", str(tmp_path / "svc"), *WORDS, "--no-trial", "--junit", "x.xml")
    assert done.code == 2
    assert "there are no papers without a trial" in done.stderr
