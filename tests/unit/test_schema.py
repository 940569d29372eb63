"""The schema for editors says what the parser takes."""

from __future__ import annotations

import json
import tomllib

import jsonschema
import pytest

from seatrial.config import KEYS, Settings, parse_settings
from seatrial.errors import ConfigError
from seatrial.formats.jsonvalue import as_table
from seatrial.schema import schema
from settings_page import PAGE, SCHEMA, page_text, schema_text


def settings() -> list[tuple[str, str, dict[str, object]]]:
    """Return every setting: section, key, its schema."""
    sections = as_table(schema()["properties"])
    return [
        (section, key, as_table(value))
        for section, content in sections.items()
        for key, value in as_table(as_table(content)["properties"]).items()
    ]


def test_file_and_page_are_what_the_table_says() -> None:
    # To renew both: make docs
    assert SCHEMA.read_text() == schema_text()
    assert PAGE.read_text() == page_text(PAGE.read_text())


def test_page_without_a_table_is_noticed() -> None:
    with pytest.raises(KeyError, match="requests"):
        page_text(PAGE.read_text().replace("<!-- requests: written by `make docs` -->", ""))


def test_every_setting_has_a_meaning_and_a_default() -> None:
    assert len(settings()) == sum(len(keys) for keys in KEYS.values())
    for section, key, value in settings():
        words = str(value["description"])
        assert words.endswith(("?", ".")), (section, key)
        assert ("default" in value) != (" Default: " in words), (section, key)


@pytest.mark.parametrize(("section", "key", "value"), [one for one in settings() if "default" in one[2]])
def test_default_that_is_shown_is_the_one_that_counts(
    section: str, key: str, value: dict[str, object]
) -> None:
    jsonschema.validate(value["default"], value)
    text = f"[{section}]\n{key} = {json.dumps(value['default'])}\n"  # TOML writes these values alike
    field, _ = KEYS[section][key]
    assert getattr(parse_settings(text.encode(), "x"), field) == getattr(Settings(), field)


@pytest.mark.parametrize(
    "text",
    [
        '[trial]\nservices = ["postgres"]\nenvironment = {A = "b"}',
        '[trial]\nrequests = ["GET /a -> 401", {path = "/b", status = 201, headers = {A = "b"}, body = [1]}]',
        '[trial.service.redis]\nrun = ["/usr/bin/redis-server", "{data}"]\nport = 6379',
        '[health]\nstart_period = "10s"\nretries = 3\nflag = false',
        '[gates]\nimage_size = "48MiB"',
        '[image]\nports = ["8080"]',
        '[base]\nimage = "scratch"',
    ],
)
def test_good_settings_are_valid(text: str) -> None:
    parse_settings(text.encode(), "x")
    jsonschema.validate(tomllib.loads(text), schema())


@pytest.mark.parametrize(
    "text",
    [
        "[trail]\nx = 1",
        "[trial]\nservice = []",
        '[trial]\nservices = ["mongodb"]',
        '[trial]\nrequests = [{method = "GET"}]',
        '[trial]\nrequests = [{path = "/", verb = "GET"}]',
        '[trial]\nrequests = [{path = "/", status = 42}]',
        '[trial]\nrequests = [{path = "/", method = "FETCH"}]',
        '[trial.service.redis]\nrun = ["/usr/bin/redis-server"]',
        "[trial.service.redis]\nrun = []\nport = 6379",
        '[trial.service.Redis]\nrun = ["/usr/bin/redis-server"]\nport = 6379',
        '[base]\nimage = "alpine"',
        "[health]\nretries = 0",
        '[gates]\nimage_size = "big"',
        '[image]\nports = ["http"]',
    ],
)
def test_bad_settings_are_refused_by_both(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_settings(text.encode(), "x")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), schema())
