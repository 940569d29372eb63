"""``seatrial sync``: bring the kept files up to the lock and to this Seatrial's templates."""

from __future__ import annotations

import argparse

from seatrial.cli.build import parse_request
from seatrial.cli.init import add_writing_options, carry_out


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    found = argparse.ArgumentParser(
        prog="seatrial sync",
        description="Bring the files that seatrial init wrote up to seatrial.lock. Your own lines around the "
        "marked blocks stay; a block that was edited by hand is shown, and then nothing is written.",
    )
    found.add_argument("path", nargs="?", default=".", metavar="PATH", help="the service (default: here)")
    found.add_argument(
        "--check", action="store_true", help="change nothing; print a diff and exit 1 when files differ"
    )
    add_writing_options(found)
    return found


def run(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    asked = parser().parse_args(arguments)
    from seatrial.keep import Wish  # noqa: PLC0415 - start-up time of --help

    wish = Wish(request=parse_request([asked.path]), is_first=False)
    return carry_out(wish, asked, is_check=asked.check)
