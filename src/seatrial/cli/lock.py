"""``seatrial lock``: write the pins beside a service, or look for newer ones that fit together."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Final

from seatrial.cli.build import parse_request
from seatrial.cli.failure import print_json
from seatrial.cli.progress import Progress
from seatrial.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from seatrial.keep.renewal import Renewal

# As renew.found.Group has them, which is not imported for --help; a test compares both.
GROUPS: Final = ("go", "images", "actions", "tools", "base")
_TIMEOUT_S: Final = 20.0
_MIN_RELEASE_AGE_DAYS: Final = 3


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    found = argparse.ArgumentParser(
        prog="seatrial lock",
        description="Write seatrial.lock beside a service: the versions and digests that its builds use. "
        "With --update, look for newer ones that fit together; all of them are written, or none.",
    )
    found.add_argument("path", nargs="?", default=".", metavar="PATH", help="the service (default: here)")
    found.add_argument("--update", action="store_true", help="look for newer pins (docs/lock.md)")
    found.add_argument(
        "--dry-run", action="store_true", help="with --update: print what would move, and write nothing"
    )
    found.add_argument(
        "--only",
        default="",
        metavar="GROUPS",
        help=f"with --update: only these of {','.join(GROUPS)}; the others are not asked for",
    )
    found.add_argument("--go", default="", metavar="1.N", help="with --update: move to that Go")
    found.add_argument(
        "--min-release-age",
        type=int,
        metavar="DAYS",
        help="with --update: leave releases that have been out for less "
        f"(default: {_MIN_RELEASE_AGE_DAYS}; 0 takes any)",
    )
    found.add_argument(
        "--timeout",
        type=float,
        default=_TIMEOUT_S,
        metavar="S",
        help=f"with --update: seconds to wait for each answer (default: {_TIMEOUT_S:g})",
    )
    found.add_argument("--base", default="", help="the base to pin (default: the settings')")
    found.add_argument("--json", action="store_true", help="print one JSON object to stdout")
    found.add_argument("-q", "--quiet", action="store_true", help="only errors")
    return found


def run(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    asked = parser().parse_args(arguments)
    if asked.update:
        return _update(asked)
    for option, value in (
        ("--dry-run", asked.dry_run),
        ("--only", asked.only),
        ("--go", asked.go),
        ("--min-release-age", asked.min_release_age is not None),
    ):
        if value:
            raise ConfigError(f"{option} is of --update", where="seatrial lock", hint="add --update")
    from seatrial.pipeline import pin_service  # noqa: PLC0415 - start-up time of --help

    with Progress(is_quiet=asked.quiet) as progress:
        path, table = pin_service(parse_request(_words(asked)), progress)
    if asked.json:
        print_json(table)
    elif not asked.quiet:
        sys.stdout.write(f"written  {path}\n")
    return ExitCode.OK


def _update(asked: argparse.Namespace) -> int:
    from seatrial.cli.renewal_story import proposals_text, renewal_json  # noqa: PLC0415 - as above
    from seatrial.keep.renewal import content, propose, refuse, write  # noqa: PLC0415

    with Progress(is_quiet=asked.quiet) as progress:
        renewed = propose(_renewal(asked), progress)
    if not asked.quiet and not asked.json:
        sys.stdout.write(proposals_text(renewed))
        sys.stdout.flush()
    refuse(renewed)
    if not asked.dry_run:
        write(renewed)
    if asked.json:
        is_written = renewed.is_new and not asked.dry_run
        print_json(renewal_json(renewed, lock=content(renewed), is_written=is_written))
    elif not asked.quiet:
        sys.stdout.write(_ending(asked, str(renewed.path), is_new=renewed.is_new))
        if renewed.is_new and renewed.has_kept_files and not asked.dry_run:
            sys.stdout.write("next     seatrial sync brings the files up to date; --dry-run shows the diff\n")
    return ExitCode.OK


def _ending(asked: argparse.Namespace, path: str, *, is_new: bool) -> str:
    if not is_new:
        return f"nothing newer fits; {path} stays\n"
    return f"nothing written: --dry-run ({path})\n" if asked.dry_run else f"written  {path}\n"


def _renewal(asked: argparse.Namespace) -> Renewal:
    from seatrial.keep.renewal import Renewal  # noqa: PLC0415 - as above
    from seatrial.renew.found import Group  # noqa: PLC0415

    if not 0 < asked.timeout <= 3600:
        raise ConfigError("not a time between 0 and 3600 seconds", where="--timeout")
    days = _MIN_RELEASE_AGE_DAYS if asked.min_release_age is None else asked.min_release_age
    if not 0 <= days <= 365:
        raise ConfigError("not a number of days from 0 to 365", where="--min-release-age")
    groups = frozenset(map(Group, parse_groups(asked.only)))
    if asked.go and Group.GO not in groups:
        raise ConfigError("--only leaves Go out, which --go would move", where="--go")
    return Renewal(
        request=parse_request(_words(asked)),
        groups=groups,
        minor=asked.go,
        timeout_s=asked.timeout,
        min_release_age_days=days,
    )


def parse_groups(text: str) -> tuple[str, ...]:
    """Read --only; all groups when it is empty. Raises ConfigError, which names the nearest."""
    from seatrial.config_values import nearest  # noqa: PLC0415 - as above

    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in GROUPS:
            hint = nearest(word, GROUPS) or f"known: {', '.join(GROUPS)}"
            raise ConfigError(f"no group of pins is called {word!r}", where="--only", hint=hint)
    if text and not words:
        raise ConfigError("no group is named", where="--only", hint=f"known: {', '.join(GROUPS)}")
    return tuple(words) or GROUPS


def _words(asked: argparse.Namespace) -> list[str]:
    return [asked.path, *(["--base", asked.base] if asked.base else [])]
