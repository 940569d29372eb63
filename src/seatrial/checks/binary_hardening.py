"""How the program was linked, beyond static or not: its loader, its stack, what is fixed in memory."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule
from seatrial.model.facts import StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

LOADER: Final = Rule(id="binary.loader", severity=Severity.HIGH, reference="execve(2): ENOENT")
STACK: Final = Rule(id="binary.stack", severity=Severity.MEDIUM, reference="ELF: PT_GNU_STACK; CWE-119")
RELRO: Final = Rule(id="binary.relro", severity=Severity.LOW, reference="ELF: PT_GNU_RELRO, DF_BIND_NOW")
PIE: Final = Rule(id="binary.pie", severity=Severity.INFO, reference="ELF: ET_DYN, DF_1_PIE")

_NO_ELF: Final = "the image's program is not an ELF file"


def check_loader(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - one form for all
    """Look for what the kernel starts in the program's place: a dynamic loader or a script's interpreter."""
    named = facts.script_interpreter or (facts.elf.interpreter if facts.elf else "")
    if facts.has_interpreter is None:
        if facts.elf is None:
            return LOADER.when(False).unknown("the image's program was not found, or is no program")
        return LOADER.passes("needs no loader")
    if facts.has_interpreter:
        return LOADER.passes(f"{named} is in the image")
    return LOADER.fails(
        f"the program needs {named}, which is not in the image, so it cannot start",
        "link it statically (CGO_ENABLED=0), or use a base that holds its loader",
    )


def check_stack(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as above
    """Look whether what is written to the stack could be run."""
    if facts.elf is None or facts.elf.has_executable_stack is None:
        return STACK.when(False).unknown(_NO_ELF)
    if facts.elf.has_executable_stack:
        return STACK.fails(
            "asks for an executable stack",
            "link with -z noexecstack; look for assembly without .note.GNU-stack",
        )
    return STACK.passes("its stack cannot be executed")


def check_relro(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as above
    """Look whether the tables of a dynamic program are read-only once it has started."""
    elf = facts.elf
    if elf is None or not elf.relro:
        return RELRO.when(False).unknown(_NO_ELF)
    if elf.is_static and elf.relro == "none":
        return RELRO.passes("linked statically, so there are no tables of a loader to protect")
    rule = RELRO.when(elf.relro == "none")
    if elf.relro == "full":
        return rule.passes("all tables are read-only once it runs")
    return rule.fails(f"RELRO is {elf.relro}", "link with -Wl,-z,relro,-z,now")


def check_pie(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as above
    """Look whether the program can be loaded anywhere."""
    if facts.elf is None:
        return PIE.unknown(_NO_ELF)
    if facts.elf.is_pie:
        return PIE.passes("may be loaded anywhere")
    little = "; in a Go program without C this helps an attacker little" if facts.go else ""
    return PIE.fails(f"is always loaded at one address{little}", "build with -buildmode=pie")
