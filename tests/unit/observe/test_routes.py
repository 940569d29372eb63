"""What the service points at, and nothing that might do something when it is asked."""

from __future__ import annotations

import pytest

from facts import EXCHANGE, span
from seatrial.model.facts import Span
from seatrial.observe.drive import Answer
from seatrial.observe.routes import find_routes


def found(answer: Answer, *spans: Span, asked: str = "/", log: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    routes = find_routes(answer, spans, log, asked)
    assert all(request.method == "GET" for request, _ in routes)
    return [(request.path, how) for request, how in routes]


def page(*links: str, content_type: str = "text/html; charset=utf-8") -> Answer:
    body = "".join(f'<a href="{link}">x</a>' for link in links).encode()
    return Answer(exchange=EXCHANGE, body=body, content_type=content_type)


def test_links_of_the_same_host_are_followed() -> None:
    answer = page("/orders", "about?x=1#top", "http://localhost/full", "//localhost/short")
    assert found(answer) == [
        ("/orders", "link"),
        ("/about?x=1", "link"),
        ("/full", "link"),
        ("/short", "link"),
    ]


def test_relative_links_begin_where_they_stand() -> None:
    assert found(page("next"), asked="/a/b") == [("/a/next", "link")]


@pytest.mark.parametrize(
    "link",
    [
        *("https://example.com/", "mailto:a@b", "javascript:alert(1)", "//example.com/x", "/", "#top"),
        *("/logout", "/sign-out", "/orders/1/delete", "/unsubscribe?u=1", "/admin/shutdown", "/users/new"),
        *("/q?action=remove", "/LOGOUT", "/send-mail", "http://[::1/", "/with space\x00"),
    ],
)
def test_other_hosts_and_deeds_are_left_alone(link: str) -> None:
    assert found(page(link)) == []


def test_only_pages_have_links() -> None:
    assert found(page("/orders", content_type="application/json")) == []


def test_redirect_is_followed() -> None:
    assert found(Answer(exchange=EXCHANGE, location="/home")) == [("/home", "redirect")]
    assert found(Answer(exchange=EXCHANGE, location="https://id.example.com/login")) == []


def test_paths_of_its_own_spans_are_asked() -> None:
    get = {"http_request_method": "GET", "url_path": "/healthz"}
    spans = [span(), span("server", url_path="/x"), span("client", **get)]
    assert found(Answer(exchange=EXCHANGE), *spans) == []
    assert found(Answer(exchange=EXCHANGE), span("server", **get)) == [("/healthz", "span")]


def test_a_few_are_enough_and_none_is_asked_twice() -> None:
    answer = page("/a", "/a", "/b", "/c", "/d", "/e")
    assert [path for path, _ in found(answer)] == ["/a", "/b", "/c", "/d"]


def test_routes_that_it_printed_are_asked() -> None:
    """Of gin, fiber and a JSON log; a route with a parameter, another method and another host are not."""
    log = (
        "[GIN-debug] GET    /api/tags/                --> example.com/svc.Tags (3 handlers)",
        "[GIN-debug] GET    /api/tags/:name           --> example.com/svc.Tag (3 handlers)",
        "[GIN-debug] GET    /static/*filepath         --> example.com/svc.Static (3 handlers)",
        "[GIN-debug] POST   /api/orders               --> example.com/svc.Order (3 handlers)",
        "| GET | /status | main.main | 1 |",
        '{"level":"info","method":"GET","path":"/orders","msg":"route"}',
        '{"level":"info","method":"GET","path":"/orders/{id}","msg":"route"}',
        "GET /admin/delete-all",
        "GET https://id.example.com/keys",
        "FORGET /it, and GET /",
    )
    assert found(Answer(exchange=EXCHANGE), log=log) == [
        ("/api/tags/", "log"),
        ("/status", "log"),
        ("/orders", "log"),
    ]
