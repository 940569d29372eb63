"""Verdicts as JUnit XML, as Jenkins, GitLab, Azure and others read it: one test case for each verdict."""

from __future__ import annotations

from typing import Final
from xml.etree import ElementTree as ET

from seatrial.model.outcome import TrialOutcome
from seatrial.model.verdict import State, Verdict
from seatrial.papers.wording import advice, printable, worst_first

_LOG_LINES: Final = 200


def junit_text(outcome: TrialOutcome) -> str:
    """Return the whole document.

    A failed verdict is a failure and an unknown one an error, when it stops the image; what is only
    told is skipped, with its reason.
    """
    verdicts = worst_first(outcome.verdicts)
    kinds = [_kind(verdict) for verdict in verdicts]
    counts = {"tests": str(len(kinds)), "failures": str(kinds.count("failure"))}
    counts["errors"] = str(kinds.count("error"))
    root = ET.Element("testsuites", {"name": "seatrial", **counts})
    suite = ET.SubElement(
        root,
        "testsuite",
        {"name": printable(outcome.image), **counts, "skipped": str(kinds.count("skipped"))},
    )
    _add_properties(suite, outcome)
    for verdict, kind in zip(verdicts, kinds, strict=True):
        _add_case(suite, verdict, kind)
    running = outcome.facts.running if outcome.facts else None
    if running and running.log_lines:
        ET.SubElement(suite, "system-out").text = printable("\n".join(running.log_lines[-_LOG_LINES:]))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _kind(verdict: Verdict) -> str:
    """Return the element that a case holds; "" for one that passed."""
    if verdict.state is State.PASS:
        return ""
    if not verdict.is_blocking:
        return "skipped"
    return "failure" if verdict.state is State.FAIL else "error"


def _add_properties(suite: ET.Element, outcome: TrialOutcome) -> None:
    facts = outcome.facts
    if facts is None:
        return
    found = {"digest": facts.static.digest, "engine": facts.running.engine if facts.running else ""}
    properties = ET.SubElement(suite, "properties")
    for name, value in found.items():
        if value:
            ET.SubElement(properties, "property", {"name": f"seatrial.{name}", "value": printable(value)})


def _add_case(suite: ET.Element, verdict: Verdict, kind: str) -> None:
    group = verdict.id.partition(".")[0]
    case = ET.SubElement(suite, "testcase", {"classname": f"seatrial.{group}", "name": verdict.id})
    if not kind:
        return
    message = printable(verdict.reason.partition("\n")[0])
    element = ET.SubElement(case, kind, {"message": message, "type": str(verdict.severity)})
    element.text = printable(advice(verdict))
