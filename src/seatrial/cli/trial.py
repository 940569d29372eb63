"""``seatrial trial``: any image, built by anyone, looked at, run and judged."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from seatrial.cli.arguments import add_printing_flags, host_architecture
from seatrial.cli.colour import coloured, is_wanted
from seatrial.cli.failure import print_json
from seatrial.cli.paper_files import add_paper_flags, write_papers
from seatrial.cli.progress import Progress
from seatrial.cli.trial_story import trial_json, trial_text
from seatrial.cli.unchanged import cache_directory
from seatrial.errors import ConfigError, ExitCode
from seatrial.model.facts import Facts
from seatrial.model.outcome import TrialOutcome

_ENGINES: Final = ("auto", "sandbox", "docker", "podman")


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command."""
    found = argparse.ArgumentParser(
        prog="seatrial trial",
        description="Look at any image, run it, and judge it. No source is needed.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="IMAGE: an OCI layout directory, a tar (OCI or docker save), docker:REF, podman:REF, or a\n"
        "REF that a local engine has. DIR@sha256:… chooses one of several images.",
    )
    found.add_argument("image", nargs="?", default="", metavar="IMAGE", help="what to try (see below)")
    found.add_argument("--platform", default="", metavar="OS/ARCH", help="which of several images")
    found.add_argument(
        "--config",
        default="",
        metavar="FILE",
        help="a seatrial.toml (default: the one here, if there is one)",
    )
    found.add_argument(
        "--expect",
        action="append",
        default=[],
        metavar="LIST",
        help="promises to hold it to: static,woven,spans,healthcheck,database,graceful,size=50MB,user=65532; "
        "all: what a build promises",
    )
    found.add_argument("--no-run", action="store_true", help="look at it only; nothing is started")
    found.add_argument("--engine", choices=_ENGINES, default="auto", help="what runs it (default: auto)")
    found.add_argument(
        "--from-facts", default="", metavar="FILE", help="judge saved facts again; nothing is run"
    )
    add_paper_flags(found)
    add_printing_flags(found, quiet="only what failed", verbose="every verdict, request and trace")
    return found


def run(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    asked = parser().parse_args(arguments)
    if bool(asked.image) == bool(asked.from_facts):
        raise ConfigError("name an image, or a file of facts with --from-facts", hint="seatrial trial --help")
    with Progress(is_quiet=asked.quiet, is_verbose=asked.verbose) as progress:
        outcome = _outcome(asked, dict(os.environ), Path.cwd(), progress)
    write_papers(asked, outcome)
    if asked.json:
        print_json(trial_json(outcome))
    elif not asked.quiet or not outcome.holds:
        text = trial_text(outcome, is_verbose=asked.verbose)
        sys.stdout.write(coloured(text, is_wanted=is_wanted(sys.stdout, os.environ)))
    return ExitCode.OK if outcome.holds else ExitCode.VERDICT_FAILED


def _outcome(
    asked: argparse.Namespace, env: Mapping[str, str], here: Path, progress: Progress
) -> TrialOutcome:
    from seatrial.config import read_settings, trial_plan  # noqa: PLC0415 - start-up time of --help
    from seatrial.trial import Where, judged, try_image  # noqa: PLC0415
    from seatrial.trial.locate import located  # noqa: PLC0415
    from seatrial.trial.promises import promises  # noqa: PLC0415

    settings = read_settings(here, here / asked.config if asked.config else None)
    words = tuple(word.strip() for text in asked.expect for word in text.split(",") if word.strip())
    promised = promises(settings, words)
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    if asked.from_facts:
        name, facts = _saved_facts(here / asked.from_facts)
        expected = promised.expectations(facts, is_run=not asked.no_run, today=today)
        return judged(name, facts, expected)
    where = Where(
        cache=Path(cache_directory(env)),
        env=env,
        architecture=host_architecture(),
        today=today,
        engine=asked.engine,
        has_code_bytes=bool(asked.html or asked.facts or asked.json),
    )
    plan = None if asked.no_run else trial_plan(settings, service_name=_service_name(asked.image), root=here)
    architecture = _architecture(asked.platform)
    progress.stage(f"looking at {asked.image}" if plan is None else f"trying {asked.image}")
    with located(asked.image, here=here, architecture=architecture, cache=where.cache, env=env) as subject:
        return try_image(asked.image, subject, plan, promised, where)


def _saved_facts(path: Path) -> tuple[str, Facts]:
    from seatrial.papers.facts_json import read_facts  # noqa: PLC0415 - start-up time without saved facts

    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return read_facts(content, str(path))


def _architecture(text: str) -> str:
    """Return the architecture of --platform; the variant, as in linux/arm64/v8, says nothing more here."""
    if not text:
        return ""
    words = text.split("/")
    if words[0] != "linux" or len(words) < 2 or not words[1]:
        raise ConfigError(f"{text!r} is not a platform", where="--platform", hint="such as linux/amd64")
    return words[1]


def _service_name(image: str) -> str:
    """Return a name for spans: the image's last word, without tag, digest and ending."""
    last = image.partition("@")[0].rstrip("/").rpartition("/")[2].removesuffix(".tar")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last.partition(":")[0]).strip("-.") or "trial"
