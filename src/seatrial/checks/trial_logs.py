"""What the service prints: machine-readable, with levels."""

from __future__ import annotations

import json
from typing import Final

from seatrial.checks.rule import Rule
from seatrial.model.facts import RunningFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

JSON: Final = Rule(
    id="trial.logs-json", severity=Severity.INFO, reference="The Twelve-Factor App, XI; OpenTelemetry, Logs"
)

_LEVELS: Final = ("level", "severity", "lvl", "log.level", "severity_text")


def check_json(facts: RunningFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as the others
    """Count the lines that are JSON objects, and those of them that tell their level."""
    lines = [line for line in facts.log_lines if line.strip()]
    if not lines:
        return JSON.unknown("nothing was printed")
    objects = [found for found in map(_object, lines) if found is not None]
    levels = sum(any(name in one for name in _LEVELS) for one in objects)
    counted = f"{len(objects)} of {len(lines)} log lines are JSON objects, {levels} tell their level"
    # Runtimes and libraries print lines of their own: most is enough.
    if len(objects) * 2 > len(lines):
        return JSON.passes(counted)
    return JSON.fails(counted, "log JSON: slog.New(slog.NewJSONHandler(os.Stdout, nil))")


def _object(line: str) -> dict[str, object] | None:
    if not line.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
