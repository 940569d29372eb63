"""A registry on loopback that serves OCI layouts to read (OCI distribution-spec, "Pull")."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Registry:
    """A running registry. address: "localhost:PORT", which engines take without TLS."""

    address: str
    layouts: dict[str, Path] = field(default_factory=dict)

    def serve(self, name: str, layout: Path) -> str:
        """Serve a layout as ``name`` and return its reference by digest."""
        self.layouts[name] = layout
        (entry,) = json.loads((layout / "index.json").read_bytes())["manifests"]
        return f"{self.address}/{name}@{entry['digest']}"


@contextmanager
def running_registry() -> Iterator[Registry]:
    """Run a registry for as long as the block lasts."""
    found = Registry(address="")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(has_body=False)

        def do_GET(self) -> None:
            self._answer(has_body=True)

        def _answer(self, *, has_body: bool) -> None:
            if self.path == "/v2/":
                return self._send(b"{}", "application/json", has_body=has_body)
            name, kind, digest = self.path.removeprefix("/v2/").rsplit("/", 2)
            layout = found.layouts.get(name)
            blob = layout / "blobs" / digest.replace(":", "/") if layout else None
            if blob is None or not blob.is_file():
                return self._send(b'{"errors": []}', "application/json", has_body=has_body, status=404)
            is_manifest = kind == "manifests"
            media = (
                "application/vnd.oci.image.manifest.v1+json" if is_manifest else "application/octet-stream"
            )
            self._send(blob.read_bytes(), media, has_body=has_body, digest=digest)
            return None

        def _send(
            self, body: bytes, media: str, *, has_body: bool, status: int = 200, digest: str = ""
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            if digest:
                self.send_header("Docker-Content-Digest", digest)
            self.end_headers()
            if has_body:
                self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Say nothing: a test's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
