"""ELF reading, on small files made here and on damaged ones."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import FormatError
from seatrial.formats.elf import parse_elf, read_elf_facts
from seatrial.formats.gobinary import read_go_facts

INTERPRETER = b"/lib64/ld-linux-x86-64.so.2\0"


def make_elf(
    *,
    is_64_bit: bool = True,
    order: str = "<",
    kind: int = 2,
    machine: int = 62,
    interpreter: bytes = b"",
    needed: tuple[bytes, ...] = (),
    flags_1: int = 0,
    sections: tuple[tuple[bytes, int], ...] = (),
) -> bytes:
    """Return a file with one loaded segment over all of it, and what is asked for."""
    word, header_size, row_size, section_size = ("Q", 64, 56, 64) if is_64_bit else ("I", 52, 32, 40)
    rows_at = header_size
    count = 1 + bool(interpreter) + bool(needed or flags_1)
    interpreter_at = rows_at + count * row_size
    strings = b"\0" + b"".join(name + b"\0" for name in needed)
    strings_at = interpreter_at + len(interpreter)
    dynamic_at = strings_at + len(strings)
    entries = [(1, strings.index(b"\0" + name + b"\0") + 1) for name in needed]
    entries += [(5, strings_at), (0x6FFFFFFB, flags_1), (0, 0)]
    dynamic = b"".join(struct.pack(f"{order}{word}{word}", *entry) for entry in entries)
    names = b"\0" + b"".join(name + b"\0" for name, _ in sections) + b".shstrtab\0"
    names_at = dynamic_at + len(dynamic)
    sections_at = names_at + len(names)
    all_sections = (*sections, (b".shstrtab", 3)) if sections else ()
    size = sections_at + section_size * (len(all_sections) + 1)

    def row(type_: int, at: int, length: int) -> bytes:
        if is_64_bit:
            return struct.pack(f"{order}IIQQQQQQ", type_, 4, at, at, at, length, length, 1)
        return struct.pack(f"{order}IIIIIIII", type_, at, at, at, length, length, 4, 1)

    def section(name: bytes, type_: int) -> bytes:
        start, length = (names_at, len(names)) if name == b".shstrtab" else (0, 0)
        at = names.index(b"\0" + name + b"\0") + 1 if name else 0
        rest = f"{order}II{word * 4}II{word * 2}"
        return struct.pack(rest, at, type_, 0, 0, start, length, 0, 0, 0, 0)

    rows = row(1, 0, size)
    rows += row(3, interpreter_at, len(interpreter)) if interpreter else b""
    rows += row(2, dynamic_at, len(dynamic)) if needed or flags_1 else b""
    header = struct.pack(
        f"{order}HHI{word * 3}IHHHHHH",
        *(kind, machine, 1, 0, rows_at, sections_at if all_sections else 0, 0, header_size),
        *(row_size, count, section_size, len(all_sections) + 1 if all_sections else 0, len(all_sections)),
    )
    identity = b"\x7fELF" + bytes([2 if is_64_bit else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    table = section(b"", 0) + b"".join(section(*pair) for pair in all_sections) if all_sections else b""
    return (identity + header + rows + interpreter + strings + dynamic + names + table).ljust(size, b"\0")


def facts_of(data: bytes) -> tuple[str, str, tuple[str, ...], bool, bool, bool]:
    facts = read_elf_facts(data, parse_elf(data))
    return (
        facts.machine,
        facts.interpreter,
        facts.needed,
        facts.has_symbol_table,
        facts.is_pie,
        facts.is_static,
    )


def test_static_program() -> None:
    assert facts_of(make_elf()) == ("amd64", "", (), False, False, True)


def test_dynamic_program_names_its_loader_and_libraries() -> None:
    data = make_elf(interpreter=INTERPRETER, needed=(b"libc.so.6", b"libm.so.6"), kind=3)
    expected = ("amd64", "/lib64/ld-linux-x86-64.so.2", ("libc.so.6", "libm.so.6"), False, True, False)
    assert facts_of(data) == expected


def test_static_pie_is_static_and_a_shared_library_is_no_pie() -> None:
    assert facts_of(make_elf(kind=3, flags_1=0x08000000)) == ("amd64", "", (), False, True, True)
    assert facts_of(make_elf(kind=3, flags_1=1)) == ("amd64", "", (), False, False, True)


def test_symbol_table_is_seen() -> None:
    data = make_elf(sections=((b".text", 1), (b".symtab", 2)))
    assert facts_of(data)[3] is True
    assert [section.name for section in parse_elf(data).sections] == ["", ".text", ".symtab", ".shstrtab"]


@pytest.mark.parametrize(
    ("is_64_bit", "order", "machine", "name"),
    [
        (False, "<", 40, "arm"),
        (False, "<", 3, "386"),
        (True, "<", 183, "arm64"),
        (True, ">", 22, "s390x"),
        (True, "<", 21, "ppc64le"),
        (True, ">", 21, "ppc64"),
        (True, ">", 8, "mips64"),
        (False, "<", 8, "mipsle"),
        (True, "<", 243, "riscv64"),
        (True, "<", 999, "machine 999"),
    ],
)
def test_every_class_order_and_machine(is_64_bit: bool, order: str, machine: int, name: str) -> None:
    data = make_elf(
        is_64_bit=is_64_bit, order=order, machine=machine, needed=(b"libc.so",), interpreter=b"/ld\0"
    )
    assert facts_of(data)[:3] == (name, "/ld", ("libc.so",))


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "not an ELF file"),
        (b"#!/bin/sh\n" * 20, "not an ELF file"),
        (b"\x7fELF\x02\x01\x01", "not an ELF file"),
        (b"\x7fELF\x07\x01\x01" + bytes(60), "unknown class"),
        (make_elf()[:80], "past the end"),
        (make_elf(interpreter=INTERPRETER.rstrip(b"\0")), "without an end"),
        (make_elf()[:56] + b"\xff\xff" + make_elf()[58:], "more than any program"),
    ],
)
def test_broken_file_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint) as refusal:
        read_elf_facts(data, parse_elf(data, "here"))
    assert refusal.value.where in {"here", ""}


WHOLE = make_elf(
    interpreter=INTERPRETER, needed=(b"libc.so.6",), sections=((b".symtab", 2), (b".go.buildinfo", 1))
)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_file_only_gives_format_errors(changes: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE)
    for offset, value in changes:
        data[offset] = value
    read_everything(bytes(data))


@given(st.integers(0, len(WHOLE)))
def test_cut_file_only_gives_format_errors(length: int) -> None:
    read_everything(WHOLE[:length])


def read_everything(data: bytes) -> None:
    try:
        elf = parse_elf(data)
        read_elf_facts(data, elf)
        read_go_facts(data, elf)
    except FormatError:
        pass


@pytest.mark.parametrize("is_64_bit", [True, False])
def test_a_program_without_a_stack_header_has_an_executable_stack_and_no_relro(is_64_bit: bool) -> None:
    data = make_elf(is_64_bit=is_64_bit)
    facts = read_elf_facts(data, parse_elf(data))
    assert (facts.relro, facts.has_executable_stack) == ("none", True)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler")
@pytest.mark.parametrize(
    ("flags", "relro", "is_executable", "is_pie"),
    [
        ("-Wl,-z,relro,-z,now -pie -fPIE", "full", False, True),
        ("-Wl,-z,relro,-z,lazy -no-pie", "partial", False, False),
        ("-Wl,-z,norelro,-z,lazy -no-pie", "none", False, False),
        ("-Wl,-z,execstack,-z,relro -static", "full", True, False),
    ],
)
def test_what_a_linker_was_told_is_seen(
    flags: str, relro: str, is_executable: bool, is_pie: bool, tmp_path: Path
) -> None:
    (tmp_path / "a.c").write_text("int main(void) { return 0; }\n")
    argv = ("gcc", *flags.split(), "-o", str(tmp_path / "a"), str(tmp_path / "a.c"))
    subprocess.run(argv, check=True, capture_output=True)
    data = (tmp_path / "a").read_bytes()
    facts = read_elf_facts(data, parse_elf(data))
    assert (facts.relro, facts.has_executable_stack, facts.is_pie) == (relro, is_executable, is_pie)
