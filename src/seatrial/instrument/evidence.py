"""What a freshly built program shows of itself: is it static, is it woven, with which hidden modules.

The builder's own look, taken before the program goes into an image. The auditor takes another one,
from the image alone (observe.static).
"""

from __future__ import annotations

import hashlib
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.errors import FormatError, MachineError
from seatrial.formats.elf import parse_elf, read_elf_facts
from seatrial.formats.gobinary import read_go_facts
from seatrial.model.facts import ElfFacts, GoFacts

_BLOCK_BYTES: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What one program file shows. sha256: 64 hex of the file; size_bytes: of the file."""

    sha256: str
    size_bytes: int
    elf: ElfFacts
    go: GoFacts

    @property
    def is_static(self) -> bool:
        """No dynamic loader and no shared library."""
        return self.elf.is_static

    @property
    def is_woven(self) -> bool:
        """Stamped by Seatrial's start aspect, and with injected statements linked in."""
        return self.go.is_woven

    @property
    def hidden_modules(self) -> tuple[str, ...]:
        """Modules that are linked in and that the build information conceals, as "path@version"."""
        return tuple(f"{module.path}@{module.version}" for module in self.go.hidden_modules)


def read_evidence(program: Path) -> Evidence:
    """Read a Go program in place and return what it shows; nothing of it is run.

    Raises MachineError (cannot be read), FormatError (not an ELF file, or not made by Go).
    """
    try:
        with open(program, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise FormatError("the program is empty", where=str(program))
            # Hashed through one block, not through the map: the whole file would count as our memory.
            digest = hashlib.sha256()
            block = memoryview(bytearray(_BLOCK_BYTES))
            while count := file.readinto(block):
                digest.update(block[:count])
            with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data:
                elf = parse_elf(data, str(program))
                facts = read_elf_facts(data, elf)
                go = read_go_facts(data, elf, str(program))
    except OSError as error:
        raise MachineError(f"cannot be read: {error.strerror}", where=str(program)) from error
    if go is None:
        raise FormatError("the program holds no Go build information", where=str(program))
    return Evidence(sha256=digest.hexdigest(), size_bytes=size, elf=facts, go=go)
