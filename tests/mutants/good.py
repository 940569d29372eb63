"""The good image, built and tried by the command itself, and other programs made of its sources."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from builds import CACHE, Seatrial
from mutants.draft import name_of, read_draft, unpack
from mutants.of_files import PROGRAM

SERVICE = Path(__file__).parent / "service"
SETTINGS = SERVICE / "seatrial.toml"
_LOCAL = "//line /home/ada/notes/main.go:1\n"
_EPOCH_S = "1780000000"  # May 2026
_COPY = CACHE / "mutants" / "local"  # one place, so that what is compiled there is found again


@dataclass(frozen=True, kw_only=True)
class Good:
    """layout: of the good image. programs: "plain" (not woven), "local" (names its builder's directory)
    and "symbols" (not stripped), each as a file.
    """

    layout: Path
    programs: dict[str, Path]


def build_good(place: Path) -> Good:
    """Build all programs, and the good image with its trial; a second time this takes about a second."""
    layout = _build(SERVICE, place / "good")
    programs = {
        "plain": _program(_build(SERVICE, place / "plain", "--instrument", "none", "--no-trial")),
        "local": _program(_build(_local_copy(), place / "local", "--no-trial")),
    }
    programs["symbols"] = place / "symbols"
    symbol = "--add-symbol=main.main=.text:0,function,global"
    assert shutil.which("objcopy"), "needs objcopy: apt-get install binutils"
    subprocess.run(
        ("objcopy", symbol, str(_program(layout)), str(programs["symbols"])), check=True, timeout=60
    )
    return Good(layout=layout, programs=programs)


def _build(service: Path, layout: Path, *more: str) -> Path:
    settings = ("--config", str(SETTINGS), "-t", "notes:good", "-o", str(layout))
    done = Seatrial()("build", str(service), *settings, *more, SOURCE_DATE_EPOCH=_EPOCH_S)
    assert done.code == 0, done.stdout + done.stderr
    return layout


def _program(layout: Path) -> Path:
    """Take the program out of an image; return its file beside the image."""
    found = unpack(read_draft(layout, {}).layers[-1].unpacked())
    content = next(content for info, content in found if name_of(info) == PROGRAM)
    path = layout.with_name(f"{layout.name}-{PROGRAM}")
    path.write_bytes(content)
    return path


def _local_copy() -> Path:
    """Return a copy of the service whose sources say that they lie in somebody's home directory."""
    _COPY.mkdir(parents=True, exist_ok=True)
    for file in SERVICE.iterdir():
        shutil.copy2(file, _COPY / file.name)
    main = _COPY / "main.go"
    main.write_text(main.read_text().replace("package main\n", f"package main\n\n{_LOCAL}", 1))
    return _COPY
