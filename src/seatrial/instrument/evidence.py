"""What a freshly built program shows of itself: is it static, is it woven, with which hidden modules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seatrial.model.facts import ElfFacts, GoFacts


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one program file shows. sha256: 64 hex of the file; size_bytes: of the file."""

    sha256: str
    size_bytes: int
    elf: ElfFacts
    go: GoFacts


def read_evidence(program: Path) -> Evidence:
    """Read a Go program once, in place, and return what it shows; nothing is run.

    Raises MachineError (cannot be read), FormatError (not an ELF file, or not made by Go).
    """
    raise NotImplementedError(program)
