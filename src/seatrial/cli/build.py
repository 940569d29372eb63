"""``seatrial build``: arguments -> Request, and the outcome as text or JSON."""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import isal

from seatrial.cli.arguments import add_printing_flags, host_architecture
from seatrial.cli.colour import coloured, is_wanted
from seatrial.cli.failure import json_text, print_json
from seatrial.cli.paper_files import add_paper_flags, named_papers, write_papers_of_build
from seatrial.cli.progress import Progress
from seatrial.cli.unchanged import cache_directory, own_files, question, record_path
from seatrial.config_values import BASES
from seatrial.errors import ConfigError, ExitCode
from seatrial.host import stamps
from seatrial.host.layout import parse_output
from seatrial.model.request import Request

if TYPE_CHECKING:
    from seatrial.model.outcome import Outcome


def parser() -> argparse.ArgumentParser:
    """Return the parser of this command; README and docs are checked against its help."""
    found = argparse.ArgumentParser(
        prog="seatrial build",
        description="Turn an unedited service into an instrumented, hardened image, and run it once.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Settings come from seatrial.toml beside the service; none are needed.",
    )
    found.add_argument("path", nargs="?", default=".", metavar="PATH", help="the service (default: here)")
    found.add_argument("--main", default="", metavar="PKG", help="main package, when there are several")
    found.add_argument(
        "-o",
        "--output",
        action="append",
        default=[],
        metavar="DIR|FILE.tar",
        help="an OCI layout, or a tar for docker load; may be given twice (default: in the cache)",
    )
    found.add_argument(
        "-t", "--tag", default="", metavar="REF", help="the image's name, such as orders:1.4.2"
    )
    found.add_argument("--platform", default="", metavar="OS/ARCH", help="linux/amd64 or linux/arm64")
    found.add_argument("--instrument", choices=("orchestrion", "none"), default="", help="what weaves")
    found.add_argument("--base", choices=BASES, default="", help="what the image stands on")
    found.add_argument("--config", default="", metavar="FILE", help="a seatrial.toml from elsewhere")
    found.add_argument("--plan", action="store_true", help="print what would be done, and stop")
    found.add_argument("--no-trial", action="store_true", help="deliver without running it")
    add_paper_flags(found)
    add_printing_flags(found, quiet="only errors", verbose="every verdict, also those that passed")
    return found


def run(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    asked = parser().parse_args(arguments)
    request = _request(asked)
    if asked.plan:
        from seatrial.cli.story import plan_json  # noqa: PLC0415 - start-up time
        from seatrial.pipeline import plan_build  # noqa: PLC0415

        print_json(plan_json(plan_build(request)[0]))
        return ExitCode.OK
    if asked.no_trial and named_papers(asked):
        raise ConfigError("there are no papers without a trial", where="--no-trial")
    from seatrial.pipeline import build  # noqa: PLC0415 - start-up time of --help

    with Progress(is_quiet=asked.quiet, is_verbose=asked.verbose) as progress:
        outcome = build(request, progress)
    from seatrial.cli.story import outcome_json, outcome_text  # noqa: PLC0415 - as above

    write_papers_of_build(asked, outcome)
    if asked.json:
        print_json(outcome_json(outcome, cached=False))
    elif not asked.quiet or not outcome.holds:
        text = outcome_text(outcome, is_verbose=asked.verbose)
        sys.stdout.write(coloured(text, is_wanted=is_wanted(sys.stdout, request.env)))
    if not outcome.holds:
        return ExitCode.VERDICT_FAILED
    _remember(outcome, arguments, request, named_papers(asked))
    return ExitCode.OK


def parse_request(arguments: list[str]) -> Request:
    """Return the request that these arguments of ``build`` make, for commands that share its stages."""
    return _request(parser().parse_args(arguments))


def _request(asked: argparse.Namespace) -> Request:
    env = dict(os.environ)
    here = Path.cwd()
    root = (here / asked.path).resolve()
    if not root.is_dir():
        raise ConfigError("is not a directory", where=str(root), hint="seatrial build PATH takes a directory")
    host = host_architecture()
    return Request(
        root=root,
        main=asked.main,
        instrument=asked.instrument,
        base=asked.base,
        architecture=_architecture(asked.platform, host),
        host_architecture=host,
        outputs=tuple(parse_output(text, here) for text in asked.output),
        reference=asked.tag,
        should_try=not asked.no_trial,
        config_file=(here / asked.config).resolve() if asked.config else None,
        cache=Path(cache_directory(env)),
        env=env,
        now=datetime.now(UTC),
        wants_sizes=bool(asked.html or asked.facts),
    )


def _architecture(platform_text: str, host: str) -> str:
    system, _, architecture = (platform_text or f"linux/{host}").partition("/")
    if system != "linux" or architecture not in {"amd64", "arm64"}:
        raise ConfigError(
            f"{platform_text!r} is not a platform that can be built",
            where="--platform",
            hint="one of: linux/amd64, linux/arm64",
        )
    return architecture


def _remember(outcome: Outcome, arguments: list[str], request: Request, papers: list[str]) -> None:
    """Write what the next run needs to see that nothing has changed."""
    inputs = stamps.take(outcome.watched, outcome.began_ns)
    if inputs is None:
        return  # a file changed while it was being built: the next run has to look
    outputs: list[str] = [*papers]
    for output in outcome.delivered:
        if output.path.is_dir():
            for folder, _, names in os.walk(output.path):
                outputs += [folder, *(os.path.join(folder, name) for name in names)]
        else:
            outputs.append(str(output.path))
    # An installation beside Seatrial, such as another encoder, shows in the folder that holds them all.
    written = stamps.take([*outputs, *own_files(), str(Path(isal.__file__).parents[1])])
    from seatrial.cli.story import outcome_json, outcome_text  # noqa: PLC0415 - as above

    texts = {
        "json": json_text(outcome_json(outcome, cached=True)),
        "text": outcome_text(outcome, is_verbose=False),
        "verbose_text": outcome_text(outcome, is_verbose=True),
    }
    asked = question(arguments, os.getcwd(), request.env)
    stamps.save(record_path(asked, request.env), asked, {**inputs, **(written or {})}, texts)
