"""Which Orchestrion weaves with which Go: one made with an older Go refuses a newer one."""

from __future__ import annotations

import pytest

from seatrial.errors import ConfigError, MachineError
from seatrial.instrument.pin import MINIMUM_GO, choose_version


@pytest.mark.parametrize(
    ("go", "version"),
    [("go1.26.8", "v1.15.0"), ("go1.27.3", "v1.15.0"), ("go1.25.0", "v1.13.1"), ("go1.24.12", "v1.8.0")],
)
def test_newest_that_fits_is_taken(go: str, version: str) -> None:
    assert choose_version("", go) == version


@pytest.mark.parametrize("version", MINIMUM_GO)
def test_one_that_is_asked_for_is_taken_where_it_fits(version: str) -> None:
    major, minor = MINIMUM_GO[version]
    assert choose_version(version, f"go{major}.{minor}.0") == version
    with pytest.raises(ConfigError, match=f"{version} needs Go {major}.{minor}") as refused:
        choose_version(version, f"go{major}.{minor - 1}.9")
    assert "GOTOOLCHAIN" in refused.value.hint


def test_go_that_is_too_old_for_all_names_what_brings_another() -> None:
    with pytest.raises(MachineError, match=r"go1\.22\.12 is older") as refused:
        choose_version("", "go1.22.12")
    assert "go.dev/dl" in refused.value.hint


@pytest.mark.parametrize("asked", ["latest", "1.15.0", "v1.15", "main"])
def test_what_is_no_version_is_refused(asked: str) -> None:
    with pytest.raises(ConfigError, match="is not a version"):
        choose_version(asked, "go1.26.8")
