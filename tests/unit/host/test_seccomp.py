"""The system-call filter: its numbers are the kernel's, and its program decides as it should."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from seatrial.host.seccomp import CLONE, CLONE3, DENIED, PERSONALITY, SOCKET, filter_program

ALLOW, EPERM, ENOSYS = 0x7FFF0000, 0x00050001, 0x00050026
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
COLUMNS = {"x86_64": 0, "aarch64": 1}
HEADERS = (
    Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    Path("/usr/include/asm-generic/unistd.h"),
)
NAMED = {**DENIED, "clone": CLONE, "clone3": CLONE3, "personality": PERSONALITY, "socket": SOCKET}


def decide(program: bytes, *, architecture: int, number: int, argument: int = 0) -> int:
    """Interpret a filter on one struct seccomp_data (classic BPF: load, jumps, return)."""
    data = struct.pack("=IIQQ", number, architecture, 0, argument)
    accumulator = position = 0
    while True:
        code, if_true, if_false, value = struct.unpack_from("=HBBI", program, position * 8)
        position += 1
        if code == 0x06:
            assert isinstance(value, int)
            return value
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
            continue
        holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[
            code
        ]
        position += if_true if holds else if_false


@pytest.mark.parametrize(("column", "header"), list(enumerate(HEADERS)))
def test_numbers_are_the_kernels(column: int, header: Path) -> None:
    if not header.exists():
        pytest.skip(f"needs {header}")
    said = {
        name: int(number) for name, number in re.findall(r"#define\s+__NR_(\w+)\s+(\d+)", header.read_text())
    }
    assert said
    assert {name: numbers[column] for name, numbers in NAMED.items()} == {
        name: said.get(name) for name in NAMED
    }


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_exactly_the_denied_calls_are_denied(machine: str) -> None:
    program, column = filter_program(machine), COLUMNS[machine]
    denied = {numbers[column] for numbers in DENIED.values()} - {None}
    for number in range(500):
        answer = decide(program, architecture=ARCHITECTURES[machine], number=number)
        expected = EPERM if number in denied else ENOSYS if number == CLONE3[column] else ALLOW
        assert answer == expected, number


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize(
    ("call", "argument", "expected"),
    [
        (CLONE, 0x003D0F00, ALLOW),  # a thread of glibc
        (CLONE, 0x10000011, EPERM),  # CLONE_NEWUSER
        (CLONE, 0x02000011, EPERM),  # CLONE_NEWCGROUP
        (SOCKET, 2, ALLOW),
        (SOCKET, 40, EPERM),
        (PERSONALITY, 0xFFFFFFFF, ALLOW),
        (PERSONALITY, 0x20008, ALLOW),
        (PERSONALITY, 0x400000, EPERM),
    ],
)
def test_argument_decides(machine: str, call: tuple[int, int], argument: int, expected: int) -> None:
    program, number = filter_program(machine), call[COLUMNS[machine]]
    answer = decide(program, architecture=ARCHITECTURES[machine], number=number, argument=argument)
    assert answer == expected


@pytest.mark.parametrize(
    ("machine", "architecture", "number"),
    [("x86_64", 0x40000003, 1), ("aarch64", 0x40000028, 1), ("x86_64", ARCHITECTURES["x86_64"], 0x40000001)],
)
def test_calls_of_other_architectures_are_unknown(machine: str, architecture: int, number: int) -> None:
    assert decide(filter_program(machine), architecture=architecture, number=number) == ENOSYS


def test_other_machines_have_none() -> None:
    assert filter_program("riscv64") == b""
