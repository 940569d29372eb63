"""The files that a trial leaves for people and for CI: flags, and the writing of them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seatrial import __version__
from seatrial.host.files import output_error, write_whole

if TYPE_CHECKING:
    from seatrial.model.outcome import Outcome, TrialOutcome

_PAPERS: Final = {
    "facts": "all that was observed, as JSON",
    "junit": "the verdicts as JUnit XML",
    "sarif": "the verdicts as SARIF 2.1.0",
    "html": "the whole trial as one page",
    "summary": "append the verdicts as Markdown, as to $GITHUB_STEP_SUMMARY",
}


def add_paper_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that name these files."""
    papers = parser.add_argument_group("papers")
    for name, words in _PAPERS.items():
        papers.add_argument(f"--{name}", default="", metavar="FILE", help=words)


def named_papers(asked: argparse.Namespace) -> list[str]:
    """Return the files that were asked for, absolute."""
    values = vars(asked)
    return [str(Path(str(values[name])).absolute()) for name in _PAPERS if values[name]]


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


def write_papers_of_build(asked: argparse.Namespace, outcome: Outcome) -> None:
    """Write the papers of the trial that a build ended in; the image is called by its reference."""
    if not named_papers(asked):
        return
    from seatrial.model.outcome import TrialOutcome  # noqa: PLC0415 - start-up time of a build without papers

    reference = outcome.image.reference
    write_papers(asked, TrialOutcome(image=reference, facts=outcome.facts, verdicts=outcome.verdicts))


def _write(name: str, text: str) -> None:
    write_whole(Path(name).absolute(), text.encode())


def _append(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab") as stream:
            stream.write(text.encode())
    except OSError as error:
        raise output_error(path, error) from error
