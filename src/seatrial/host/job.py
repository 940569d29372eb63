"""A program that was started in a sandbox, as the tool sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import dataclass

from seatrial.host.logs import Log


@dataclass(kw_only=True)
class Job:
    """One program. pid: as this machine counts; 0 when it ended at once.

    started_s, ended_s: of the monotonic clock; ended_s is when its end was noticed, 0 before.
    has_own_network: it cannot be reached by the sandbox's sockets, only by its own.
    """

    number: int
    log: Log
    pid: int = 0
    pidfd: int = -1
    status: int | None = None
    started_s: float = 0.0
    ended_s: float = 0.0
    has_own_network: bool = False

    @property
    def exit_code(self) -> int | None:
        """The exit status, negative for a signal (bwrap tells it as 128 + N); None while it runs."""
        if self.status is None:
            return None
        return 128 - self.status if 128 < self.status <= 128 + 64 else self.status

    def send_signal(self, number: int) -> None:
        """Signal the program itself, past bwrap; nothing happens when it has ended."""
        if self.pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, number)

    @property
    def elapsed_ms(self) -> float:
        """From its start to its end, or until now."""
        return ((self.ended_s or time.monotonic()) - self.started_s) * 1000

    def release(self) -> None:
        """Let go of the process; for good."""
        self.log.close()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


def pid_of(pidfd: int) -> int:
    """Return a process id as this pid namespace counts; 0 when the process is gone (pidfd_open(2))."""
    with open(f"/proc/self/fdinfo/{pidfd}") as info:
        found = [int(line.split()[1]) for line in info if line.startswith("Pid:")]
    return max(0, *found, 0)
