"""Facts + expectations -> verdicts. Every rule is looked at; none stops the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from seatrial.checks import (
    binary,
    image_entrypoint,
    image_files,
    image_healthcheck,
    image_size,
    image_user,
    trial_health,
    trial_sigterm,
    trial_spans,
    trial_start,
)
from seatrial.model.facts import Facts, RunningFacts, StaticFacts
from seatrial.model.verdict import Expectations, Verdict

STATIC_CHECKS: Final[tuple[Callable[[StaticFacts, Expectations], Verdict], ...]] = (
    image_user.check,
    image_entrypoint.check,
    image_files.check_well_formed,
    image_files.check_no_shell,
    image_files.check_no_setuid,
    image_files.check_no_world_writable,
    image_size.check,
    image_healthcheck.check,
    binary.check_static,
    binary.check_woven,
    binary.check_stripped,
)
RUNNING_CHECKS: Final[tuple[Callable[[RunningFacts, Expectations], Verdict], ...]] = (
    trial_start.check_answers,
    trial_start.check_reachable,
    trial_start.check_user,
    trial_spans.check_spans,
    trial_spans.check_sql_spans,
    trial_spans.check_log_trace_ids,
    trial_health.check_up,
    trial_health.check_down,
    trial_sigterm.check,
)


def judge(facts: Facts, expected: Expectations) -> tuple[Verdict, ...]:
    """Return one verdict for each rule, in a fixed order; never empty.

    A rule that could not look says ``unknown``; its severity is ``info`` where nothing was promised.
    An image that was not started has one verdict for that, "trial.starts", in place of all others.
    """
    static = tuple(check(facts.static, expected) for check in STATIC_CHECKS)
    starts = trial_start.check_starts(facts.running, expected)
    running = facts.running
    if running is None:
        return (*static, starts)
    return (*static, starts, *(check(running, expected) for check in RUNNING_CHECKS))


def holds(verdicts: tuple[Verdict, ...]) -> bool:
    """Return whether an image with these verdicts may be delivered: at least one, and none blocking."""
    return bool(verdicts) and not any(verdict.is_blocking for verdict in verdicts)
