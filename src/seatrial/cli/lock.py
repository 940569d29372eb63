"""``seatrial lock``: write the pins beside a service, or renew them."""

from __future__ import annotations

import argparse
import sys

from seatrial.cli.build import parse_request
from seatrial.cli.failure import print_json
from seatrial.cli.progress import Progress
from seatrial.errors import ExitCode


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    found = argparse.ArgumentParser(
        prog="seatrial lock",
        description="Write seatrial.lock beside a service: the versions and digests that its builds use.",
    )
    found.add_argument("path", nargs="?", default=".", metavar="PATH", help="the service (default: here)")
    found.add_argument("--update", action="store_true", help="look for newer packages even where a lock is")
    found.add_argument("--base", default="", help="the base to pin (default: the settings')")
    found.add_argument("--json", action="store_true", help="print the lock to stdout")
    found.add_argument("-q", "--quiet", action="store_true", help="only errors")
    return found


def run(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    from seatrial.pipeline import pin_service  # noqa: PLC0415 - start-up time of --help

    asked = parser().parse_args(arguments)
    words = [asked.path, *(["--base", asked.base] if asked.base else [])]
    with Progress(is_quiet=asked.quiet) as progress:
        path, table = pin_service(parse_request(words), progress, should_renew=asked.update)
    if asked.json:
        print_json(table)
    elif not asked.quiet:
        sys.stdout.write(f"written  {path}\n")
    return ExitCode.OK
