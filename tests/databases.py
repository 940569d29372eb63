"""A real PostgreSQL of its own, with a password, that can be stopped, frozen and brought back."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.errors import MissingTool
from seatrial.observe.postgres import find_postgres

PASSWORD = "correct-horse"
_NOBODY = 65534


class Database:
    """One cluster on a port of this machine's loopback interface."""

    def __init__(self, root: Path) -> None:
        self._bin = find_postgres()[0] / "pginstall/bin"
        self._root = root
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        password = root / "password"
        password.write_text(PASSWORD)
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            os.chown(root, _NOBODY, _NOBODY)
            password.chmod(0o644)
        method = ("-A", "scram-sha-256", f"--pwfile={password}")
        self._spawn("initdb", "-D", f"{root}/pg", "-U", "app", *method, "--no-sync", "--no-locale").wait(120)
        self._server: subprocess.Popen[bytes] | None = None

    def url(self, password: str = PASSWORD) -> str:
        """Return where a service finds it."""
        return f"postgres://app:{password}@127.0.0.1:{self.port}/postgres?sslmode=disable"

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        settings = (
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
        )
        options = (part for setting in settings for part in ("-c", setting))
        self._server = self._spawn("postgres", "-D", f"{self._root}/pg", *options)
        end = time.monotonic() + 30
        while not (self._root / "pg/postmaster.pid").exists() or not self._is_ready():
            is_up = self._server.poll() is None
            assert is_up, (self._root / "log").read_text()
            assert time.monotonic() < end, (self._root / "log").read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it at once, as its administrator would (a "fast" shutdown)."""
        assert self._server
        self._server.send_signal(signal.SIGINT)
        self._server.wait(30)

    def freeze(self) -> None:
        """Stop every process of it in its place: connections stay open and are not answered."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal_all(signal.SIGCONT)

    def close(self) -> None:
        """End it whatever state it is in."""
        if self._server and self._server.poll() is None:
            self.thaw()
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(30)

    def _signal_all(self, number: signal.Signals) -> None:
        assert self._server
        # The children of the server make no further ones.
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        for pid in (self._server.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _is_ready(self) -> bool:
        return "ready" in (self._root / "pg/postmaster.pid").read_text()

    def _spawn(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        user = _NOBODY if os.geteuid() == 0 else None
        with open(self._root / "log", "ab") as log:
            return subprocess.Popen(
                (str(self._bin / program), *arguments),
                cwd=self._root,
                stdout=log,
                stderr=log,
                user=user,
                group=user,
                extra_groups=() if user else None,
            )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Database]:
    """A cluster that was made and is not running yet."""
    try:
        find_postgres()
    except MissingTool as missing:
        pytest.skip(str(missing))
    root = Path(tempfile.mkdtemp(prefix="seatrial-pg-", dir="/tmp"))  # not tmp_path: only its owner may enter
    made = Database(root)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def postgres(cluster: Database) -> Iterator[Database]:
    """The cluster, running at the start of each test, and stopped after it."""
    cluster.start()
    yield cluster
    cluster.close()
