"""The files that a trial leaves for people and for CI: flags, and the writing of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from seatrial import __version__
from seatrial.host.files import output_error, write_whole
from seatrial.model.outcome import TrialOutcome


def add_paper_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name these files."""
    papers = parser.add_argument_group("papers")
    for flag, words in (
        ("--facts", "all that was observed, as JSON"),
        ("--junit", "the verdicts as JUnit XML"),
        ("--sarif", "the verdicts as SARIF 2.1.0"),
        ("--html", "the whole trial as one page"),
        ("--summary", "append the verdicts as Markdown, as to $GITHUB_STEP_SUMMARY"),
    ):
        papers.add_argument(flag, default="", metavar="FILE", help=words)


def write_papers(asked: argparse.Namespace, outcome: TrialOutcome) -> None:
    """Write each file that was asked for, whole or not at all; raise OutputError where it cannot be."""
    # Imported when asked for: each paper costs start-up time.
    if asked.facts and outcome.facts:
        from seatrial.papers.facts_json import facts_text  # noqa: PLC0415

        _write(asked.facts, facts_text(outcome.image, outcome.facts))
    if asked.junit:
        from seatrial.papers.junit import junit_text  # noqa: PLC0415

        _write(asked.junit, junit_text(outcome))
    if asked.sarif:
        from seatrial.papers.sarif import sarif_text  # noqa: PLC0415

        _write(asked.sarif, sarif_text(outcome, __version__))
    if asked.html:
        from seatrial.papers.page import page_text  # noqa: PLC0415

        _write(asked.html, page_text(outcome, __version__))
    if asked.summary:
        from seatrial.papers.summary import summary_text  # noqa: PLC0415

        _append(Path(asked.summary), summary_text(outcome))


def _write(name: str, text: str) -> None:
    write_whole(Path(name).absolute(), text.encode())


def _append(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab") as stream:
            stream.write(text.encode())
    except OSError as error:
        raise output_error(path, error) from error
