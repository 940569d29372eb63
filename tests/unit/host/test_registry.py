"""Registries as they come: without a digest header, without HEAD, with pages, redirects and passwords."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from lock_ground import docker_login, reply, serving
from seatrial.errors import ConfigError, NetworkError, UntrustedInput
from seatrial.host.exchange import Caller
from seatrial.host.registry import Registry
from seatrial.host.registry_access import credentials, parse_repository

CONFIG = json.dumps(
    {"created": "2026-11-01T10:00:00Z", "config": {"Env": ["GOLANG_VERSION=1.26.9", "odd"]}}
).encode()


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "config": {"mediaType": "application/json", "digest": digest(CONFIG), "size": len(CONFIG)},
        "layers": [],
    }
).encode()


def index(architecture: str) -> bytes:
    entry = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest(MANIFEST),
        "size": len(MANIFEST),
        "platform": {"os": "linux", "architecture": architecture},
    }
    return json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()


def asked(address: str, env: dict[str, str] | None = None) -> Registry:
    caller = Caller(timeout_s=3, sleep=lambda _: None)
    return Registry(repository=parse_repository(f"{address}/library/golang"), env=env or {}, caller=caller)


def blobs(*contents: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer by digest, and the first for every tag, with no header that says one."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        name = request.path.rpartition("/")[2]
        by_digest = {digest(content): content for content in contents}
        if name == "gone":
            return reply(request, 404)
        return reply(request, 200, by_digest.get(name, contents[0]))

    return answer


def test_digest_is_that_of_the_body_where_no_header_says_it() -> None:
    content = index("amd64")
    with serving(blobs(content)) as address:
        assert asked(address).digest("1.26") == digest(content)
        assert asked(address).digest("gone") is None


def test_registry_without_head_is_asked_with_get() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        if request.command == "HEAD":
            return reply(request, 405)
        return reply(request, 200, MANIFEST)

    with serving(answer) as address:
        assert asked(address).digest("1.26") == digest(MANIFEST)


def test_configuration_of_an_index_and_of_a_single_image() -> None:
    expected = {"GOLANG_VERSION": "1.26.9"}
    for content in (index("amd64"), MANIFEST):
        with serving(blobs(content, MANIFEST, CONFIG)) as address:
            found = asked(address).configuration(digest(content), "amd64")
            assert found is not None
            assert (found.variables, found.created) == (expected, "2026-11-01T10:00:00Z")
    other = index("s390x")
    with serving(blobs(other, MANIFEST, CONFIG)) as address:
        assert asked(address).configuration(digest(other), "amd64") is None


def test_other_bytes_than_promised_are_refused() -> None:
    with serving(blobs(index("amd64"))) as address, pytest.raises(UntrustedInput, match="was promised"):
        asked(address).configuration(digest(b"other"), "amd64")


def test_tags_of_all_pages() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        if "last=b" in request.path:
            return reply(request, 200, b'{"tags": ["c"]}')
        link = {"Link": '</v2/library/golang/tags/list?last=b&n=2>; rel="next"'}
        return reply(request, 200, b'{"tags": ["a", "b"]}', headers=link)

    with serving(answer) as address:
        assert asked(address).tags() == ("a", "b", "c")
    with serving(lambda request: reply(request, 404)) as address:
        assert asked(address).tags() is None


def test_password_goes_to_its_registry_and_not_where_a_redirect_leads(tmp_path: Path) -> None:
    seen: dict[str, list[str]] = {"registry": [], "elsewhere": []}

    def elsewhere(request: BaseHTTPRequestHandler) -> None:
        seen["elsewhere"].append(request.headers.get("Authorization", ""))
        reply(request, 200, MANIFEST)

    with serving(elsewhere) as other:

        def answer(request: BaseHTTPRequestHandler) -> None:
            sent = request.headers.get("Authorization", "")
            seen["registry"].append(sent)
            if not sent:
                return reply(request, 401, headers={"WWW-Authenticate": 'Basic realm="r"'})
            return reply(request, 307, headers={"Location": f"http://{other}/x"})

        with serving(answer) as address:
            docker_login(tmp_path, address)
            found = asked(address, {"DOCKER_CONFIG": str(tmp_path)}).digest("1.26")
    assert found == digest(MANIFEST)
    assert any(word.startswith("Basic ") for word in seen["registry"])
    assert seen["elsewhere"]
    assert not any(seen["elsewhere"])


def test_registry_that_wants_a_password_names_docker_login() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        reply(request, 401, headers={"WWW-Authenticate": 'Basic realm="r"'})

    with serving(answer) as address, pytest.raises(NetworkError) as caught:
        asked(address).digest("1.26")
    assert caught.value.hint == f"docker login {address}"


def test_failure_that_passes_is_tried_again_and_a_lasting_one_told() -> None:
    calls: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        calls.append(request.path)
        if len(calls) < 3:
            return reply(request, 503)
        return reply(request, 200, b"", headers={"Docker-Content-Digest": digest(b"x")})

    with serving(answer) as address:
        assert asked(address).digest("1.26") == digest(b"x")
    assert len(calls) == 3
    with (
        serving(lambda request: reply(request, 500)) as address,
        pytest.raises(NetworkError, match="HTTP 500"),
    ):
        asked(address).digest("1.26")


def test_credentials_are_read_as_docker_writes_them(tmp_path: Path) -> None:
    secret = base64.b64encode(b"me:pass:word").decode()
    auths = {
        "https://index.docker.io/v1/": {"auth": secret},
        "https://ghcr.io": {"auth": secret},
        "quay.io": {},
    }
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    env = {"DOCKER_CONFIG": str(tmp_path)}
    assert credentials("docker.io", env) == "me:pass:word"
    assert credentials("ghcr.io", env) == "me:pass:word"
    assert not credentials("quay.io", env)
    assert not credentials("gcr.io", env)
    assert not credentials("gcr.io", {})
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot be read"):
        credentials("gcr.io", env)
