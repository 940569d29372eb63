"""The entry: one table of commands, one place that prints errors and chooses the exit code.

Start-up is a feature: the no-change path of ``build`` and ``--version`` import nothing but what they
use, so every command's module is imported when it is run.
"""

from __future__ import annotations

import os
import sys

COMMANDS = {
    "build": "from source to an image that has been run",
    "trial": "look at any image, run it, and judge it; no source is needed",
    "tags": "the image's tags, from git and CI",
    "init": "write the Dockerfile, Makefile, Orchestrion and CI files that a team keeps",
    "sync": "bring those files up to date; --check fails when they differ",
    "lock": "write or renew the pins beside a service (seatrial.lock)",
    "doctor": "what this machine has, what is missing, and the command that brings it",
    "completion": "print shell completion for bash or zsh",
}
_USAGE = """usage: seatrial COMMAND [OPTIONS]

From an unedited web service to an instrumented, hardened OCI image that has been run.

commands:
{commands}

  seatrial COMMAND --help     what a command takes
  seatrial --version          this program's version

exit codes: 0 all held; 1 a gate or verdict failed; 2 usage or configuration; 3 the service's code
did not build; 4 this machine lacks something; 5 network or registry; 70 a defect of Seatrial
"""


def main() -> int:
    """Run the command line in sys.argv; return the exit code."""
    arguments = sys.argv[1:]
    if not arguments or arguments[0] in {"-h", "--help", "help"}:
        width = max(map(len, COMMANDS))
        lines = "\n".join(f"  {name:<{width}}  {text}" for name, text in COMMANDS.items())
        sys.stdout.write(_USAGE.format(commands=lines))
        return 0 if arguments else 2
    if arguments[0] in {"-V", "--version"}:
        from seatrial import __version__  # noqa: PLC0415 - start-up time

        sys.stdout.write(f"seatrial {__version__}\n")
        return 0
    name, *rest = arguments
    if name == "build":
        from seatrial.cli.unchanged import answer_unchanged  # noqa: PLC0415 - start-up time

        code = answer_unchanged(rest, os.getcwd(), os.environ)
        if code is not None:
            return code
    return _run(name, rest)


def _run(name: str, arguments: list[str]) -> int:
    """Run one command; turn every expected failure into a message and its exit code."""
    import importlib  # noqa: PLC0415 - start-up time
    import signal  # noqa: PLC0415

    from seatrial.cli.failure import report_defect, report_failure  # noqa: PLC0415
    from seatrial.errors import ConfigError, ExitCode, SeatrialError  # noqa: PLC0415

    is_json = "--json" in arguments
    signal.signal(signal.SIGTERM, _end)
    try:
        if name not in COMMANDS:
            from seatrial.config_values import nearest  # noqa: PLC0415

            raise ConfigError(
                f"unknown command {name!r}", hint=nearest(name, COMMANDS) or "seatrial --help lists them"
            )
        command = importlib.import_module(f"seatrial.cli.{name}")
        return int(command.run(arguments))
    except SeatrialError as error:
        return report_failure(error, is_json=is_json)
    except KeyboardInterrupt as stop:
        sys.stderr.write("\ninterrupted: the old image, if there was one, is untouched\n")
        return ExitCode.TERMINATED if stop.args else ExitCode.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.USAGE
    except Exception:
        return report_defect(is_json=is_json)


def _end(number: int, _: object) -> None:
    """Make SIGTERM, which CI systems send, end a command as Ctrl-C does: with all that it started."""
    raise KeyboardInterrupt(number)
