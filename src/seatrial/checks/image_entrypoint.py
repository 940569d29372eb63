"""The image starts a program that is in it, without a shell."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule
from seatrial.checks.settings import process_settings, text, texts
from seatrial.model.facts import PathFact, StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

RULE: Final = Rule(id="image.entrypoint", severity=Severity.HIGH, reference="OCI image-spec, config.md")

_SHELLS: Final = ("sh", "bash", "dash", "ash", "busybox")


def check(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - one form for all checks
    """Look at Entrypoint and Cmd, and at the file that they name."""
    settings = process_settings(facts)
    argv = texts(settings, "Entrypoint") or texts(settings, "Cmd")
    fix = 'set ENTRYPOINT in exec form, such as ["/server"]'
    if not argv:
        return RULE.fails("the image does not say what to start", fix)
    if argv[0].rpartition("/")[2] in _SHELLS:
        return RULE.fails(f"starts through a shell: {' '.join(argv[:3])}", fix)
    script = facts.script_interpreter.removeprefix("/usr/bin/env").split()[:1]
    if script and script[0].rpartition("/")[2] in _SHELLS:
        return RULE.fails(f"starts through a shell: {argv[0]} is a script for {script[0]}", fix)
    program = next((path for path in facts.paths if _same(path.path, facts.executable)), None)
    if not facts.executable or program is None:
        return RULE.fails(f"{argv[0]} is not in the image", fix)
    if not _may_execute(program, text(settings, "User")):
        return RULE.fails(
            f"{argv[0]} has mode {program.mode:04o}, which its user may not execute", "set mode 0755"
        )
    return RULE.passes(f"starts {argv[0]}")


def _same(path: str, other: str) -> bool:
    return path.lstrip("/") == other.lstrip("/")


def _may_execute(program: PathFact, user: str) -> bool:
    uid, _, gid = user.partition(":")
    if uid == str(program.uid):
        return bool(program.mode & 0o100)
    if gid == str(program.gid):
        return bool(program.mode & 0o010)
    return bool(program.mode & 0o001) or uid in {"", "0"}
