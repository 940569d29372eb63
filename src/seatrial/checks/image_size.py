"""The image is not larger than allowed."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule, sample
from seatrial.model.facts import StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

RULE: Final = Rule(id="image.size", severity=Severity.MEDIUM)


def check(facts: StaticFacts, expected: Expectations) -> Verdict:
    """Compare the uncompressed content with the limit; say what is largest when it is over."""
    limit = expected.size_limit_bytes
    size = f"{facts.content_bytes:,} bytes"
    if limit is None:
        return RULE.when(False).passes(f"{size}; no limit is set")
    if facts.content_bytes <= limit:
        return RULE.passes(f"{size} of at most {limit:,}")
    by_size = sorted(facts.paths, key=lambda path: path.size_bytes, reverse=True)
    largest = sample([f"{path.path} ({path.size_bytes:,})" for path in by_size[:3]])
    return RULE.fails(
        f"{size}, over the limit of {limit:,}; largest: {largest}",
        "make it smaller, or raise image_size under [gates] in seatrial.toml",
    )
