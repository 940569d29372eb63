"""ELF files: what kind of program, for which machine, linked how (System V gABI, chapters 4 and 5).

The file is untrusted: every offset is checked against the file, every count against a limit, and
nothing of the program is run. Data is ``bytes`` or a memory map; only what is asked for is touched.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import Final

from seatrial.errors import FormatError
from seatrial.model.facts import ElfFacts

ElfData = bytes | mmap.mmap

TYPE_EXEC: Final = 2
TYPE_DYN: Final = 3
_PT_LOAD: Final = 1
_PT_DYNAMIC: Final = 2
_PT_INTERP: Final = 3
_SHT_SYMTAB: Final = 2
_SHT_NOBITS: Final = 8
_DT_NULL: Final = 0
_DT_NEEDED: Final = 1
_DT_STRTAB: Final = 5
_DT_BIND_NOW: Final = 24
_DT_FLAGS: Final = 30
_DT_FLAGS_1: Final = 0x6FFFFFFB
_DF_BIND_NOW: Final = 0x8
_DF_1_NOW: Final = 0x1
_DF_1_PIE: Final = 0x08000000
_PT_GNU_STACK: Final = 0x6474E551
_PT_GNU_RELRO: Final = 0x6474E552
_EXECUTABLE: Final = 1
_WRITABLE: Final = 2
_MOST_HEADERS: Final = 4096
_MOST_DYNAMIC: Final = 1 << 16
_LONGEST_NAME: Final = 4096

# As Go and OCI call them; two byte orders of one machine have two names.
_MACHINES: Final = {
    (3, False): "386",
    (8, False): "mipsle",
    (8, True): "mips",
    (21, False): "ppc64le",
    (21, True): "ppc64",
    (22, True): "s390x",
    (40, False): "arm",
    (62, False): "amd64",
    (183, False): "arm64",
    (243, False): "riscv64",
    (258, False): "loong64",
}
_MIPS: Final = 8


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A program header. offset and size_bytes: in the file. address: where it is loaded."""

    type: int
    flags: int
    offset: int
    address: int
    size_bytes: int

    @property
    def is_loaded(self) -> bool:
        """PT_LOAD."""
        return self.type == _PT_LOAD

    @property
    def is_writable(self) -> bool:
        """Its pages can be written by the program."""
        return bool(self.flags & _WRITABLE)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section header. size_bytes: in the file, so 0 for one that only exists in memory."""

    name: str
    type: int
    address: int
    offset: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Elf:
    """The headers of one ELF file. type: TYPE_EXEC, TYPE_DYN or another of e_type's values."""

    is_64_bit: bool
    is_big_endian: bool
    type: int
    machine: str
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...]

    def section(self, *names: str) -> Section | None:
        """Return the first section that has one of these names."""
        return next((section for section in self.sections if section.name in names), None)

    def offset_of(self, address: int, size_bytes: int) -> int | None:
        """Return where in the file the bytes at a loaded address are; None when they are not all there."""
        for segment in self.segments:
            start = address - segment.address
            if segment.is_loaded and start >= 0 and start + size_bytes <= segment.size_bytes:
                return segment.offset + start
        return None

    def unpack(self, code: str, data: ElfData, offset: int) -> tuple[int, ...]:
        """Read integers of the file's byte order; raise FormatError past its end."""
        return _unpack((">" if self.is_big_endian else "<") + code, data, offset)


def is_elf(data: ElfData) -> bool:
    """True when the bytes begin as an ELF file does."""
    return data[:4] == b"\x7fELF"


def parse_elf(data: ElfData, where: str = "") -> Elf:
    """Read the headers of an ELF file; raise FormatError for one that no kernel would load."""
    if not is_elf(data) or len(data) < 52:
        raise FormatError("not an ELF file", where=where)
    bits, order, version = data[4], data[5], data[6]
    if bits not in {1, 2} or order not in {1, 2} or version != 1:
        raise FormatError("an ELF file of an unknown class, byte order or version", where=where)
    is_64_bit, is_big_endian = bits == 2, order == 2
    prefix = ">" if is_big_endian else "<"
    try:
        header = _unpack(prefix + ("HHIQQQIHHHHHH" if is_64_bit else "HHIIIIIHHHHHH"), data, 16)
        kind, machine, _, _, segment_offset, section_offset, _, _, *counts = header
        segment_size, segment_count, section_size, section_count, names_index = counts
        rows = _read_table(
            data,
            prefix + ("IIQQQQQQ" if is_64_bit else "IIIIIIII"),
            segment_offset,
            segment_size,
            segment_count,
        )
        segments = tuple(_segment(data, row, is_64_bit=is_64_bit) for row in rows)
        rows = _read_table(
            data, prefix + ("IIQQQQ" if is_64_bit else "IIIIII"), section_offset, section_size, section_count
        )
        sections = _name_sections(data, rows, names_index)
    except FormatError as error:
        raise FormatError(error.what, where=where) from error
    return Elf(
        is_64_bit=is_64_bit,
        is_big_endian=is_big_endian,
        type=kind,
        machine=_machine_name(machine, is_64_bit=is_64_bit, is_big_endian=is_big_endian),
        segments=segments,
        sections=sections,
    )


def read_elf_facts(data: ElfData, elf: Elf) -> ElfFacts:
    """Return an ELF file's linkage; raise FormatError when its dynamic section points nowhere."""
    interpreter = next((segment for segment in elf.segments if segment.type == _PT_INTERP), None)
    dynamic = _read_dynamic(data, elf)
    stack = next((segment for segment in elf.segments if segment.type == _PT_GNU_STACK), None)
    relro = "none"
    if any(segment.type == _PT_GNU_RELRO for segment in elf.segments):
        # A program without a dynamic section has nothing that could be bound late.
        relro = "full" if dynamic is None or dynamic.is_bound_now else "partial"
    return ElfFacts(
        machine=elf.machine,
        interpreter=_text(data, interpreter.offset, interpreter.size_bytes) if interpreter else "",
        needed=dynamic.needed if dynamic else (),
        has_symbol_table=any(section.type == _SHT_SYMTAB for section in elf.sections),
        is_pie=elf.type == TYPE_DYN and (interpreter is not None or (dynamic is not None and dynamic.is_pie)),
        relro=relro,
        has_executable_stack=stack is None or bool(stack.flags & _EXECUTABLE),
    )


@dataclass(frozen=True, kw_only=True)
class _Dynamic:
    """What the dynamic section says. is_bound_now: every symbol is looked up at start."""

    needed: tuple[str, ...]
    is_pie: bool
    is_bound_now: bool


def _read_table(data: ElfData, code: str, offset: int, size: int, count: int) -> list[tuple[int, ...]]:
    """Read a header table; a file without one gives no rows."""
    if offset == 0 or count == 0:
        return []
    if size < struct.calcsize(code):
        raise FormatError("an ELF header table with too small entries")
    if count > _MOST_HEADERS:
        raise FormatError(f"{count} ELF headers are more than any program has")
    return [_unpack(code, data, position) for position in range(offset, offset + size * count, size)]


def _segment(data: ElfData, row: tuple[int, ...], *, is_64_bit: bool) -> Segment:
    if is_64_bit:
        kind, flags, at, address, _, in_file, _, _ = row
    else:
        kind, at, address, _, in_file, _, flags, _ = row
    if kind in {_PT_LOAD, _PT_DYNAMIC, _PT_INTERP} and at + in_file > len(data):
        raise FormatError("an ELF segment lies past the end of the file")
    return Segment(type=kind, flags=flags, offset=at, address=address, size_bytes=in_file)


def _name_sections(data: ElfData, rows: list[tuple[int, ...]], names_index: int) -> tuple[Section, ...]:
    if not rows:
        return ()
    if names_index >= len(rows):
        raise FormatError("an ELF file without section names")
    names_offset, names_size = rows[names_index][4:6]
    sections = []
    for name_at, kind, _, address, at, in_file in rows:
        stored = 0 if kind in {0, _SHT_NOBITS} else in_file
        if stored and at + stored > len(data):
            raise FormatError("an ELF section lies past the end of the file")
        name = _text(data, names_offset + name_at, names_size - name_at) if name_at < names_size else ""
        sections.append(Section(name=name, type=kind, address=address, offset=at, size_bytes=stored))
    return tuple(sections)


def _read_dynamic(data: ElfData, elf: Elf) -> _Dynamic | None:
    """Return the dynamic segment's entries that matter here; None without one."""
    segment = next((segment for segment in elf.segments if segment.type == _PT_DYNAMIC), None)
    if segment is None:
        return None
    code, size = ("QQ", 16) if elf.is_64_bit else ("II", 8)
    names_at: list[int] = []
    values: dict[int, int] = {}
    for index in range(min(segment.size_bytes // size, _MOST_DYNAMIC)):
        tag, value = elf.unpack(code, data, segment.offset + index * size)
        if tag == _DT_NULL:
            break
        if tag == _DT_NEEDED:
            names_at.append(value)
        else:
            values[tag] = value
    flags, flags_1 = values.get(_DT_FLAGS, 0), values.get(_DT_FLAGS_1, 0)
    strings = values.get(_DT_STRTAB, 0)
    return _Dynamic(
        needed=tuple(_needed_name(data, elf, strings + at) for at in names_at),
        is_pie=bool(flags_1 & _DF_1_PIE),
        is_bound_now=_DT_BIND_NOW in values or bool(flags & _DF_BIND_NOW or flags_1 & _DF_1_NOW),
    )


def _needed_name(data: ElfData, elf: Elf, address: int) -> str:
    offset = elf.offset_of(address, 1)
    if offset is None:
        raise FormatError("the name of a shared library lies outside the ELF file")
    return _text(data, offset, _LONGEST_NAME)


def _text(data: ElfData, offset: int, size_bytes: int) -> str:
    """Return the text up to the first NUL; raise FormatError when there is none within the bounds."""
    raw = data[offset : offset + min(size_bytes, _LONGEST_NAME)]
    text, nul, _ = raw.partition(b"\0")
    if not nul:
        raise FormatError("an ELF name without an end")
    return text.decode(errors="backslashreplace")


def _machine_name(machine: int, *, is_64_bit: bool, is_big_endian: bool) -> str:
    name = _MACHINES.get((machine, is_big_endian), f"machine {machine}")
    return name.replace("mips", "mips64") if machine == _MIPS and is_64_bit else name


def _unpack(code: str, data: ElfData, offset: int) -> tuple[int, ...]:
    size = struct.calcsize(code)
    if offset + size > len(data):
        raise FormatError("an ELF structure lies past the end of the file")
    return struct.unpack(code, data[offset : offset + size])
