"""The outcome of a build as a short, readable story, and as the object of --json."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import PurePath

from seatrial.cli.running_story import running_lines
from seatrial.cli.verdict_story import failed_lines, size, verdict_json, verdict_line
from seatrial.model.facts import RunningFacts
from seatrial.model.outcome import Outcome
from seatrial.model.plan import Plan
from seatrial.model.verdict import State


def outcome_json(outcome: Outcome, *, cached: bool) -> dict[str, object]:
    """Return the documented object (docs/configuration.md, "build --json")."""
    image, built = outcome.image, outcome.built
    return {
        "image": {
            "digest": image.digest,
            "path": str(outcome.delivered[0].path),
            "reference": image.reference,
            "size_bytes": image.size_bytes,
            "compressed_bytes": image.compressed_bytes,
            "outputs": [
                {
                    "path": str(one.path),
                    "form": one.form,
                    "size_bytes": one.size_bytes,
                    "is_proven": one.is_proven,
                }
                for one in outcome.delivered
            ],
        },
        "binary": {
            "sha256": built.sha256,
            "size_bytes": built.size_bytes,
            "is_static": built.is_static,
            "is_woven": built.is_woven,
            "hidden_modules": list(built.modules_hidden),
        },
        "cached": cached,
        "verdicts": [verdict_json(verdict) for verdict in outcome.verdicts],
        "trial": _running_json(outcome.facts.running if outcome.facts else None),
        "warnings": list(outcome.warnings),
        "proposal": outcome.proposal,
    }


def plan_json(plan: Plan) -> object:
    """Return the plan as plain values; the list of input files is counted, not printed."""
    values = asdict(plan)
    project = values["project"]
    project["inputs"] = len(project["inputs"])
    project["input_directories"] = len(project["input_directories"])
    return _plain(values)


def outcome_text(outcome: Outcome, *, is_verbose: bool) -> str:
    """Return the story: what failed first, then what was built, what it did, and where it is."""
    lines = failed_lines(outcome.verdicts)
    image, built = outcome.image, outcome.built
    words = ["woven" if built.is_woven else "not woven", "static" if built.is_static else "dynamic"]
    lines.append(f"image    {image.reference}  {image.digest}")
    lines.append(
        f"size     {size(image.size_bytes)} in files, {size(image.compressed_bytes)} to pull; "
        f"program {size(built.size_bytes)}, {', '.join(words)}"
    )
    if outcome.facts and outcome.facts.running:
        lines += running_lines(outcome.facts.running)
    shown = [verdict for verdict in outcome.verdicts if not verdict.is_blocking]
    passed = sum(verdict.state is State.PASS for verdict in outcome.verdicts)
    if is_verbose:
        lines += [verdict_line(verdict) for verdict in shown]
    if outcome.verdicts:
        lines.append(f"verdicts {passed} of {len(outcome.verdicts)} hold")
    if outcome.proposal and outcome.holds:
        lines.append("settings its trial needed, found in its tree; to keep them, in seatrial.toml:")
        lines += [f"    {line}" for line in outcome.proposal.splitlines()]
    for output in outcome.delivered:
        lines.append(f"{'written' if output.is_proven else 'kept as'}  {output.path}")
    return "\n".join(lines) + "\n"


def _running_json(running: RunningFacts | None) -> object:
    return _plain(asdict(running)) if running else None


def _plain(value: object) -> object:
    """Turn paths, enums and tuples into what JSON has."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, PurePath) else value
