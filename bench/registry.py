"""A registry on the loopback interface, in memory: just what a builder needs to pull a base and push.

The distribution-spec's endpoints for blobs, uploads and manifests, without authentication. It runs in
this process, so that its work is not counted as the builder's.
"""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit


class Store:
    """Blobs by digest, manifests by "name:reference" and by digest (media type, content)."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}

    def add_manifest(self, name: str, reference: str, media_type: str, content: bytes) -> str:
        """Keep a manifest under its tag and its digest; return the digest."""
        digest = digest_of(content)
        self.manifests[f"{name}:{reference}"] = self.manifests[f"{name}:{digest}"] = (media_type, content)
        return digest


def digest_of(content: bytes) -> str:
    """Return a digest as OCI writes it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: ClassVar[Store]
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path in {"/v2", "/v2/"}:
            self._answer(200)
        elif "/manifests/" in path:
            name, _, reference = path.removeprefix("/v2/").partition("/manifests/")
            media_type, content = self.store.manifests.get(f"{name}:{reference}", ("", b""))
            self._answer(200 if content else 404, content, media_type)
        else:
            content = self.store.blobs.get(path.rpartition("/")[2], b"")
            self._answer(200 if content else 404, content)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self._body()
        self._answer(202, location=f"{urlsplit(self.path).path}upload")

    def do_PATCH(self) -> None:
        self.store.blobs["upload " + self.path] = self._body()
        self._answer(202, location=self.path)

    def do_PUT(self) -> None:
        split = urlsplit(self.path)
        body = self._body()
        if "/manifests/" in split.path:
            name, _, reference = split.path.removeprefix("/v2/").partition("/manifests/")
            media_type = self.headers.get("Content-Type", "")
            self._answer(201, location=self.store.add_manifest(name, reference, media_type, body))
            return
        content = self.store.blobs.pop("upload " + split.path, b"") + body
        self.store.blobs[parse_qs(split.query)["digest"][0]] = content
        self._answer(201, location=split.path)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in the standard library
        """Say nothing."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _answer(self, status: int, content: bytes = b"", media_type: str = "", location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type or "application/octet-stream")
        self.send_header("Content-Length", str(len(content)))
        if content:
            self.send_header("Docker-Content-Digest", digest_of(content))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Let a client go that has seen enough: ko hangs up in the middle of a blob that it has."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serve(store: Store) -> Iterator[str]:
    """Serve the store while the block runs; yield its "address:port"."""
    handler = type("Handler", (_Handler,), {"store": store})
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def add_base(store: Store, layout: dict[str, bytes]) -> None:
    """Put the base of a finished image into the store as "base:1": all but its last layer, the service.

    layout: the files of the image's tar, by name.
    """

    def blob(digest: str) -> bytes:
        return layout["blobs/" + digest.replace(":", "/")]

    manifest = json.loads(blob(json.loads(layout["index.json"])["manifests"][0]["digest"]))
    config = json.loads(blob(manifest["config"]["digest"]))
    config["rootfs"]["diff_ids"].pop()
    config["history"] = config.get("history", [])[: len(config["rootfs"]["diff_ids"])]
    config["config"] = {}
    manifest["layers"].pop()
    content = json.dumps(config).encode()
    manifest["config"] |= {"digest": digest_of(content), "size": len(content)}
    store.blobs[digest_of(content)] = content
    for layer in manifest["layers"]:
        store.blobs[layer["digest"]] = blob(layer["digest"])
    store.add_manifest("base", "1", manifest["mediaType"], json.dumps(manifest).encode())
