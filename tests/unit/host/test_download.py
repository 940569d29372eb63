"""Downloads over loopback: verified while read, tried again when it may help, nothing half-written."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from seatrial.errors import NetworkError, OutputError, UntrustedInput
from seatrial.host.download import Fetcher, NotFoundError, shown_url

BODY = os.urandom(200_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
Reply = Callable[[BaseHTTPRequestHandler], None]


def whole(handler: BaseHTTPRequestHandler, body: bytes = BODY) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(BODY)))
    handler.end_headers()
    handler.wfile.write(BODY[:1000])


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(BODY)


def silent(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def status(code: int, location: str = "") -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        if location:
            handler.send_header("Location", location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return reply


@dataclass
class Server:
    """A web server that gives its replies in turn, the last one for ever."""

    replies: list[Reply] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append({"path": self.path, **dict(self.headers.items())})
            reply = state.replies.pop(0) if len(state.replies) > 1 else state.replies[0]
            try:
                reply(self)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_address[1]}"
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def fetcher(pauses: list[float]) -> Fetcher:
    return Fetcher(timeout_s=5, sleep=pauses.append)


def save(fetcher: Fetcher, url: str, target: Path) -> None:
    fetcher.save(url, target, size_bytes=len(BODY), sha256=SHA256)


def test_whole_file_is_saved(server: Server, fetcher: Fetcher, tmp_path: Path) -> None:
    server.replies = [whole]
    save(fetcher, f"{server.url}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert os.listdir(tmp_path) == ["f"]
    assert server.requests[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("passing", [status(503), status(429), cut, silent])
def test_passing_failures_are_tried_again(
    server: Server, fetcher: Fetcher, pauses: list[float], tmp_path: Path, passing: Reply
) -> None:
    server.replies = [passing, passing, whole]
    save(fetcher, f"{server.url}/f", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    assert pauses == [0.5, 2.0]


@pytest.mark.parametrize("passing", [status(500), cut, silent])
def test_in_the_end_it_is_a_network_error(
    server: Server, fetcher: Fetcher, tmp_path: Path, passing: Reply
) -> None:
    server.replies = [passing]
    with pytest.raises(NetworkError, match="/f: "):
        save(fetcher, f"{server.url}/f", tmp_path / "f")
    assert len(server.requests) == 3
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("code", "kind"), [(404, NotFoundError), (410, NotFoundError), (403, NetworkError)])
def test_refusals_are_not_tried_again(
    server: Server, fetcher: Fetcher, tmp_path: Path, code: int, kind: type[Exception]
) -> None:
    server.replies = [status(code)]
    with pytest.raises(kind, match=f"HTTP {code}"):
        save(fetcher, f"{server.url}/f", tmp_path / "f")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [(BODY[:-1] + b"?", "was promised"), (BODY[:-1], "were promised"), (BODY + b"?", "more than the 200000")],
)
def test_other_bytes_are_untrusted_and_not_kept(
    server: Server, fetcher: Fetcher, tmp_path: Path, body: bytes, message: str
) -> None:
    server.replies = [lambda handler: whole(handler, body)]
    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(UntrustedInput, match=message) as caught:
        save(fetcher, f"{server.url}/f", tmp_path / "f")
    assert caught.value.where == f"{server.url}/f"
    assert len(server.requests) == 1
    assert os.listdir(tmp_path) == ["f"]
    assert (tmp_path / "f").read_bytes() == b"old"


def test_endless_answer_stops_at_the_promised_size(server: Server, fetcher: Fetcher, tmp_path: Path) -> None:
    server.replies = [endless]
    with pytest.raises(UntrustedInput, match="more than the"):
        save(fetcher, f"{server.url}/f", tmp_path / "f")
    with pytest.raises(UntrustedInput, match="more than the 10 bytes"):
        fetcher.read(f"{server.url}/f", limit_bytes=10)


def test_slow_answer_ends_in_time(server: Server, tmp_path: Path) -> None:
    server.replies = [whole]
    with pytest.raises(NetworkError, match="not complete after 0 s"):
        save(Fetcher(total_s=0), f"{server.url}/f", tmp_path / "f")


def test_redirects_are_followed_on_the_web_only(server: Server, fetcher: Fetcher, tmp_path: Path) -> None:
    server.replies = [status(302, f"{server.url}/g"), whole]
    assert fetcher.read(f"{server.url}/f", limit_bytes=len(BODY)) == BODY
    assert server.requests[-1]["path"] == "/g"
    (tmp_path / "secret").write_bytes(b"secret")
    for place in (f"file://{tmp_path}/secret", "ftp://127.0.0.1/x"):
        server.replies = [status(302, place)]
        with pytest.raises(NetworkError):
            fetcher.read(f"{server.url}/f", limit_bytes=100)


def test_user_and_password_are_sent_and_never_shown(server: Server, fetcher: Fetcher) -> None:
    url = server.url.replace("//", "//user:pass%20word@") + "/f"
    server.replies = [status(404)]
    with pytest.raises(NotFoundError) as caught:
        fetcher.read(url, limit_bytes=10)
    assert server.requests[0]["Authorization"] == "Basic dXNlcjpwYXNzIHdvcmQ="
    assert "pass" not in str(caught.value)
    assert shown_url(url) == f"{server.url}/f"


def test_proxy_from_the_environment_is_used(
    server: Server, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url)
    server.replies = [whole]
    assert fetcher.read("http://archive.invalid/f", limit_bytes=len(BODY)) == BODY
    assert server.requests[0]["path"] == "http://archive.invalid/f"


def test_local_file(fetcher: Fetcher, tmp_path: Path) -> None:
    source = tmp_path / "a b"
    source.write_bytes(BODY)
    save(fetcher, f"file://{tmp_path}/a%20b", tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY
    with pytest.raises(NotFoundError):
        fetcher.read(f"file://{tmp_path}/none", limit_bytes=10)
    with pytest.raises(NetworkError):
        fetcher.read(f"file://{tmp_path}", limit_bytes=10)
    with pytest.raises(NetworkError, match="with a host"):
        fetcher.read(f"file://host{tmp_path}/none", limit_bytes=10)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/f", "http://", "gopher://a/b", "no url", "http://a b/c"])
def test_no_answer_is_a_network_error_at_once(fetcher: Fetcher, pauses: list[float], url: str) -> None:
    with pytest.raises(NetworkError):
        fetcher.read(url, limit_bytes=10)
    assert pauses == []


def test_no_room_is_an_output_error(fetcher: Fetcher, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(BODY)
    with pytest.raises(OutputError):
        save(fetcher, f"file://{tmp_path}/source", tmp_path / "none" / "f")
