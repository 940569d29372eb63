"""Settings: every key is known or refused, with the nearest known one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.config import KEYS, Settings, parse_settings, read_settings
from seatrial.config_values import parse_duration, parse_size
from seatrial.errors import ConfigError
from seatrial.model.trial import ServiceProgram, TrialRequest


def test_no_file_means_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == Settings()


def test_every_kind_of_value_is_read() -> None:
    found = parse_settings(
        b"""
        [service]
        main = "./cmd/server"
        [build]
        prepare = ["go generate ./..."]
        tags = ["pro"]
        [base]
        image = "scratch"
        [image]
        ports = ["8080", "53/udp"]
        labels = {team = "orders"}
        [health]
        start_period = "500ms"
        retries = 5
        flag = true
        [gates]
        image_size = "48MiB"
        [trial]
        services = ["postgres"]
        environment = {LOG_LEVEL = "debug"}
        """,
        "seatrial.toml",
    )
    assert found.main == "./cmd/server"
    assert found.prepare == ("go generate ./...",)
    assert found.base == "scratch"
    assert found.ports == ("8080/tcp", "53/udp")
    assert found.labels == (("team", "orders"),)
    assert (found.start_period_s, found.health_retries, found.health_flag) == (0.5, 5, True)
    assert found.image_size_bytes == 48 * 2**20
    assert found.services == ("postgres",)
    assert found.environment == (("LOG_LEVEL", "debug"),)


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("[gate]\nx = 1", "unknown section [gate]", "'gates'"),
        ("[gates]\nimage_siz = 1", "unknown key 'image_siz'", "'image_size'"),
        ('[gates]\nimage_size = "50 bananas"', "image_size", "a size"),
        ('[base]\nimage = "debian-31"', "image", "'debian-13'"),
        ('[instrument]\nintegrations = ["net/htp"]', "integrations", "'net/http'"),
        ('[health]\nstart_period = "soon"', "start_period", "a duration"),
        ("[health]\nretries = 0", "retries", "from 1 to 100"),
        ("[health]\nretries = true", "retries", "a whole number"),
        ("service = 1", "service must be a table", ""),
        ("[service", "", "TOML"),
        ("[trial]\nenvironment = {A = 1}", "environment", "a table of texts"),
    ],
)
def test_mistake_is_named_with_what_is_allowed(text: str, what: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(text.encode(), "here/seatrial.toml")
    assert "here/seatrial.toml" in str(caught.value)
    assert what in str(caught.value)
    assert hint in caught.value.hint


def test_pyproject_table_is_read_and_the_own_file_wins(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.seatrial.base]\nimage = "scratch"\n')
    assert read_settings(tmp_path).base == "scratch"
    (tmp_path / "seatrial.toml").write_text('[base]\nimage = "debian-12"\n')
    assert read_settings(tmp_path).base == "debian-12"


def test_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_settings(tmp_path, tmp_path / "nope.toml")


def test_each_key_sets_a_field_that_exists() -> None:
    fields = set(Settings.__dataclass_fields__)
    assert {name for keys in KEYS.values() for name, _ in keys.values()} <= fields


@given(st.binary(max_size=200))
def test_any_bytes_give_settings_or_a_config_error(content: bytes) -> None:
    try:
        parse_settings(content, "x")
    except ConfigError:
        return


@given(st.integers(0, 10**12), st.sampled_from([("", 1), ("kB", 1000), ("MiB", 2**20), ("GB", 10**9)]))
def test_size_units(count: int, unit: tuple[str, int]) -> None:
    assert parse_size(f"{count}{unit[0]}") == int(float(count) * unit[1])


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("10s", 10), ("2m", 120), ("1h", 3600)])
def test_duration_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


def test_health_settings() -> None:
    found = parse_settings(
        b"""
[health]
http = "/healthz"
informational = ["postgresql"]
checks = {cache = "tcp://cache:6379", search = "$SEARCH_URL"}
""",
        "seatrial.toml",
    )
    assert (found.health_http, found.health_informational) == ("/healthz", ("postgresql",))
    assert found.health_checks == (("cache", "tcp://cache:6379"), ("search", "$SEARCH_URL"))


@pytest.mark.parametrize("text", ['http = "healthz"', 'checks = {cache = "cache:6379"}', "checks = {a = 1}"])
def test_health_settings_that_cannot_be_asked(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(f"[health]\n{text}\n".encode(), "seatrial.toml")
    assert "expected" in caught.value.hint


def test_requests_are_texts_or_tables() -> None:
    text = """
    [trial]
    requests = ["GET /a", {method = "POST", path = "/b", body = {c = 1}, status = 201, headers = {X-A = "b"}}]
    """
    first, second = parse_settings(text.encode(), "x").requests
    assert first == "GET /a"
    assert second == TrialRequest(
        method="POST", path="/b", body='{"c": 1}', status=201, headers=(("X-A", "b"),)
    )


def test_programs_beside_the_service_are_read() -> None:
    text = '[trial.service.redis]\nrun = ["/usr/bin/redis-server", "--dir", "{data}"]\nport = 6379'
    (program,) = parse_settings(text.encode(), "x").programs
    assert program == ServiceProgram(
        name="redis", run=("/usr/bin/redis-server", "--dir", "{data}"), port=6379
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[trial]\nrequests = [{pth = "/"}]', "'path'"),
        ('[trial]\nrequests = [{path = "/", headers = {A = "b\\nc"}}]', "one printable line"),
        ('[trial.service.postgres]\nrun = ["/bin/x"]\nport = 1', "not 'postgres'"),
        ('[trial.service.a]\nrun = ["x"]\nport = 1', "absolute path"),
        ('[trial.service.a]\nrun = ["/x"]\nport = 70000', "port = 6379"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_settings(text.encode(), "x")
    assert words in str(refused.value.hint)
