"""The process that holds a sandbox, from its start to its end (sandbox_init.py)."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROGRAM: Final = Path(__file__).with_name("sandbox_init.py")
_END_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """One such process, and our end of the pair on which it listens."""

    control: socket.socket
    process: subprocess.Popen[bytes]

    def end(self) -> None:
        """Close our end, and wait until the process and all that it started are gone; may be called twice."""
        self.control.close()  # its last process ends after all that it started
        try:
            self.process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stderr:
            self.process.stderr.close()


@contextlib.contextmanager
def launched() -> Iterator[Launcher]:
    """Start the process for one sandbox. Its start takes up to 30 ms, in which other work can be done."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            process = subprocess.Popen(
                (sys.executable, "-I", "-S", str(_PROGRAM), str(theirs.fileno())),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                cwd="/",
                env={},
            )
        launcher = Launcher(control=ours, process=process)
        try:
            yield launcher
        finally:
            launcher.end()
