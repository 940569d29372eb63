"""Real sources for ``lock --update`` on loopback: Debian's registry with tokens, git over HTTP, a Go proxy.

The registry and git are the programs that the world runs; the token server signs with openssl what the
registry then verifies. Each can be stopped, slowed down or made to answer nonsense.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

USER, PASSWORD = "tester", "s3cret"
# Older than any cool-down, whatever this machine's clock says.
LONG_AGO = "2020-01-01T00:00:00Z"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@contextmanager
def serving(
    answer: Callable[[BaseHTTPRequestHandler], None], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Run an HTTP server whose every request is answered by a function; give its "localhost:PORT"."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            answer(self)

        def do_HEAD(self) -> None:
            answer(self)

        def do_POST(self) -> None:
            answer(self)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(
    request: BaseHTTPRequestHandler,
    status: int,
    body: bytes = b"",
    *,
    headers: dict[str, str] | None = None,
) -> None:
    """Send one answer."""
    request.send_response(status)
    for name, value in (headers or {}).items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RealRegistry:
    """Debian's docker-registry. address: "localhost:PORT". tokens: counts those that were handed out."""

    root: Path
    address: str
    process: subprocess.Popen[bytes] | None = None
    token_server: str = ""
    tokens: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Start it on its own files, which outlive it."""
        settings: dict[str, object] = {
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": str(self.root / "storage")}},
            "http": {"addr": self.address.replace("localhost", "127.0.0.1")},
        }
        if self.token_server:
            settings["auth"] = {
                "token": {
                    "realm": f"http://{self.token_server}/token",
                    "service": "the registry",
                    "issuer": "tests",
                    "rootcertbundle": str(self.root / "cert.pem"),
                }
            }
        (self.root / "settings.yml").write_text(json.dumps(settings))
        with open(self.root / "log", "ab") as log:
            argv = ("docker-registry", "serve", str(self.root / "settings.yml"))
            self.process = subprocess.Popen(argv, stdout=log, stderr=log)
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://{self.address}/v2/", timeout=5)
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError((self.root / "log").read_text())

    def stop(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    def push(
        self,
        name: str,
        tag: str,
        environment: tuple[str, ...] = (),
        *,
        is_index: bool = True,
        created: str = LONG_AGO,
    ) -> str:
        """Push an image of one empty layer, as one platform of an index; return the digest of its tag."""
        salt = f"SALT={uuid.uuid4()}"
        config = json.dumps(
            {
                "created": created,
                "architecture": "amd64",
                "os": "linux",
                "config": {"Env": [*environment, salt]},
                "rootfs": {"type": "layers", "diff_ids": []},
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": self._blob(name, config, "application/vnd.oci.image.config.v1+json"),
                "layers": [],
            }
        ).encode()
        if not is_index:
            return self._manifest(name, tag, manifest, MANIFEST)
        digest = self._manifest(name, "sha256:" + hashlib.sha256(manifest).hexdigest(), manifest, MANIFEST)
        entry = {
            "mediaType": MANIFEST,
            "digest": digest,
            "size": len(manifest),
            "platform": {"architecture": "amd64", "os": "linux"},
        }
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}).encode()
        return self._manifest(name, tag, index, INDEX)

    def _blob(self, name: str, content: bytes, media: str) -> dict[str, object]:
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        place = self._send("POST", name, f"http://{self.address}/v2/{name}/blobs/uploads/", b"", "")
        mark = "&" if "?" in place else "?"
        self._send("PUT", name, f"{place}{mark}digest={digest}", content, "application/octet-stream")
        return {"mediaType": media, "digest": digest, "size": len(content)}

    def _manifest(self, name: str, reference: str, content: bytes, media: str) -> str:
        self._send("PUT", name, f"http://{self.address}/v2/{name}/manifests/{reference}", content, media)
        return "sha256:" + hashlib.sha256(content).hexdigest()

    def _send(self, method: str, name: str, url: str, content: bytes, media: str) -> str:
        request = urllib.request.Request(url, data=content, method=method)
        if media:
            request.add_header("Content-Type", media)
        if self.token_server:
            token = signed_token(self.root, name, ["pull", "push"])
            request.add_header("Authorization", f"Bearer {token}")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return str(answer.headers.get("Location", ""))


def signed_token(root: Path, name: str, actions: list[str]) -> str:
    """Return a JWT that the registry accepts (distribution, "Token Authentication Implementation")."""
    der = ssl.PEM_cert_to_DER_cert((root / "cert.pem").read_text())
    now = int(time.time())
    head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
    claims = {
        "iss": "tests",
        "sub": USER,
        "aud": "the registry",
        "exp": now + 300,
        "nbf": now - 10,
        "iat": now,
        "jti": uuid.uuid4().hex,
        "access": [{"type": "repository", "name": name, "actions": actions}],
    }
    signed = ".".join(_url64(json.dumps(part).encode()) for part in (head, claims))
    argv = ("openssl", "dgst", "-sha256", "-sign", str(root / "key.pem"))
    made = subprocess.run(argv, input=signed.encode(), capture_output=True, check=True).stdout
    return f"{signed}.{_url64(made)}"


def _url64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def make_certificate(root: Path) -> None:
    """Write cert.pem and key.pem, self-signed, for localhost."""
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ("-addext", "subjectAltName=DNS:localhost")
    files = ("-keyout", str(root / "key.pem"), "-out", str(root / "cert.pem"))
    subprocess.run(("openssl", *words, *names, *files), check=True, capture_output=True)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RealRegistry]:
    """A registry that anybody may read."""
    yield from _registry(tmp_path / "registry", needs_token=False)


@pytest.fixture
def token_registry(tmp_path: Path) -> Iterator[RealRegistry]:
    """A registry that wants a token, whose server wants a password."""
    yield from _registry(tmp_path / "registry", needs_token=True)


def _registry(root: Path, *, needs_token: bool) -> Iterator[RealRegistry]:
    for program in ("docker-registry", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    root.mkdir()
    found = RealRegistry(root=root, address=f"localhost:{free_port()}")

    def token(request: BaseHTTPRequestHandler) -> None:
        sent = request.headers.get("Authorization", "")
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        query = parse_qs(urlsplit(request.path).query)
        if sent != wanted or query.get("service") != ["the registry"]:
            found.refused.append(sent)
            return reply(request, 401, b"{}")
        _, name, _ = query["scope"][0].split(":")
        found.tokens.append(name)
        body = json.dumps({"token": signed_token(root, name, ["pull"])}).encode()
        return reply(request, 200, body)

    try:
        if needs_token:
            make_certificate(root)
            with serving(token) as found.token_server:
                found.start()
                yield found
        else:
            found.start()
            yield found
    finally:
        found.stop()


def docker_login(home: Path, address: str) -> None:
    """Write what ``docker login`` does."""
    home.mkdir(parents=True, exist_ok=True)
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (home / "config.json").write_text(json.dumps({"auths": {address: {"auth": secret}}}))


@dataclass
class GitHub:
    """Repositories by git's own HTTP server, and files of releases. url: for SEATRIAL_GITHUB."""

    root: Path
    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    def release(self, repository: str, tag: str, *, is_annotated: bool = False) -> str:
        """Commit and tag; return the commit."""
        place = self.root / f"{repository}"
        if not place.exists():
            place.mkdir(parents=True)
            self._git(place, "init", "-q", "--bare", ".")
        tree = self._git(place, "hash-object", "-t", "tree", "-w", "/dev/null")
        commit = self._git(place, "commit-tree", "-m", f"{tag} {uuid.uuid4()}", tree)
        words = ("-a", "-m", tag) if is_annotated else ()
        self._git(place, "tag", "-f", *words, tag, commit)
        return commit

    @staticmethod
    def _git(place: Path, *arguments: str) -> str:
        identity = {f"GIT_{who}_{what}": "t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ("git", *arguments),
            cwd=place,
            env={**os.environ, **identity},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Hand on to git-http-backend (git-http-backend(1)), or send a release's file."""
        parts = urlsplit(request.path)
        trouble = next((how for part, how in self.broken.items() if part in parts.path), "")
        if trouble == "slow":
            time.sleep(20)
        if trouble.isdecimal():
            return reply(request, int(trouble), b"no")
        if parts.path in self.files:
            return reply(request, 200, self.files[parts.path])
        if not (self.root / "/".join(parts.path.split("/")[1:3])).is_dir():
            return reply(request, 404)
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        env = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": request.command,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(("git", "http-backend"), input=body, env=env, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = int(headers.pop("Status", "200 OK").split()[0])
        if trouble == "half":
            headers["Content-Type"] = headers.get("Content-Type", "")
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(content)))
            request.end_headers()
            request.wfile.write(content[: len(content) // 2])
            request.close_connection = True
            return None
        return reply(request, status, content, headers=headers)


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHub]:
    """A host of repositories that is asked over HTTP."""
    found = GitHub(root=tmp_path / "github")
    found.root.mkdir()
    with serving(found.answer) as address:
        found.url = f"http://{address}"
        yield found


@dataclass(frozen=True, kw_only=True)
class GoProxy:
    """A module proxy of files (go.dev/ref/mod, "GOPROXY protocol"), read by the real Go.

    times: version -> when it was published; long ago without.
    """

    root: Path
    times: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """What makes Go ask here, and no checksum database for what exists here only.

        A module cache of its own: a made-up version must not stay in the one that all share.
        """
        return {
            "GOPROXY": f"file://{self.root}",
            "GONOSUMDB": "*",
            "GOFLAGS": "-mod=mod -modcacherw",
            "GOMODCACHE": str(self.root.with_name("modules")),
        }

    def go(self, *versions: str) -> None:
        """Publish toolchains, by name only."""
        place = self.root / "golang.org/toolchain/@v"
        place.mkdir(parents=True, exist_ok=True)
        names = [f"v0.0.1-go{one}.linux-amd64" for one in versions]
        (place / "list").write_text("".join(f"{name}\n" for name in names))
        for name, version in zip(names, versions, strict=True):
            info = {"Version": name, "Time": self.times.get(version, LONG_AGO)}
            (place / f"{name}.info").write_text(json.dumps(info))
            (place / f"{name}.mod").write_text("module golang.org/toolchain\n")

    def module(self, path: str, versions: dict[str, str]) -> None:
        """Publish versions of a module: version -> the Go that it needs, "" for no go line."""
        escaped = "".join(f"!{letter.lower()}" if letter.isupper() else letter for letter in path)
        place = self.root / escaped / "@v"
        place.mkdir(parents=True, exist_ok=True)
        (place / "list").write_text("".join(f"{version}\n" for version in versions))
        for version, needs in versions.items():
            info = {"Version": version, "Time": self.times.get(version, LONG_AGO)}
            (place / f"{version}.info").write_text(json.dumps(info))
            line = f"\ngo {needs}\n" if needs else ""
            (place / f"{version}.mod").write_text(f"module {path}\n{line}")


@pytest.fixture
def go_proxy(tmp_path: Path) -> GoProxy:
    """An empty proxy."""
    (tmp_path / "proxy").mkdir()
    return GoProxy(root=tmp_path / "proxy")
