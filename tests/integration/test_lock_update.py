"""``seatrial lock --update`` as a user runs it: against real sources, and where one of them fails."""

from __future__ import annotations

import gzip
import json
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from builds import MAIN, PLAIN, Run, Seatrial, commit_all, git, own_cache, write_service
from ci_tools import checked
from lock_ground import (
    GitHub,
    GoProxy,
    RealRegistry,
    docker_login,
    free_port,
    make_certificate,
    reply,
    serving,
)

pytestmark = pytest.mark.go

# What is pinned here is found on the tests' own servers; the base's packages are another test's.
HERE = "go,images,actions,tools"
OLD = "1" * 40
DIGEST = "sha256:" + "a" * 64
LOCK: dict[str, object] = {
    "version": 1,
    "go": "go1.26.8",
    "orchestrion": "v1.15.0",
    "bases": {},
    "images": {
        "golang": f"golang:1.26-bookworm@{DIGEST}",
        "static": f"gcr.io/distroless/static-debian12:nonroot@{DIGEST}",
    },
    "actions": {"actions/checkout": f"{OLD} v7.0.1", "github/codeql-action/upload-sarif": f"{OLD} v4.0.0"},
    "tools": {
        "golangci-lint": "v2.15.0",
        "govulncheck": "v1.9.0",
        "syft": "v1.57.0",
        "trivy": "v0.74.0",
        "trivy-linux-amd64-sha256": "a" * 64,
        "docker-cli": f"docker:29.7.2-cli@{DIGEST}",
        "docker-dind": f"docker:29.7.2-dind@{DIGEST}",
    },
}
TOML = '[instrument]\nversion = "v0.18.0"\n'
ORCHESTRION = "github.com/DataDog/orchestrion"
TRIVY_FILE = "/aquasecurity/trivy/releases/download/v0.75.0/trivy_0.75.0_checksums.txt"


def pinned_service(
    root: Path, lock: Mapping[str, object] = LOCK, files: Mapping[str, str] | None = None
) -> Path:
    found = write_service(root / "svc", {"main.go": MAIN, **(files or {})})
    (found / "seatrial.lock").write_text(json.dumps(lock))
    return found


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A service whose lock pins everything, as one with kept files does."""
    return pinned_service(tmp_path)


@pytest.fixture
def world(registry: RealRegistry, github: GitHub, go_proxy: GoProxy) -> dict[str, str]:
    """Every source with something newer; the environment that leads there."""
    fill_registry(registry)
    github.release("actions/checkout", "v7.0.2")
    github.release("actions/checkout", "v8.0.0", is_annotated=True)
    github.release("github/codeql-action", "v4.1.0")
    github.release("github/codeql-action", "codeql-bundle-v2.99.0")
    github.files[TRIVY_FILE] = b"b" * 64 + b"  trivy_0.75.0_Linux-64bit.tar.gz\n"
    go_proxy.go("1.25.14", "1.26.8", "1.26.9", "1.26.11", "1.27.4", "1.28rc1")
    go_proxy.module(
        ORCHESTRION, {"v1.14.0": "1.26.0", "v1.15.0": "1.26.0", "v1.16.0": "1.26.9", "v1.17.0": "1.27.0"}
    )
    go_proxy.module("github.com/golangci/golangci-lint/v2", {"v2.15.0": "1.26.0", "v2.16.0": "1.27.0"})
    go_proxy.module("golang.org/x/vuln", {"v1.9.0": "1.26.0", "v1.10.0": "1.26.0"})
    go_proxy.module("github.com/anchore/syft", {"v1.57.0": "1.26.0", "v1.58.0-rc.1": "1.26.0"})
    go_proxy.module("github.com/aquasecurity/trivy", {"v0.74.0": "1.26.0", "v0.75.0": "1.26.0"})
    return {**ways(registry.address), "SEATRIAL_GITHUB": github.url, **go_proxy.env}


def ways(address: str) -> dict[str, str]:
    return {"SEATRIAL_REGISTRY_MIRRORS": f"docker.io=http://{address} gcr.io=http://{address}"}


def fill_registry(registry: RealRegistry) -> dict[str, str]:
    """Push what the images' pins come to: tag -> digest."""
    return {
        "golang": registry.push("library/golang", "1.26-bookworm", ("GOLANG_VERSION=1.26.9",)),
        "static": registry.push("distroless/static-debian13", "nonroot"),
        "cli": registry.push("library/docker", "29.8.0-cli"),
        "dind": registry.push("library/docker", "29.8.0-dind"),
        "newer": registry.push("library/docker", "30.0.0-cli"),
    }


def update(seatrial: Seatrial, service: Path, *words: str, **env: str) -> Run:
    return seatrial("lock", str(service), "--update", *words, **env)


def pins(done: Run) -> dict[str, dict[str, str]]:
    found = done.json["pins"]
    assert isinstance(found, list)
    return {pin["name"]: pin for pin in found}


def test_all_pins_move_together_and_each_says_why(
    service: Path, world: dict[str, str], github: GitHub, seatrial: Seatrial
) -> None:
    before = (service / "seatrial.lock").read_bytes()
    dry = update(seatrial, service, "--only", HERE, "--dry-run", **world)
    assert dry.code == 0, dry.stderr
    assert (service / "seatrial.lock").read_bytes() == before
    assert "moves    go  go1.26.8 -> go1.26.9" in dry.stdout
    assert "nothing written: --dry-run" in dry.stdout
    done = update(seatrial, service, "--only", HERE, "--json", **world)
    assert done.code == 0, done.stderr
    found = pins(done)
    assert found["go"]["to"] == "go1.26.9"
    assert "golang:1.26-bookworm still holds go1.26.9, and go1.26.11 is out" in found["go"]["held_by"]
    assert found["orchestrion"]["to"] == "v1.16.0"
    assert found["orchestrion"]["held_by"] == "v1.17.0 needs Go 1.27.0, and go1.26.9 is pinned"
    assert found["images.golang"]["why"] == "holds go1.26.9, its own GOLANG_VERSION says so"
    assert found["images.static"]["to"].startswith("gcr.io/distroless/static-debian13:nonroot@sha256:")
    assert "Debian 12's support ended" in found["images.static"]["why"]
    peeled = git(github.root / "actions/checkout", "rev-parse", "v8.0.0^{}").strip()
    assert found["actions.actions/checkout"]["to"] == f"{peeled} v8.0.0"
    assert "v7 to v8" in found["actions.actions/checkout"]["why"]
    assert found["actions.github/codeql-action/upload-sarif"]["to"].endswith(" v4.1.0")
    assert "needs Go 1.27.0" in found["tools.golangci-lint"]["held_by"]
    assert (found["tools.govulncheck"]["to"], found["tools.syft"]["to"]) == ("v1.10.0", "v1.57.0")
    assert found["tools.trivy-linux-amd64-sha256"]["to"] == "b" * 64
    assert found["tools.docker-cli"]["to"].startswith("docker:29.8.0-cli@sha256:")
    written = json.loads((service / "seatrial.lock").read_bytes())
    assert written == done.json["lock"]
    assert written["tools"]["trivy"] == "v0.75.0"
    again = update(seatrial, service, "--only", HERE, **world)
    assert "nothing newer fits" in again.stdout
    assert json.loads((service / "seatrial.lock").read_bytes()) == written


def test_what_came_out_a_moment_ago_waits(
    service: Path, world: dict[str, str], registry: RealRegistry, go_proxy: GoProxy, seatrial: Seatrial
) -> None:
    """By the times that the proxy and the images themselves have; what waits is told, with its age."""
    two_days_ago = (datetime.now(UTC) - timedelta(hours=50)).strftime("%Y-%m-%dT%H:%M:%SZ")
    young = ("1.26.9", "v1.10.0", "v1.16.0", "v0.75.0")
    go_proxy.times.update(dict.fromkeys(young, two_days_ago))
    go_proxy.go("1.25.14", "1.26.8", "1.26.9", "1.27.4")
    go_proxy.module(ORCHESTRION, {"v1.15.0": "1.26.0", "v1.15.1": "1.26.0", "v1.16.0": "1.26.0"})
    go_proxy.module("golang.org/x/vuln", {"v1.9.0": "1.26.0", "v1.10.0": "1.26.0"})
    go_proxy.module("github.com/aquasecurity/trivy", {"v0.74.0": "1.26.0", "v0.75.0": "1.26.0"})
    registry.push("distroless/static-debian13", "nonroot", created=two_days_ago)
    registry.push("library/docker", "29.8.0-dind", created=two_days_ago)
    registry.push("library/docker", "29.7.2-cli")
    registry.push("library/docker", "29.7.2-dind", created="1970-01-01T00:00:00Z")
    done = update(seatrial, service, "--only", HERE, "--json", **world)
    assert done.code == 0, done.stderr
    found = pins(done)
    words = "go1.26.9 is 2 days old (--min-release-age 3)"
    assert found["go"]["to"] == "go1.26.8"
    assert words in found["go"]["held_by"]
    assert words in found["images.golang"]["held_by"]
    assert found["orchestrion"]["to"] == "v1.15.1"
    assert found["orchestrion"]["held_by"] == "v1.16.0 is 2 days old (--min-release-age 3)"
    assert "static-debian13:nonroot is 2 days old" in found["images.static"]["held_by"]
    assert found["tools.govulncheck"]["to"] == "v1.9.0"
    assert (found["tools.trivy"]["to"], found["tools.trivy-linux-amd64-sha256"]["to"]) == (
        "v0.74.0",
        "a" * 64,
    )
    assert "docker:29.8.0-dind is 2 days old" in found["tools.docker-dind"]["held_by"]
    assert found["tools.docker-cli"]["to"].startswith("docker:29.7.2-cli@sha256:")
    assert found["tools.docker-dind"]["why"].endswith("how long it has been out is not known")
    assert found["actions.actions/checkout"]["to"].endswith(" v8.0.0")
    notes = done.json["notes"]
    assert isinstance(notes, list)
    assert any("--min-release-age is not for actions" in note for note in notes)
    shorter = pins(update(seatrial, service, "--only", HERE, "--min-release-age", "2", "--json", **world))
    assert shorter["go"]["to"] == "go1.26.9"
    (service / "seatrial.lock").write_text(json.dumps(LOCK))
    at_once = update(seatrial, service, "--only", HERE, "--min-release-age", "0", **world)
    assert at_once.code == 0, at_once.stderr
    written = json.loads((service / "seatrial.lock").read_bytes())
    assert (written["go"], written["orchestrion"]) == ("go1.26.9", "v1.16.0")
    assert written["tools"]["trivy"] == "v0.75.0"
    assert written["tools"]["docker-dind"].startswith("docker:29.8.0-dind@")
    assert "hours old" not in at_once.stdout
    for value in ("-1", "400"):
        refused = update(seatrial, service, "--min-release-age", value)
        assert (refused.code, "from 0 to 365" in refused.stderr) == (2, True)


def test_registry_that_wants_a_token_gets_the_password_of_docker_login(
    service: Path, token_registry: RealRegistry, tmp_path: Path, seatrial: Seatrial
) -> None:
    digests = fill_registry(token_registry)
    env = ways(token_registry.address)
    home = tmp_path / "docker"
    refused = update(seatrial, service, "--only", "images", "--json", DOCKER_CONFIG=str(home), **env)
    assert refused.code == 5
    assert "docker login" in refused.stderr
    assert token_registry.refused == [""] * len(token_registry.refused)
    docker_login(home, token_registry.address)
    token_registry.push("library/golang", "1.26-bookworm", ("GOLANG_VERSION=1.26.8",))
    done = update(seatrial, service, "--only", "images", "--json", DOCKER_CONFIG=str(home), **env)
    assert done.code == 0, done.stderr
    assert pins(done)["images.static"]["to"].endswith(digests["static"])
    assert {"library/golang", "distroless/static-debian13", "library/docker"} == set(token_registry.tokens)


def test_credential_helper_is_asked(
    service: Path, token_registry: RealRegistry, tmp_path: Path, seatrial: Seatrial
) -> None:
    fill_registry(token_registry)
    token_registry.push("library/golang", "1.26-bookworm", ("GOLANG_VERSION=1.26.8",))
    home, helper = tmp_path / "docker", tmp_path / "bin/docker-credential-test"
    home.mkdir()
    (home / "config.json").write_text('{"credsStore": "test"}')
    helper.parent.mkdir()
    helper.write_text(
        f'#!/bin/sh\nread key; [ "$key" = {token_registry.address} ] || exit 1\n'
        'echo \'{"Username": "tester", "Secret": "s3cret"}\'\n'
    )
    helper.chmod(0o755)
    path = f"{helper.parent}:{seatrial.environment()['PATH']}"
    env = {"DOCKER_CONFIG": str(home), "PATH": path, **ways(token_registry.address)}
    done = update(seatrial, service, "--only", "images", **env)
    assert done.code == 0, done.stderr


def unchanged(service: Path, done: Run, *words: str) -> None:
    """Hold that a failure names all words, has the network's exit code, and wrote nothing."""
    assert done.code == 5, (done.code, done.stdout, done.stderr)
    for word in words:
        assert word in done.stderr, (word, done.stderr)
    assert "Traceback" not in done.stderr
    assert json.loads((service / "seatrial.lock").read_bytes()) == LOCK
    assert {path.name for path in service.iterdir()} == {"go.mod", "main.go", "seatrial.lock"}


def test_dead_registry_is_named_with_its_pins_and_only_lets_the_rest_go_on(
    service: Path, world: dict[str, str], registry: RealRegistry, seatrial: Seatrial
) -> None:
    registry.stop()
    done = update(seatrial, service, "--only", HERE, **world)
    unchanged(
        service,
        done,
        "gcr.io (images.static)",
        "docker.io (tools.docker-cli, tools.docker-dind)",
        "Connection refused",
        "--only go,actions,tools",
    )
    rest = update(seatrial, service, "--only", "go,actions,tools", "--json", **world)
    assert rest.code == 0, rest.stderr
    assert pins(rest)["tools.govulncheck"]["to"] == "v1.10.0"
    assert "--only leaves images out" in pins(rest)["go"]["held_by"]


def test_registry_killed_in_the_middle_leaves_the_lock(
    service: Path, world: dict[str, str], registry: RealRegistry, seatrial: Seatrial
) -> None:
    """It answers for tags, and is gone when the builder image is looked into."""

    def through(request: BaseHTTPRequestHandler) -> None:
        if "/library/golang/" in request.path:
            registry.stop()
            request.close_connection = True
            return None
        import urllib.request

        asked = urllib.request.Request(f"http://{registry.address}{request.path}", method=request.command)
        asked.add_header("Accept", request.headers.get("Accept", "*/*"))
        with urllib.request.urlopen(asked, timeout=10) as answer:
            headers = {
                name: answer.headers[name] for name in ("Docker-Content-Digest",) if name in answer.headers
            }
            return reply(request, answer.status, answer.read(), headers=headers)

    with serving(through) as address:
        done = update(seatrial, service, "--only", HERE, **{**world, **ways(address)})
    assert registry.process is None
    unchanged(service, done, "docker.io (go, images.golang)")


def test_unreachable_module_proxy_is_named(service: Path, world: dict[str, str], seatrial: Seatrial) -> None:
    port = free_port()
    done = update(seatrial, service, "--only", HERE, **{**world, "GOPROXY": f"http://127.0.0.1:{port}"})
    unchanged(
        service, done, f"127.0.0.1:{port} (go, ", "orchestrion", "connection refused", "--only images,actions"
    )
    off = update(seatrial, service, "--only", "tools", **{**world, "GOPROXY": "off"})
    unchanged(service, off, "GOPROXY=off")


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("404", "not found"),
        ("500", "500"),
        ("half", "actions.actions/checkout"),
        ("slow", "no end after 2 s"),
    ],
)
def test_git_host_in_trouble_is_named(
    service: Path, world: dict[str, str], github: GitHub, trouble: str, words: str
) -> None:
    seatrial = Seatrial()
    github.broken["actions/checkout"] = trouble
    began = time.monotonic()
    done = update(seatrial, service, "--only", "actions,tools", "--timeout", "2", **world)
    assert time.monotonic() - began < 15
    unchanged(service, done, github.url.removeprefix("http://"), "actions.actions/checkout", words)


def test_repository_that_is_not_there_is_named_in_gits_words(
    service: Path, tmp_path: Path, seatrial: Seatrial
) -> None:
    done = update(seatrial, service, "--only", "actions", SEATRIAL_GITHUB=f"file://{tmp_path}/none")
    unchanged(service, done, "actions.actions/checkout", "does not appear to be a git repository")


def test_trivy_stays_where_its_sums_cannot_be_had(
    service: Path, world: dict[str, str], github: GitHub, seatrial: Seatrial
) -> None:
    github.broken["trivy"] = "503"
    done = update(seatrial, service, "--only", "tools", "--json", **world)
    assert done.code == 0, done.stderr
    assert pins(done)["tools.trivy"]["to"] == "v0.74.0"
    assert "v0.75.0's checksums" in pins(done)["tools.trivy"]["held_by"]
    assert "503" in pins(done)["tools.trivy"]["held_by"]
    assert pins(done)["tools.govulncheck"]["to"] == "v1.10.0"


def busy(request: BaseHTTPRequestHandler) -> None:
    reply(request, 429, b"{}", headers={"Retry-After": "3600"})


def silent(_: BaseHTTPRequestHandler) -> None:
    time.sleep(8)


def half(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", "5000")
    request.end_headers()
    request.wfile.write(b'{"schemaVersion": 2, "tags": [')
    request.close_connection = True


def page(request: BaseHTTPRequestHandler) -> None:
    reply(request, 200, b"<html>please sign in</html>", headers={"Docker-Content-Digest": "sha256:nonsense"})


def forbidden(request: BaseHTTPRequestHandler) -> None:
    reply(request, 401, b"", headers={"WWW-Authenticate": 'Bearer realm="http://127.0.0.1:1/t"'})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (busy, "HTTP 429 (too many requests), and asks to wait 3600 s"),
        (silent, "timed out"),
        (half, "cut after 30 of 5000 bytes"),
        (page, "is no sha256 digest"),
        (forbidden, "127.0.0.1:1"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_registry_that_answers_badly_is_named(
    service: Path, seatrial: Seatrial, answer: object, words: str
) -> None:
    assert callable(answer)
    with serving(answer) as address:
        began = time.monotonic()
        done = update(seatrial, service, "--only", "images", "--timeout", "2", **ways(address))
        assert time.monotonic() - began < 30
    unchanged(service, done, "gcr.io (images.static)", words)


def test_certificate_that_does_not_hold_is_an_error(
    service: Path, tmp_path: Path, registry: RealRegistry, seatrial: Seatrial
) -> None:
    make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with serving(page, tls=context) as address:
        mirrors = f"docker.io=https://{address} gcr.io=https://{address}"
        done = update(seatrial, service, "--only", "images", SEATRIAL_REGISTRY_MIRRORS=mirrors)
        unchanged(service, done, "gcr.io (images.static)", "certificate verify failed")
        env = {"SSL_CERT_FILE": str(tmp_path / "cert.pem"), "SEATRIAL_REGISTRY_MIRRORS": mirrors}
        trusted = update(seatrial, service, "--only", "images", **env)
        assert "certificate" not in trusted.stderr
        assert "is no sha256 digest" in trusted.stderr


def test_image_of_other_bytes_than_its_digest_is_refused(
    service: Path, registry: RealRegistry, seatrial: Seatrial
) -> None:
    """Whoever answers for the builder image cannot make up the Go that it holds."""
    fill_registry(registry)

    def forged(request: BaseHTTPRequestHandler) -> None:
        import urllib.request

        asked = urllib.request.Request(f"http://{registry.address}{request.path}", method=request.command)
        asked.add_header("Accept", request.headers.get("Accept", "*/*"))
        with urllib.request.urlopen(asked, timeout=10) as answer:
            body, digest = answer.read(), answer.headers.get("Docker-Content-Digest", "")
        reply(request, 200, body.replace(b"1.26.9", b"1.26.8"), headers={"Docker-Content-Digest": digest})

    with serving(forged) as address:
        done = update(seatrial, service, "--only", "images", **ways(address))
    unchanged(service, done, "docker.io (go, images.golang)", "was promised")


def test_impossible_triple_in_a_lock_is_mended_and_explained(
    tmp_path: Path, world: dict[str, str], registry: RealRegistry, seatrial: Seatrial
) -> None:
    """Orchestrion v0.18.0, golang:1.22 and a .orchestrion.yml, which the brief asked for together."""
    registry.push("library/golang", "1.27-bookworm", ("GOLANG_VERSION=1.27.4",))
    triple = LOCK | {
        "go": "go1.22.12",
        "orchestrion": "v0.18.0",
        "images": {"golang": f"golang:1.22-bookworm@{DIGEST}", "static": LOCK["images"]["static"]},  # type: ignore[index]
    }
    service = pinned_service(tmp_path, triple, {".orchestrion.yml": "meta:\n  name: x\n"})
    done = update(seatrial, service, "--only", "go,images", **world)
    assert done.code == 0, done.stderr
    assert "moves    go  go1.22.12 -> go1.27.4" in done.stdout
    assert "Go 1.22 is out of support; go.mod says go 1.24; tool lines in go.mod came with" in done.stdout
    assert "moves    orchestrion  v0.18.0 -> v1.17.0" in done.stdout
    assert "v0.18.0 was never published" in done.stdout
    assert "Orchestrion never reads this name" in done.stdout
    written = json.loads((service / "seatrial.lock").read_bytes())
    assert written["images"]["golang"].startswith("golang:1.27-bookworm@sha256:")


def test_what_cannot_be_satisfied_is_refused_with_its_reasons(
    tmp_path: Path, world: dict[str, str], seatrial: Seatrial
) -> None:
    """An Orchestrion of the settings that nobody published; nothing is written."""
    service = pinned_service(tmp_path, files={"seatrial.toml": TOML})
    before = (service / "seatrial.lock").read_bytes()
    done = update(seatrial, service, "--only", HERE, **world)
    assert done.code == 2
    assert "Orchestrion v0.18.0 was never published" in done.stderr
    assert "v1.16.0 is the newest that fits go1.26.9" in done.stderr
    assert (service / "seatrial.lock").read_bytes() == before


OLD_IMAGE = json.dumps({"version": 1, "images": {"golang": f"golang:1.22-bookworm@{DIGEST}"}})
NEAREST = ("golang:1.2", "-bookworm@sha256:", "seatrial lock --update")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {"seatrial.toml": TOML},
            ("seatrial.toml: Orchestrion v0.18.0 was never published", 'version = "v1.'),
        ),
        ({"seatrial.lock": OLD_IMAGE}, ("golang:1.22 has no tool lines", *NEAREST)),
        (
            {"seatrial.toml": TOML, "seatrial.lock": OLD_IMAGE, ".orchestrion.yml": "x: 1\n"},
            (
                "v0.18.0 was never published",
                "golang:1.22 has no tool lines",
                "never reads this name",
                NEAREST[0],
            ),
        ),
        (
            {
                "seatrial.lock": OLD_IMAGE.replace("1.22", "1.25").replace(
                    '"images"', '"orchestrion": "v1.15.0", "images"'
                )
            },
            ("Orchestrion v1.15.0 needs Go 1.26, not 1.25", "golang:1.26-bookworm@sha256:"),
        ),
        (
            {"seatrial.lock": '{"version": 1, "go": "go1.22.12"}'},
            ("seatrial.lock pins go1.22.12; seatrial lock --update",),
        ),
    ],
    ids=("orchestrion", "golang", "all three", "both known", "go"),
)
def test_init_refuses_what_does_not_fit_and_names_what_does(
    tmp_path: Path, seatrial: Seatrial, files: dict[str, str], words: tuple[str, ...]
) -> None:
    root = write_service(tmp_path / "svc", {"main.go": MAIN, **files})
    commit_all(root)
    done = seatrial("init", str(root))
    assert done.code in {2, 4}, done.stderr
    for word in words:
        assert word in done.stderr, (word, done.stderr)
    assert not git(root, "status", "--porcelain")


def test_real_module_proxy_knows_go_orchestrion_and_the_tools(service: Path, seatrial: Seatrial) -> None:
    """Against the proxy of this machine's own Go; what it has today is not held to a number."""
    done = update(seatrial, service, "--only", "go,tools", "--dry-run", "--json")
    assert done.code == 0, done.stderr
    found = pins(done)
    assert re.fullmatch(r"v1\.\d+\.\d+", found["orchestrion"]["to"])
    assert set(found) >= {"go", "orchestrion", "tools.golangci-lint", "tools.govulncheck", "tools.syft"}
    listed = checked("go", "list", "-m", "-versions", "golang.org/x/vuln", cwd=service.parent).split()
    assert found["tools.govulncheck"]["to"] in listed


def test_unreachable_debian_mirror_is_named(service: Path, tmp_path: Path, seatrial: Seatrial) -> None:
    mirror = f"http://127.0.0.1:{free_port()}/debian"
    done = update(own_cache(tmp_path / "cache"), service, "--only", "base", SEATRIAL_DEBIAN_MIRROR=mirror)
    unchanged(service, done, f"{mirror} (bases.debian-13)", "Connection refused")


@pytest.mark.network
def test_base_is_renewed_for_each_architecture_that_is_pinned(tmp_path: Path, seatrial: Seatrial) -> None:
    service = pinned_service(tmp_path, {"version": 1})
    first = update(seatrial, service, "--only", "base", "--base", "scratch", "--json")
    assert first.code == 0, first.stderr
    assert pins(first)["bases.scratch/amd64"]["why"].endswith(" packages")
    lock = json.loads((service / "seatrial.lock").read_bytes())
    good = lock["bases"]["scratch/amd64"]
    package, *rest = good["packages"]
    older = {
        **good,
        "packages": [{**package, "version": "0.1"}, *rest],
        "release_date": "2026-01-01T00:00:00Z",
    }
    lock["bases"] = {"scratch/amd64": older, "scratch/arm64": older, "debian-12/amd64": older}
    (service / "seatrial.lock").write_text(json.dumps(lock))
    again = update(seatrial, service, "--only", "base", "--base", "scratch", "--json")
    assert again.code == 0, again.stderr
    assert pins(again)["bases.scratch/amd64"]["why"] == f"{package['name']} 0.1 to {package['version']}"
    written = json.loads((service / "seatrial.lock").read_bytes())
    assert written["bases"]["scratch/amd64"] == good
    assert written["bases"]["scratch/arm64"]["architecture"] == "arm64"
    assert written["bases"]["debian-12/amd64"] == older


def test_newer_pins_are_drift_until_sync(
    tmp_path: Path, registry: RealRegistry, github: GitHub, seatrial: Seatrial
) -> None:
    """init, lock --update, sync --check (exit 1 and the diff), sync, and the files have it."""
    root = write_service(
        tmp_path / "svc", {"main.go": MAIN, "seatrial.toml": '[instrument]\nwith = "none"\n'}
    )
    commit_all(root)
    assert seatrial("init", str(root)).code == 0
    git(root, "add", "-A")
    git(root, "commit", "-qm", "init")
    lock = json.loads((root / "seatrial.lock").read_text())
    registry.push("library/golang", "1.26-bookworm", (f"GOLANG_VERSION={lock['go'].removeprefix('go')}",))
    static = registry.push("distroless/static-debian13", "nonroot")
    newest: dict[str, str] = {}
    for name in lock["actions"]:
        repository = "/".join(name.split("/")[:2])
        newest[name] = newest.get(repository) or github.release(repository, "v99.0.0")
    env = {**ways(registry.address), "SEATRIAL_GITHUB": github.url}
    done = update(seatrial, root, "--only", "images,actions", **env)
    assert done.code == 0, done.stderr
    assert "seatrial sync brings the files up to date" in done.stdout
    check = seatrial("sync", str(root), "--check")
    assert check.code == 1
    assert f"+FROM gcr.io/distroless/static-debian13:nonroot@{static}" in check.stdout
    assert f"+      - uses: actions/checkout@{newest['actions/checkout']} # v99.0.0" in check.stdout
    assert seatrial("sync", str(root)).code == 0
    assert seatrial("sync", str(root), "--check").code == 0
    assert static in (root / "Dockerfile").read_text()


@pytest.mark.network
def test_newer_go_reaches_every_file_and_builds(
    tmp_path: Path, registry: RealRegistry, seatrial: Seatrial
) -> None:
    """The newest patch of this machine's Go, from the real proxy: lock, image, Dockerfile, CI, program."""
    root = write_service(
        tmp_path / "svc", {"main.go": MAIN, "seatrial.toml": '[instrument]\nwith = "none"\n'}
    )
    commit_all(root)
    assert seatrial("init", str(root), "--ci", "github", "--ci", "gitlab").code == 0
    git(root, "add", "-A")
    git(root, "commit", "-qm", "init")
    own = json.loads((root / "seatrial.lock").read_text())["go"]
    minor = own.rpartition(".")[0].removeprefix("go")
    listed = checked("go", "list", "-m", "-versions", "go", cwd=tmp_path).split()
    newest = max(
        (word for word in listed if re.fullmatch(rf"{re.escape(minor)}\.\d+", word)),
        key=lambda word: int(word.rpartition(".")[2]),
    )
    digest = registry.push("library/golang", f"{minor}-bookworm", (f"GOLANG_VERSION={newest}",))
    registry.push("distroless/static-debian13", "nonroot")
    for kind in ("cli", "dind"):
        registry.push("library/docker", f"99.0.0-{kind}")
    done = update(seatrial, root, "--only", "go,images", **ways(registry.address))
    assert done.code == 0, done.stderr
    assert seatrial("sync", str(root)).code == 0
    assert seatrial("sync", str(root), "--check").code == 0
    dockerfile = (root / "Dockerfile").read_text()
    assert f"golang:{minor}-bookworm@{digest}" in dockerfile
    assert f"It holds go{newest}." in dockerfile
    assert f'go-version: "{newest}"' in (root / ".github/workflows/image.yml").read_text()
    assert f"image: golang:{minor}-bookworm@{digest}" in (root / ".gitlab-ci.yml").read_text()
    assert "docker:99.0.0-cli@sha256:" in (root / ".gitlab-ci.yml").read_text()
    built = seatrial("build", str(root), *PLAIN, "-o", str(tmp_path / "image"))
    assert built.code == 0, built.stderr
    layer = [path.read_bytes() for path in (tmp_path / "image/blobs/sha256").iterdir()]
    assert any(f"go{newest}".encode() in gzip.decompress(blob) for blob in layer if blob[:2] == b"\x1f\x8b")


def test_ctrl_c_ends_what_was_started(
    service: Path, world: dict[str, str], github: GitHub, tmp_path: Path, seatrial: Seatrial
) -> None:
    github.broken["actions/checkout"] = "slow"
    command = Seatrial(env={**seatrial.env, **world})
    process = command.popen("lock", str(service), "--update", "--only", "actions", cwd=tmp_path)
    deadline = time.monotonic() + 30
    while not git_of(github) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert git_of(github)
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=15)
    assert process.returncode == 130, words
    assert not git_of(github)
    assert json.loads((service / "seatrial.lock").read_bytes()) == LOCK


def git_of(github: GitHub) -> list[str]:
    """Return the running git programs that ask that host."""
    listed = subprocess.run(("ps", "-wweo", "pid,args"), capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if f"ls-remote --tags -- {github.url}/" in line]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("--only", "go"), "--only is of --update"),
        (("--update", "--only", "gone"), "no group of pins is called 'gone'"),
        (("--update", "--only", "tools", "--go", "1.27"), "--only leaves Go out"),
        (("--update", "--timeout", "0"), "between 0 and 3600"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    service: Path, seatrial: Seatrial, words: tuple[str, ...], what: str
) -> None:
    done = seatrial("lock", str(service), *words)
    assert done.code == 2
    assert what in done.stderr
