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
        ("GET /admin -> 401", TrialRequest(path="/admin", status=401)),
        ("/x->y -> 204", TrialRequest(path="/x->y", status=204)),
        ('POST /x {"a": "b -> 200"}', TrialRequest(method="POST", path="/x", body='{"a": "b -> 200"}')),
        ('POST /x {"a": 1} -> 201', TrialRequest(method="POST", path="/x", body='{"a": 1}', status=201)),
        ("  PUT   /x   [1, 2] ", TrialRequest(method="PUT", path="/x", body="[1, 2]")),
    ],
)
def test_request_is_read(text: str, request_: TrialRequest) -> None:
    assert parse_request(text) == request_


@pytest.mark.parametrize(
    "text", ["", "GET", "GET orders", "FETCH /x", "POST /x {a: 1}", "GET http://x/y", "GET /x -> 999"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_request(text)


def test_no_requests_means_the_default() -> None:
    assert parse_requests(()) == DEFAULT_REQUESTS
    made = TrialRequest(path="/c", headers=(("A", "b"),))
    assert parse_requests(("/a", made)) == (TrialRequest(path="/a"), made)
    assert parse_requests(("/a", "/b")) == (TrialRequest(path="/a"), TrialRequest(path="/b"))
