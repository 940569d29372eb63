"""``seatrial tags``: the image's tags, from git and CI."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from seatrial.cli.failure import print_json
from seatrial.errors import ConfigError, ExitCode


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    found = argparse.ArgumentParser(
        prog="seatrial tags",
        description="Print the tags that git and CI give an image, one a line, the most exact first.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="tag v1.4.2: 1.4.2, and 1.4, 1, latest where no newer release has them; default branch:\n"
        "edge, sha-…; another branch: its name, made legal; pull request: pr-N; changed files: -dirty.\n"
        "exit code 1 with --pushable: the tags are printed, but must not be pushed",
    )
    found.add_argument("path", nargs="?", default=".", metavar="PATH", help="the service (default: here)")
    found.add_argument(
        "--image", default="", metavar="NAME", help="print NAME:TAG, such as ghcr.io/me/orders:1.4.2"
    )
    found.add_argument(
        "--pushable", action="store_true", help="exit 1 for changed files and pull requests, and say why"
    )
    found.add_argument(
        "--json", action="store_true", help="print one JSON object, and nothing else, to stdout"
    )
    return found


def run(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    from seatrial.host.git_names import read_names  # noqa: PLC0415 - start-up time of --help
    from seatrial.tags import image_tags  # noqa: PLC0415

    asked = parser().parse_args(arguments)
    directory = Path(asked.path)
    if not directory.is_dir():
        raise ConfigError("is not a directory", where=asked.path)
    found = image_tags(read_names(directory.resolve(), os.environ), os.environ)
    references = [f"{asked.image}:{tag}" if asked.image else tag for tag in found.tags]
    if asked.json:
        print_json(
            {
                "tags": list(found.tags),
                "references": references if asked.image else [],
                "version": found.version,
                "is_pushable": found.is_pushable,
                "reason": found.why_kept,
                "warnings": list(found.warnings),
            }
        )
    else:
        sys.stdout.writelines(f"{reference}\n" for reference in references)
        sys.stderr.writelines(f"seatrial: {warning}\n" for warning in found.warnings)
    if asked.pushable and not found.is_pushable:
        sys.stderr.write(f"seatrial: not to be pushed: {found.why_kept}\n")
        return ExitCode.VERDICT_FAILED
    return ExitCode.OK
