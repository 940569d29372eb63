"""Peak memory of our own process: it must not grow with the image (children have their own)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.changed import INSIDE
from bench.measure import run
from bench.report import Row
from bench.service import Service, temporary_service

_GOAL_KB = 40 * 1024
_PAYLOAD = str(Path(__file__).with_name("payload.py"))


def measure_memory(scratch: Path, _rounds: int) -> tuple[Row, ...]:
    """Return a row for payloads of two sizes, for a whole build and for one with nothing to do."""
    small, large = _payload_kb(scratch, 64), _payload_kb(scratch, 1024)
    with temporary_service(scratch) as service:
        service.edit("memory")
        whole = _own_kb(service)
        _own_kb(service)
        idle = _own_kb(service)
    return (
        _row("peak memory, layer, image and tar of 1 GB", large, f"64 MB payload: {_mb(small)}"),
        _row("peak memory, whole build", whole, "-"),
        _row("peak memory, nothing changed", idle, "-"),
    )


def _payload_kb(scratch: Path, size_mb: int) -> int:
    with TemporaryDirectory(dir=scratch) as directory:
        argv = (sys.executable, "-P", _PAYLOAD, directory, str(size_mb))
        return int(subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout)


def _own_kb(service: Service) -> int:
    notes = service.output.with_name("memory.json")
    argv = (sys.executable, "-P", INSIDE, str(notes), *service.arguments)
    run(argv, cwd=service.directory, env=service.env)
    return int(json.loads(notes.read_text())["peak_kb"])


def _row(work: str, peak_kb: int, peer: str) -> Row:
    return Row(
        work=work, ours=_mb(peak_kb), peer=peer, ratio="-", goal="<= 40 MB", is_held=peak_kb <= _GOAL_KB
    )


def _mb(size_kb: int) -> str:
    return f"{size_kb / 1024:.1f} MB"
