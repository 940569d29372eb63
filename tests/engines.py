"""Fixtures that need real programs: a Docker engine of our own, and a small service built by Go."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECTS = Path(__file__).parent / "projects"
_START_TIMEOUT_S = 60.0


@dataclass(frozen=True, kw_only=True)
class DockerEngine:
    """A running engine. address: for DOCKER_HOST."""

    address: str

    def docker(self, *arguments: str, timeout_s: float = 120.0) -> str:
        """Run the docker client against this engine and return its output; fail the test when it fails."""
        done = self.try_docker(*arguments, timeout_s=timeout_s)
        assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def try_docker(self, *arguments: str, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run the docker client against this engine, whatever comes of it."""
        environment = {**os.environ, "DOCKER_HOST": self.address}
        return subprocess.run(
            ("docker", *arguments),
            env=environment,
            timeout=timeout_s,
            text=True,
            capture_output=True,
            check=False,
        )


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """Start a Docker engine with its own data, state, socket and network, and stop it at the end.

    Nothing is installed: skips without root or dockerd (apt-get install docker.io iptables iproute2).
    """
    if os.geteuid() != 0:
        pytest.skip("a Docker engine needs root")
    for program in ("dockerd", "docker", "iptables", "ip"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (apt-get install docker.io iptables iproute2)")
    # Not tmp_path: a socket's path is limited to 107 bytes.
    root = Path(tempfile.mkdtemp(prefix="seatrial-docker-", dir="/tmp"))
    engine = DockerEngine(address=f"unix://{root}/s.sock")
    with _bridge() as bridge:
        with open(root / "log", "wb") as log:
            daemon = subprocess.Popen(
                (
                    *("dockerd", "--data-root", f"{root}/data", "--exec-root", f"{root}/exec"),
                    *("--pidfile", f"{root}/pid", "--bridge", bridge, "-H", engine.address),
                ),
                stdout=log,
                stderr=log,
                process_group=0,
            )
        try:
            _wait_for(engine, daemon, root / "log")
            yield engine
        finally:
            daemon.terminate()
            try:
                daemon.wait(30)
            except subprocess.TimeoutExpired:
                daemon.kill()
            subprocess.run(("umount", f"{root}/exec/netns/default"), capture_output=True, check=False)
            shutil.rmtree(root, ignore_errors=True)


@contextlib.contextmanager
def _bridge() -> Iterator[str]:
    """Make a bridge: docker0 may be another engine's, and both would give out the same addresses."""
    number = os.getpid() % 250
    name = f"seatrial{number}"
    try:
        for words in (
            ("link", "add", "name", name, "type", "bridge"),
            ("address", "add", f"10.213.{number}.1/24", "dev", name),
            ("link", "set", name, "up"),
        ):
            done = subprocess.run(("ip", *words), capture_output=True, text=True, check=False)
            if done.returncode != 0:
                pytest.skip(f"ip {' '.join(words)}: {done.stderr}")
        yield name
    finally:
        subprocess.run(("ip", "link", "delete", name), capture_output=True, check=False)


def _wait_for(engine: DockerEngine, daemon: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < end and daemon.poll() is None:
        if engine.try_docker("version").returncode == 0:
            return
        time.sleep(0.1)
    tail = log.read_text(errors="replace")[-1000:]
    pytest.skip(f"dockerd does not run here: {tail}")


def go_build(source: Path, output: Path, *flags: str, **environment: str) -> Path:
    """Build a Go project with the real toolchain; fail the test when that fails."""
    settings = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off", **environment}
    done = subprocess.run(
        ("go", "build", *flags, "-o", output, "."),
        cwd=source,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="session")
def hello_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tests/projects/hello as a static, stripped program."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    output = tmp_path_factory.mktemp("hello") / "hello"
    return go_build(PROJECTS / "hello", output, "-trimpath", "-ldflags=-s -w")
