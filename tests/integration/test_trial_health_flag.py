"""``--health-check`` is never assumed: what a program does with it decides."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatrial.observe.running import detect_health_flag

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize(
    ("modes", "has_flag"),
    [
        ("", True),
        ("crash", True),  # the flag is read before what makes the service crash
        ("ignore-health", False),  # refuses every argument
        ("ignore-flags", False),  # starts a server whatever is asked
        ("ignore-flags,crash", False),  # ends by itself, with a failure, whatever is asked
        ("ignore-flags,late", False),
        ("ignore-flags,crash,identifiers", False),  # a random instance id in the log is not an answer
        ("ignore-flags,crash,noisy", False),  # nor is anything else that differs each time
        ("crash,identifiers", True),
        ("flag-package", False),  # "flag provided but not defined", and exit code 2
        ("needs-configuration", False),  # the same complaint, whatever the flag
    ],
)
def test_only_a_flag_that_the_program_knows_counts(trial_service: Path, modes: str, has_flag: bool) -> None:
    found = detect_health_flag(
        {"/server": trial_service},
        ("/server",),
        search_path=os.environ.get("PATH", ""),
        environment=(("TRIAL_MODE", modes),),
    )
    assert found is has_flag


def test_configuration_lets_the_flag_be_seen(trial_service: Path) -> None:
    environment = (("TRIAL_MODE", "needs-configuration"), ("DATABASE_URL", "{postgres.url}"))
    assert detect_health_flag(
        {"/server": trial_service}, ("/server",), search_path="", environment=environment
    )


def test_program_that_never_ends_has_no_flag(trial_service: Path) -> None:
    found = detect_health_flag(
        {"/server": trial_service},
        ("/server",),
        search_path="",
        environment=(("TRIAL_MODE", "ignore-flags,late"),),
        timeout_s=0.2,
    )
    assert found is False
