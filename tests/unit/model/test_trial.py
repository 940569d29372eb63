"""Requests as they are written in seatrial.toml."""

from __future__ import annotations

import pytest

from seatrial.errors import ConfigError
from seatrial.model.trial import DEFAULT_REQUESTS, TrialRequest, parse_request, parse_requests


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("GET /orders", TrialRequest(method="GET", path="/orders")),
        ("/orders?page=2", TrialRequest(method="GET", path="/orders?page=2")),
        ("delete /orders/1", TrialRequest(method="DELETE", path="/orders/1")),
        ('POST /orders {"a": 1}', TrialRequest(method="POST", path="/orders", body='{"a": 1}')),
        ("  PUT   /x   [1, 2] ", TrialRequest(method="PUT", path="/x", body="[1, 2]")),
    ],
)
def test_request_is_read(text: str, request_: TrialRequest) -> None:
    assert parse_request(text) == request_


@pytest.mark.parametrize("text", ["", "GET", "GET orders", "FETCH /x", "POST /x {a: 1}", "GET http://x/y"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_request(text)


def test_no_requests_means_the_default() -> None:
    assert parse_requests(()) == DEFAULT_REQUESTS
    assert parse_requests(("/a", "/b")) == (TrialRequest(path="/a"), TrialRequest(path="/b"))
