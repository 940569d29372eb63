"""Who answers --health-check, and what the woven check is told at link time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from go_project import REQUEST, go_project
from seatrial.config import Settings
from seatrial.health import known_owner
from seatrial.model.plan import FlagOwner, Plan
from seatrial.plan import make_plan, with_flag_owner
from seatrial.toolchains.go.sources import Sources

NOBODY_KNOWS = Sources(digests={}, mentions=(), library_mentions=())
PROJECT = go_project(Path("/s"))


def plan(settings: Settings, instrument: str = "orchestrion") -> Plan:
    request = replace(REQUEST, should_try=True)
    version = "v1.15.0" if instrument == "orchestrion" else ""
    return make_plan(PROJECT, request, settings, orchestrion_version=version, has_c_compiler=False)


def mentioning(content: str) -> Sources:
    path = Path("/s/main.go")
    return Sources(digests={path: content}, mentions=(path,), library_mentions=())


@pytest.mark.parametrize(
    ("flag", "expected"), [(True, FlagOwner.SERVICE), (False, FlagOwner.NOBODY), (None, FlagOwner.WOVEN)]
)
def test_what_is_declared_holds_and_else_ours_is_woven(
    tmp_path: Path, flag: bool | None, expected: FlagOwner
) -> None:
    assert known_owner(plan(Settings(health_flag=flag)), NOBODY_KNOWS, tmp_path) is expected


def test_a_service_that_names_the_flag_is_asked(tmp_path: Path) -> None:
    assert known_owner(plan(Settings()), mentioning("a"), tmp_path) is None
    (tmp_path / "health-flag").write_text("service what was asked about other code")
    assert known_owner(plan(Settings()), mentioning("a"), tmp_path) is None


def settings_of(found: Plan) -> dict[str, list[str]]:
    pairs: dict[str, list[str]] = {}
    for name, value in parse_qsl(found.build.health):
        pairs.setdefault(name, []).append(value)
    return pairs


def test_the_woven_check_is_told_its_settings() -> None:
    settings = Settings(
        health_http="/healthz?deep=1",
        health_informational=("postgresql", "cache"),
        health_checks=(("cache", "tcp://cache:6379"), ("search", "$SEARCH_URL")),
        health_timeout_s=5.0,
        health_listener="optional",
    )
    found = with_flag_owner(plan(settings), settings, FlagOwner.WOVEN)
    assert settings_of(found) == {
        "flag": ["woven"],
        "timeout": ["4s"],
        "http": ["/healthz?deep=1"],
        "listener": ["optional"],
        "informational": ["postgresql", "cache"],
        "check.cache": ["tcp://cache:6379"],
        "check.search": ["$SEARCH_URL"],
    }
    assert not set(found.build.health) & set(" '\"")  # it goes through -ldflags
    assert found.trial is not None
    assert found.trial.health_argv == ("/server", "--health-check")


def test_ours_is_kept_out_of_a_service_that_has_the_flag() -> None:
    settings = Settings()
    kept_out = with_flag_owner(plan(settings), settings, FlagOwner.SERVICE)
    assert settings_of(kept_out) == {"flag": ["service"]}
    plain = plan(settings, "none")
    assert with_flag_owner(plain, settings, FlagOwner.SERVICE).build.health == ""


def test_nobody_answers_where_that_is_wanted() -> None:
    settings = Settings(health_flag=False)
    found = with_flag_owner(replace(plan(settings)), settings, FlagOwner.NOBODY)
    assert found.trial is not None
    assert found.trial.health_argv == ()


def test_a_plain_program_that_serves_nobody_is_given_nothing(tmp_path: Path) -> None:
    lonely = plan(Settings(), "none")
    lonely = replace(lonely, project=replace(PROJECT, uses_network=False))
    assert known_owner(lonely, NOBODY_KNOWS, tmp_path) is FlagOwner.NOBODY
    assert known_owner(plan(Settings(), "none"), NOBODY_KNOWS, tmp_path) is FlagOwner.WOVEN
