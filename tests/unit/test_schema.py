"""The schema for editors says what the parser takes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

import seatrial
from seatrial.config import parse_settings
from seatrial.errors import ConfigError
from seatrial.schema import schema

FILE = Path(seatrial.__file__).with_name("seatrial.schema.json")


def test_file_is_what_the_table_says() -> None:
    # To renew it: print(json.dumps(schema(), indent=2))
    assert json.loads(FILE.read_text()) == schema()


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
