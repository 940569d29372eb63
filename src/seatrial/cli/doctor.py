"""``seatrial doctor``: what this machine has, what is missing, and the command that brings it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from seatrial.cli.failure import print_json
from seatrial.cli.unchanged import cache_directory
from seatrial.errors import ExitCode, SeatrialError
from seatrial.host.bubblewrap import find_engine
from seatrial.host.process import INSTALL_HINTS
from seatrial.host.process import run as run_program

_TIMEOUT_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a build may need. is_needed: no build works without it."""

    name: str
    found: str
    is_needed: bool
    purpose: str
    hint: str


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    found = argparse.ArgumentParser(
        prog="seatrial doctor",
        description="Say what this machine has, what is missing, and the command that brings it.",
    )
    found.add_argument("--json", action="store_true", help="print one JSON object")
    return found


def run(arguments: list[str]) -> int:
    """Run the command; exit code 4 when something that every build needs is missing."""
    asked = parser().parse_args(arguments)
    findings = examine(dict(os.environ))
    if asked.json:
        print_json({"findings": [vars_of(finding) for finding in findings]})
    else:
        for finding in findings:
            mark = "✓" if finding.found else ("✗" if finding.is_needed else "·")
            sys.stdout.write(f"{mark} {finding.name:<12} {finding.found or f'missing: {finding.purpose}'}\n")
            if not finding.found and finding.hint:
                sys.stdout.write(f"    {finding.hint}\n")
    is_lacking = any(finding.is_needed and not finding.found for finding in findings)
    return ExitCode.MACHINE_LACKS if is_lacking else ExitCode.OK


def examine(env: dict[str, str]) -> tuple[Finding, ...]:
    """Look at each tool by running it."""
    path = env.get("PATH", "")
    return (
        _tool("go", ("go", "version"), env, is_needed=True, purpose="compiles Go services"),
        _tool("git", ("git", "--version"), env, purpose="revision and version of the image"),
        _tool("gcc", ("gcc", "-dumpfullversion"), env, purpose="links services that hold C code"),
        Finding(
            name="bwrap",
            found=_bwrap(path),
            is_needed=False,
            purpose="runs the finished image",
            hint=INSTALL_HINTS["bwrap"],
        ),
        _tool("docker", ("docker", "--version"), env, purpose="loads the tar; not needed to build"),
        _cache(env),
    )


def _bwrap(path: str) -> str:
    try:
        return find_engine(path).description
    except SeatrialError:
        return ""


def _tool(
    name: str, argv: tuple[str, ...], env: dict[str, str], *, purpose: str, is_needed: bool = False
) -> Finding:
    program = shutil.which(argv[0], path=env.get("PATH", ""))
    found = ""
    if program:
        done = run_program((program, *argv[1:]), cwd=Path.cwd(), env=env, timeout_s=_TIMEOUT_S)
        found = done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
    return Finding(
        name=name, found=found, is_needed=is_needed, purpose=purpose, hint=INSTALL_HINTS.get(name, "")
    )


def _cache(env: dict[str, str]) -> Finding:
    place = Path(cache_directory(env))
    nearest = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(nearest).free
    is_usable = os.access(nearest, os.W_OK) and free > 4e9
    return Finding(
        name="cache",
        found=f"{place}, {free / 1e9:.0f} GB free" if is_usable else "",
        is_needed=True,
        purpose=f"{place} needs to be writable, with 4 GB free",
        hint="set XDG_CACHE_HOME to a directory with room",
    )


def vars_of(finding: Finding) -> dict[str, object]:
    """Return a finding as plain values."""
    return {
        "name": finding.name,
        "found": finding.found,
        "is_needed": finding.is_needed,
        "purpose": finding.purpose,
        "hint": finding.hint,
    }
