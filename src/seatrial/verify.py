"""Facts + expectations -> verdicts. Every rule is looked at; none stops the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from seatrial.checks import (
    binary,
    binary_go,
    binary_hardening,
    image_base,
    image_entrypoint,
    image_files,
    image_healthcheck,
    image_layers,
    image_leftovers,
    image_platform,
    image_program,
    image_secrets,
    image_settings,
    image_size,
    image_user,
    trial_health,
    trial_logs,
    trial_sigterm,
    trial_spans,
    trial_start,
    trial_variations,
)
from seatrial.model.facts import Facts, RunningFacts, StaticFacts
from seatrial.model.verdict import Expectations, Verdict

STATIC_CHECKS: Final[tuple[Callable[[StaticFacts, Expectations], Verdict], ...]] = (
    image_user.check,
    image_program.check_user_exists,
    image_entrypoint.check,
    image_platform.check,
    image_program.check_not_writable,
    image_files.check_well_formed,
    image_layers.check_layers,
    image_layers.check_links,
    image_secrets.check_no_secrets,
    image_secrets.check_no_version_control,
    image_files.check_no_shell,
    image_leftovers.check_no_package_manager,
    image_leftovers.check_no_build_leftovers,
    image_files.check_no_setuid,
    image_files.check_no_file_capabilities,
    image_files.check_no_world_writable,
    image_base.check,
    image_size.check,
    image_healthcheck.check,
    image_settings.check_env,
    image_settings.check_ports,
    image_settings.check_stop_signal,
    image_settings.check_labels,
    image_layers.check_timestamps,
    binary.check_static,
    binary.check_woven,
    binary.check_stripped,
    binary_hardening.check_loader,
    binary_hardening.check_stack,
    binary_hardening.check_relro,
    binary_hardening.check_pie,
    binary_go.check_no_local_paths,
    binary_go.check_go_supported,
)
RUNNING_CHECKS: Final[tuple[Callable[[RunningFacts, Expectations], Verdict], ...]] = (
    trial_start.check_answers,
    trial_start.check_reachable,
    trial_start.check_user,
    trial_spans.check_spans,
    trial_spans.check_sql_spans,
    trial_spans.check_log_trace_ids,
    trial_logs.check_json,
    trial_health.check_up,
    trial_health.check_down,
    trial_health.check_back,
    trial_health.check_in_time,
    trial_health.check_fast,
    trial_health.check_services,
    trial_sigterm.check,
    trial_sigterm.check_in_flight,
    trial_sigterm.check_flush,
    trial_variations.check_read_only,
    trial_variations.check_writes,
    trial_variations.check_no_collector,
    trial_variations.check_no_database,
    trial_variations.check_memory,
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
