"""What all tests share: markers that may skip elsewhere, and never silently in CI."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

# The first is imported by others, which pytest could then no longer prepare.
pytest_plugins = (
    "engines",
    "buildkit",
    "builds",
    "chromium",
    "databases",
    "lock_ground",
    "pipeline_ground",
    "trial_fixtures",
    "woven_service",
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where everything must run (.ci/run sets the variable)."""
    report = yield
    if report.skipped and os.environ.get("SEATRIAL_TESTS_MUST_RUN"):
        report.outcome = "failed"
        report.longrepr = f"skipped where it must run: {report.longrepr}"
    return report
