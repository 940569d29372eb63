"""Any program of this machine as a service beside the one that is tried, such as redis-server."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Final

from seatrial.errors import MachineError
from seatrial.host.job import Job
from seatrial.host.sandbox import SANDBOX_UID, Sandbox
from seatrial.model.trial import ServiceProgram
from seatrial.observe.service import machine_options

_START_TIMEOUT_S: Final = 30.0


class Program:
    """One program, ready once its port listens. Stopping: it is killed; /data stays for the next start."""

    def __init__(self, sandbox: Sandbox, program: ServiceProgram) -> None:
        self._sandbox = sandbox
        self._program = program
        self._job: Job | None = None

    @property
    def name(self) -> str:
        """As it is called in the configuration."""
        return self._program.name

    @property
    def placeholders(self) -> Mapping[str, str]:
        """Its address, as the service sees it."""
        return program_placeholders(self._program)

    def prepare(self) -> None:
        """Make its directory, and keep its port for it."""
        self._sandbox.reserved_ports.add(self._program.port)
        os.mkdir(self.name, 0o755, dir_fd=self._sandbox.data)
        if os.geteuid() == 0:
            os.chown(self.name, SANDBOX_UID, SANDBOX_UID, dir_fd=self._sandbox.data)

    def start(self) -> None:
        """Start it, and wait until its port listens; raise MachineError with its last words."""
        argv = tuple(part.replace("{data}", "/data") for part in self._program.run)
        self._job = self._sandbox.start(argv, machine_options(self._sandbox, self.name))
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._sandbox.is_open(self._program.port):
            has_ended = self._sandbox.wait(self._job, 0.005) is not None
            if has_ended or time.monotonic() > deadline:
                said = self._job.log.text()[-2000:]
                raise MachineError(
                    f"{self.name} {'ended' if has_ended else 'does not listen on its port'}",
                    where=f"[trial.service.{self.name}]",
                    hint=said or f"run = {list(argv)}, port = {self._program.port}",
                )

    def stop(self) -> bool:
        """Kill it."""
        assert self._job is not None
        self._sandbox.kill(self._job)
        return True


def program_placeholders(program: ServiceProgram) -> Mapping[str, str]:
    """Return the words that stand for a program's address."""
    return {f"{{{program.name}.host}}": "127.0.0.1", f"{{{program.name}.port}}": str(program.port)}
