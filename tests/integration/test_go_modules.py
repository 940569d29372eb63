"""The Go that is shipped and the Go that is shown: formatted, vetted and tested by Go itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = {"aspects": ROOT / "src/seatrial/instrument/aspects", "orders": ROOT / "examples/orders"}

pytestmark = pytest.mark.go


def go(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ("go", *arguments),
        cwd=directory,
        env={**os.environ, "GOFLAGS": "-buildvcs=false", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", MODULES)
def test_formatted_vetted_and_tested(name: str) -> None:
    unformatted = subprocess.run(("gofmt", "-l", "."), cwd=MODULES[name], capture_output=True, check=True)
    assert unformatted.stdout == b""
    go(MODULES[name], "vet", "./...")
    flags = ("-race",) if name == "aspects" else ()
    assert "ok" in go(MODULES[name], "test", *flags, "./...")


def test_aspects_need_the_standard_library_only() -> None:
    assert go(MODULES["aspects"], "list", "-m", "all").split() == ["seatrial.dev/weave"]
