"""The program that the image starts: linked statically, woven, stripped."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule, sample
from seatrial.model.facts import StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

STATIC: Final = Rule(id="binary.static", severity=Severity.HIGH, reference="ELF: PT_INTERP, DT_NEEDED")
WOVEN: Final = Rule(id="binary.woven", severity=Severity.HIGH)
STRIPPED: Final = Rule(id="binary.stripped", severity=Severity.INFO)


def check_static(facts: StaticFacts, expected: Expectations) -> Verdict:
    """Look at the program's loader and shared libraries."""
    rule = STATIC.when(expected.is_static)
    if facts.elf is None:
        return rule.unknown("the image's program is not an ELF file")
    if facts.elf.is_static:
        return rule.passes("linked statically")
    wanted = [facts.elf.interpreter or "no loader", *facts.elf.needed]
    return rule.fails(f"linked dynamically: {sample(wanted)}", "build with CGO_ENABLED=0")


def check_woven(facts: StaticFacts, expected: Expectations) -> Verdict:
    """Look for what the instrumenter leaves in the program."""
    rule = WOVEN.when(expected.is_woven)
    if facts.go is None:
        return rule.unknown("the image's program is not a Go program")
    if facts.go.is_woven:
        return rule.passes(f"woven by Orchestrion {facts.go.weaver}")
    missing = "no woven statement" if facts.go.weaver else "no instrumenter's stamp"
    return rule.fails(f"not woven: {missing}", 'build with instrument = "orchestrion"')


def check_stripped(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as the others
    """Look for a symbol table, which only a debugger reads."""
    if facts.elf is None:
        return STRIPPED.unknown("the image's program is not an ELF file")
    if facts.elf.has_symbol_table:
        return STRIPPED.fails("has a symbol table, a part of its size", "link with -ldflags=-s")
    return STRIPPED.passes("no symbol table")
