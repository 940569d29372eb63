"""ko as a peer: where it is found, and how it is run at its fastest."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Run, run
from bench.registry import Store, add_base, serve
from bench.service import Service

INSTALL = "go install github.com/google/ko@v0.19.1"


def find_ko() -> str | None:
    """Return ko on PATH or where ``go install`` puts it; None when it is not there."""
    places = [os.environ.get("PATH", ""), os.environ.get("GOBIN", "")]
    places += [str(Path(place) / "bin") for place in os.environ.get("GOPATH", "").split(":") if place]
    return shutil.which("ko", path=os.pathsep.join([*filter(None, places), str(Path.home() / "go" / "bin")]))


@dataclass(frozen=True, kw_only=True)
class Ko:
    """ko, ready to run on one service. It does less: nothing woven, no health, no SBOM, no trial."""

    program: str
    service: Service
    env: Mapping[str, str]

    def push(self) -> Run:
        """Build and push to the registry beside it."""
        argv = (self.program, "build", "--sbom=none", "--bare", "./cmd/server")
        return run(argv, cwd=self.service.directory, env=self.env)

    def write_layout(self) -> Run:
        """Build into an OCI layout on disk, as Seatrial does."""
        layout = self.service.output.with_name("ko-layout")
        argv = (self.program, "build", "--sbom=none", "--push=false", f"--oci-layout-path={layout}")
        return run((*argv, "./cmd/server"), cwd=self.service.directory, env=self.env)


@contextmanager
def ready_ko(program: str, service: Service) -> Iterator[Ko]:
    """Serve the service's own base to ko, and give ko its build cache (KOCACHE).

    The service has been built by Seatrial: its output holds the base.
    """
    store = Store()
    with tarfile.open(service.output) as tar:
        files = {member.name: _content(tar, member) for member in tar if member.isfile()}
    add_base(store, files)
    with serve(store) as address:
        env = {
            **service.env,
            "KOCACHE": str(service.output.with_name("ko-cache")),
            "KO_DEFAULTBASEIMAGE": f"{address}/base:1",
            "KO_DOCKER_REPO": f"{address}/orders",
        }
        yield Ko(program=program, service=service, env=env)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    return stream.read() if stream else b""
