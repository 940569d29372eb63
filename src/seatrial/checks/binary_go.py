"""What a Go program tells of its builder's machine and of its own age."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule
from seatrial.checks.support_dates import go_end
from seatrial.model.facts import StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

NO_LOCAL_PATHS: Final = Rule(
    id="binary.no-local-paths", severity=Severity.LOW, reference="go help build: -trimpath"
)
GO_SUPPORTED: Final = Rule(
    id="binary.go-supported", severity=Severity.INFO, reference="go.dev/doc/devel/release, release policy"
)

_NO_GO: Final = "the image's program is not a Go program"


def check_no_local_paths(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as all
    """Look for source files with a path of the builder's machine."""
    if facts.go is None:
        return NO_LOCAL_PATHS.when(False).unknown(_NO_GO)
    if facts.go.local_path:
        return NO_LOCAL_PATHS.fails(
            f"tells where it was built: {facts.go.local_path}",
            "build with -trimpath, which also makes it repeatable",
        )
    return NO_LOCAL_PATHS.passes("tells nothing of where it was built")


def check_go_supported(facts: StaticFacts, expected: Expectations) -> Verdict:
    """Compare the end of its Go release with ``today``."""
    end = go_end(facts.go.go_version) if facts.go else None
    if facts.go is None or end is None:
        return GO_SUPPORTED.unknown(_NO_GO if facts.go is None else f"{facts.go.go_version} is no release")
    if not expected.today:
        return GO_SUPPORTED.unknown(f"{facts.go.go_version}; nobody said what day it is")
    if expected.today < end:
        return GO_SUPPORTED.passes(f"{facts.go.go_version} gets fixes until about {end[:7]}")
    return GO_SUPPORTED.fails(
        f"{facts.go.go_version} gets no fixes since about {end[:7]}", "build with a newer Go release"
    )
