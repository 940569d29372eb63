"""What all tests share: markers that may skip elsewhere, and never silently in CI."""

from __future__ import annotations

import os

import pytest

pytest_plugins = ("builds", "engines", "trial_fixtures")


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Turn a skip into a failure where everything must run (.ci/run sets the variable)."""
    skipped = call.excinfo is not None and call.excinfo.errisinstance(pytest.skip.Exception)
    if skipped and os.environ.get("SEATRIAL_TESTS_MUST_RUN"):
        reason = str(call.excinfo.value) if call.excinfo else ""
        failure = pytest.fail.Exception(f"skipped where it must run: {reason}", pytrace=False)
        call.excinfo = pytest.ExceptionInfo.from_exc_info((type(failure), failure, None))  # type: ignore[arg-type]
