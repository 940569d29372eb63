"""Every failure that Seatrial expects: what failed, where, what to do, and the exit code.

Only ``cli.main`` prints these and exits. Anything that is not a ``SeatrialError`` is our defect
and keeps its traceback (exit 70).
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every command (docs/configuration.md)."""

    OK = 0
    VERDICT_FAILED = 1
    USAGE = 2
    USER_BUILD_FAILED = 3
    MACHINE_LACKS = 4
    NETWORK = 5
    DEFECT = 70
    INTERRUPTED = 130
    TERMINATED = 143


class SeatrialError(Exception):
    """Root of all expected failures.

    what: one sentence, no trailing stop needed, naming the thing that failed.
    where: file, ``file:line``, key or URL; empty when there is none.
    hint: what the user should do next; may hold several lines.
    """

    exit_code = ExitCode.USAGE

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}"


class ConfigError(SeatrialError):
    """A setting, flag or lock file cannot be used as written."""


class ProjectError(SeatrialError):
    """The directory is not a service that can be built as asked."""


class OutputError(SeatrialError):
    """The output cannot be written there."""


class UserBuildFailed(SeatrialError):
    """The user's own code did not build; ``what`` carries the compiler's message once."""

    exit_code = ExitCode.USER_BUILD_FAILED


class MissingTool(SeatrialError):
    """A program is not on this machine; the hint is the command that brings it."""

    exit_code = ExitCode.MACHINE_LACKS


class MachineError(SeatrialError):
    """This machine cannot do it: no space, no namespaces, a tool too old."""

    exit_code = ExitCode.MACHINE_LACKS


class NetworkError(SeatrialError):
    """A mirror, proxy or registry did not answer, or answered with an error."""

    exit_code = ExitCode.NETWORK


class UntrustedInput(SeatrialError):
    """Bytes from outside are not what was promised: digest, size, signature or format."""

    exit_code = ExitCode.NETWORK


class FormatError(SeatrialError):
    """Bytes do not follow the format that they claim (OCI, tar, ELF, deb, OTLP)."""


class ToolFailed(SeatrialError):
    """A program ran and failed; ``where`` is a command line that can be pasted."""

    exit_code = ExitCode.MACHINE_LACKS
