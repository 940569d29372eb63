"""Configuration, index and program agree on what machine the image is for."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule
from seatrial.checks.settings import text
from seatrial.model.facts import StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

RULE: Final = Rule(
    id="image.platform",
    severity=Severity.HIGH,
    reference="OCI image-spec, config.md (architecture, os) and image-index.md (platform)",
)

_FIX: Final = "build the program and the image for the same platform"


def check(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - one form for all checks
    """Compare the three places that name a platform."""
    system, architecture = text(facts.config, "os"), text(facts.config, "architecture")
    variant = text(facts.config, "variant")
    if not system or not architecture:
        return RULE.fails("the configuration names no os or no architecture", _FIX)
    platform = "/".join(part for part in (system, architecture, variant) if part)
    if facts.platform and not _agree(facts.platform, platform):
        return RULE.fails(f"the index says {facts.platform}, the configuration {platform}", _FIX)
    if facts.elf is None:
        return RULE.passes(
            f"for {platform}, by its configuration; its program is no ELF file to compare with"
        )
    if system != "linux":
        return RULE.fails(f"the configuration says {platform}, and the program is an ELF file", _FIX)
    if facts.elf.machine != architecture:
        return RULE.fails(f"the configuration says {platform}, the program is for {facts.elf.machine}", _FIX)
    return RULE.passes(f"for {platform}, and so is its program")


def _agree(one: str, other: str) -> bool:
    """A variant that only one of them names is no contradiction (image-index.md: it is optional)."""
    return all(first == second for first, second in zip(one.split("/"), other.split("/"), strict=False))
