"""``seatrial init``: write the files that a team keeps in its own repository."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from seatrial.cli.build import parse_request
from seatrial.cli.failure import print_json
from seatrial.cli.progress import Progress
from seatrial.errors import ExitCode

if TYPE_CHECKING:
    from seatrial.keep import Kept, Wish


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    found = argparse.ArgumentParser(
        prog="seatrial init",
        description="Write the Dockerfile, Makefile, Orchestrion and CI files of a Go service. What is there "
        "is kept: a file of yours is never replaced, and all files are written or none.",
    )
    found.add_argument("path", nargs="?", default=".", metavar="PATH", help="the service (default: here)")
    found.add_argument("--main", default="", metavar="PKG", help="main package, when there are several")
    found.add_argument(
        "--ci",
        action="append",
        choices=("github", "gitlab"),
        default=[],
        help="whose pipeline to write; may be given twice (default: what the repository has)",
    )
    found.add_argument(
        "--tool-pin",
        choices=("go.mod", "tools.mod"),
        default="",
        help="the file for Orchestrion's tool line (default: go.mod, unless that moves a module of yours)",
    )
    add_writing_options(found)
    return found


def add_writing_options(found: argparse.ArgumentParser) -> None:
    """Add what ``init`` and ``sync`` have in common."""
    found.add_argument("--dry-run", action="store_true", help="print the diff, and change nothing")
    found.add_argument(
        "--allow-uncommitted", action="store_true", help="edit files with changes that git does not have"
    )
    found.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    found.add_argument("-q", "--quiet", action="store_true", help="only errors, and what conflicts")


def run(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    asked = parser().parse_args(arguments)
    from seatrial.keep import Wish  # noqa: PLC0415 - start-up time of --help

    words = [asked.path, *(["--main", asked.main] if asked.main else [])]
    wish = Wish(request=parse_request(words), hosts=tuple(sorted(set(asked.ci))), pin_file=asked.tool_pin)
    return carry_out(wish, asked, is_check=False)


def carry_out(wish: Wish, asked: argparse.Namespace, *, is_check: bool) -> int:
    """Plan, tell, and write unless that was not wanted; return the exit code."""
    from seatrial.cli.kept_story import plan_json, plan_text  # noqa: PLC0415 - start-up time of --help
    from seatrial.keep import plan_files, write_files  # noqa: PLC0415

    is_shown_only = asked.dry_run or is_check
    wish = replace(wish, may_recover=not is_shown_only, may_touch_uncommitted=asked.allow_uncommitted)
    with Progress(is_quiet=asked.quiet) as progress:
        kept = plan_files(wish, progress)
    is_written = not is_shown_only and not kept.files.conflicts
    if not asked.quiet or kept.files.conflicts:
        sys.stderr.write(plan_text(kept))
    if is_written:
        write_files(kept, wish.request.env, may_touch_uncommitted=asked.allow_uncommitted)
    if asked.json:
        print_json(plan_json(kept, is_written=is_written))
    else:
        _tell(kept, is_written=is_written, is_quiet=asked.quiet)
    if kept.files.conflicts or (is_check and kept.files.has_drift):
        return ExitCode.VERDICT_FAILED
    return ExitCode.OK


def _tell(kept: Kept, *, is_written: bool, is_quiet: bool) -> None:
    from seatrial.cli.kept_story import diff_text  # noqa: PLC0415 - start-up time of --help

    count = len(kept.files.writes)
    if not is_written:
        sys.stdout.write(diff_text(kept))
    elif not is_quiet:
        sys.stdout.write(
            f"written  {count} files in {kept.root}\n" if count else f"nothing to change in {kept.root}\n"
        )
