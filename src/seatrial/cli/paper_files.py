"""The files that a trial leaves for people and for CI: flags, and the writing of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from seatrial.host.files import write_whole
from seatrial.model.outcome import TrialOutcome


def add_paper_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name these files."""
    papers = parser.add_argument_group("papers")
    papers.add_argument("--facts", default="", metavar="FILE", help="all that was observed, as JSON")


def write_papers(asked: argparse.Namespace, outcome: TrialOutcome) -> None:
    """Write each file that was asked for, whole or not at all; raise OutputError where it cannot be."""
    if asked.facts and outcome.facts:
        from seatrial.papers.facts_json import facts_text  # noqa: PLC0415 - start-up time without it

        write_whole(Path(asked.facts).absolute(), facts_text(outcome.image, outcome.facts).encode())
