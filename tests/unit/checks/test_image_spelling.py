"""Settings that engines read under a name that a careful reader does not look at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from facts import EXPECTED, STATIC, settings
from seatrial.checks.image_files import check_well_formed
from seatrial.model.verdict import State


@pytest.mark.parametrize(
    "config",
    [
        settings(user="0"),
        settings(User=None, USER="65532"),
        settings(env=["LD_PRELOAD=/tmp/spy.so"]),
        settings(Healthcheck={"Test": ["CMD", "/server"], "test": ["NONE"]}),
        settings() | {"Architecture": "arm64"},
    ],
)
def test_setting_in_another_spelling_fails(config: dict[str, object]) -> None:
    verdict = check_well_formed(replace(STATIC, config=config), EXPECTED)
    assert verdict.state is State.FAIL
    assert "engines take for" in verdict.reason


def test_names_of_the_user_s_own_may_be_spelled_as_they_like() -> None:
    config = settings(Labels={"user": "ada", "User": "Ada"}, Env=["user=ada"])
    assert check_well_formed(replace(STATIC, config=config), EXPECTED).state is State.PASS
