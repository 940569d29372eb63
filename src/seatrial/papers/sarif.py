"""Verdicts as SARIF 2.1.0 (OASIS), as code scanning services take it."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Final
from urllib.parse import quote

from seatrial.model.facts import Facts
from seatrial.model.outcome import TrialOutcome
from seatrial.model.verdict import Severity, State, Verdict
from seatrial.papers.wording import advice, printable, worst_first

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"

_LEVELS: Final = {
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
_MOST_LOCATIONS: Final = 10
_WORD: Final = re.compile(r"[^\s'\",;()]+")


def sarif_text(outcome: TrialOutcome, version: str) -> str:
    """Return the whole document. version: of Seatrial.

    Every check is a rule. A result is what stops the image, and what failed without stopping it: a
    service that shows results as alerts would make alerts of those that hold, too.
    """
    verdicts = worst_first(outcome.verdicts)
    rules = [_rule(verdict) for verdict in verdicts]
    results = [
        _result(verdict, number, outcome)
        for number, verdict in enumerate(verdicts)
        if verdict.is_blocking or verdict.state is State.FAIL
    ]
    driver = {"name": "Seatrial", "version": version, "semanticVersion": version, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"seatrial/{_uri(_without_tag(outcome.image))}/"},
        "invocations": [{"executionSuccessful": True}],
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(verdict: Verdict) -> dict[str, object]:
    words = printable("\n".join(part for part in (verdict.fix, verdict.reference) if part))
    rule: dict[str, object] = {
        "id": verdict.id,
        "name": "".join(word.capitalize() for word in re.split(r"[.-]", verdict.id)),
        "shortDescription": {"text": verdict.id.replace(".", ": ").replace("-", " ")},
        "help": {"text": words or "Nothing to do: it holds."},
        "defaultConfiguration": {"level": _LEVELS[verdict.severity]},
        "properties": {"tags": ["container", verdict.id.partition(".")[0]]},
    }
    return rule


def _result(verdict: Verdict, number: int, outcome: TrialOutcome) -> dict[str, object]:
    unseen = "Could not be observed: " if verdict.state is State.UNKNOWN else ""
    identity = printable(f"{_without_tag(outcome.image)} {verdict.id}")
    return {
        "ruleId": verdict.id,
        "ruleIndex": number,
        "kind": "fail",
        "level": _LEVELS[verdict.severity],
        "message": {"text": printable(unseen + advice(verdict))},
        "locations": [_location(path, outcome.image) for path in _paths(verdict, outcome.facts)],
        "partialFingerprints": {"seatrialVerdict/v1": hashlib.sha256(identity.encode()).hexdigest()},
    }


def _location(path: str, image: str) -> dict[str, object]:
    """Return a path in the image, or the image itself; services want a line number, which neither has."""
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(path or image)},
            "region": {"startLine": 1},
        },
        "logicalLocations": [{"fullyQualifiedName": printable(image), "kind": "resource"}],
    }


def _paths(verdict: Verdict, facts: Facts | None) -> list[str]:
    """Return the image's paths that the reason names; for what is said of the program, the program."""
    if facts is None:
        return [""]
    known = {path.path for path in facts.static.paths}
    words = [word.strip("/.:") for word in _WORD.findall(verdict.reason) if "/" in word]
    named = list(dict.fromkeys(word for word in words if word in known))
    if not named and verdict.id.startswith("binary."):
        named = [facts.static.executable.lstrip("/")]
    return named[:_MOST_LOCATIONS] or [""]


def _without_tag(image: str) -> str:
    """Return the name that stays the same from build to build."""
    name = image.partition("@")[0]
    head, colon, tag = name.rpartition(":")
    return head if colon and "/" not in tag else name


def _uri(text: str) -> str:
    """Return a relative URI reference (RFC 3986, 4.2)."""
    return quote(text.lstrip("/"), safe="/-._~", errors="replace") or "image"
