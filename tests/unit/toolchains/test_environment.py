"""GOFLAGS: kept, merged or refused, as `go help environment` quotes them."""

from __future__ import annotations

import pytest

from seatrial.errors import ConfigError, MachineError, ProjectError
from seatrial.toolchains.go.environment import explain_refusal, parse_goflags


def test_flags_are_taken_apart() -> None:
    found = parse_goflags("-tags=pro,eu '-ldflags=-X main.version=1' -mod=mod -buildvcs=false -trimpath -p=2")
    assert found.kept == ("-tags=pro,eu", "-p=2")
    assert found.ldflags == "-X main.version=1"
    assert (found.mod, found.buildvcs) == ("mod", "false")


@pytest.mark.parametrize("flag", ["-toolexec=x", "--modfile=a.mod", "-overlay=o.json"])
def test_flag_that_would_replace_the_weaving_is_refused(flag: str) -> None:
    with pytest.raises(ConfigError, match="cannot be combined") as caught:
        parse_goflags(flag)
    assert flag in caught.value.hint


def test_go_that_is_too_old_says_how_to_get_the_other() -> None:
    from pathlib import Path

    words = "go: go.mod requires go >= 1.29 (running go 1.26.8; GOTOOLCHAIN=local)"
    found = explain_refusal(words, Path("/srv"))
    assert isinstance(found, MachineError)
    assert "Go 1.29" in found.what
    assert "GOTOOLCHAIN=go1.29.0" in found.hint
    assert isinstance(explain_refusal("go: errors parsing go.mod", Path("/srv")), ProjectError)
