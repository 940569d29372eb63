"""Which request needs the SQLite database? The service is started once more, and asked while it is locked.

Not by events of the file (inotify): in WAL mode a connection that has read its pages before reads them again
with no call that makes one, and what else the service does at that time makes some, too. A lock shows what
the answer depends on, however the service comes to the database.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from seatrial.host.listeners import Listener
from seatrial.host.sandbox import Sandbox
from seatrial.model.facts import Exchange
from seatrial.model.trial import TrialRequest
from seatrial.observe.sqlite import Sqlite
from seatrial.observe.start import Launch, Start

# An answer that takes both is held up: services wait seconds for a lock, or not at all.
_LEAST_PATIENCE_S: Final = 1.0
_PATIENCE_TIMES: Final = 5
_START_PATIENCE_S: Final = 5.0
_POLL_S: Final = 0.01
# Of the trace contexts: far from those of the requests that were driven, and of those at the end.
_FIRST_NUMBER: Final = 20_000


def find_held_up(
    sandbox: Sandbox,
    launch: Launch,
    listener: Listener,
    database: Sqlite,
    usual: dict[TrialRequest, Exchange],
) -> str | None:
    """Return the first request that a locked database keeps from its usual answer, such as "GET /orders".

    "" when it keeps none; None when that cannot be known. listener: what answered in the trial proper,
    which is over. usual: the requests that were made there, and what came of them.
    """
    slowest_s = max(exchange.elapsed_ms for exchange in usual.values()) / 1000
    patience_s = min(max(_LEAST_PATIENCE_S, _PATIENCE_TIMES * slowest_s), launch.request_timeout_s)
    job = sandbox.start(launch.argv, sandbox.container_options(launch.variables, launch.directory))
    try:
        start = Start(sandbox, replace(launch, request_timeout_s=patience_s), job)
        if not _listens(sandbox, start, listener):
            return None
        again = _Again(start, database)
        is_known = True
        for request, exchange in usual.items():
            # An error may be what a lock, or the want of a table, leads to.
            is_error = exchange.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            is_held_up = None if is_error else again.is_held_up(request, exchange)
            if is_held_up:
                return f"{request.method} {request.path}"
            is_known = is_known and is_held_up is not None
        return "" if is_known else None
    finally:
        sandbox.kill(job)


class _Again:
    """Requests of the trial, made again with the database locked and free in turns."""

    def __init__(self, start: Start, database: Sqlite) -> None:
        self._start = start
        self._database = database
        self._numbers = itertools.count(_FIRST_NUMBER)

    def is_held_up(self, request: TrialRequest, usual: Exchange) -> bool | None:
        """Return whether the lock changes the answer, each time; None when it cannot be told.

        Locked first: what was once answered may be remembered. An answer that is another one with the
        database free, too, says nothing.
        """
        locked = self._ask_locked(request)
        if locked is None:
            return None
        if _is_alike(locked, usual):
            return False
        free = self._ask(request)
        if free.status != usual.status:
            return None
        # A body that is never the same says nothing.
        is_usual = _is_alike if _is_alike(free, usual) else _has_same_status
        if is_usual(locked, usual):
            return False
        locked = self._ask_locked(request)
        return None if locked is None or is_usual(locked, usual) else True

    def _ask_locked(self, request: TrialRequest) -> Exchange | None:
        """Ask while the database is locked; None when it was not all the time, or when the service ended."""
        is_locked = self._database.lock()
        try:
            exchange = self._ask(request) if is_locked else None
        finally:
            has_stayed = self._database.unlock()
        return exchange if has_stayed and not self._start.has_ended else None

    def _ask(self, request: TrialRequest) -> Exchange:
        return self._start.ask(request, next(self._numbers)).exchange


def _has_same_status(one: Exchange, other: Exchange) -> bool:
    return one.status == other.status


def _is_alike(one: Exchange, other: Exchange) -> bool:
    return (one.status, one.body_excerpt) == (other.status, other.body_excerpt)


def _listens(sandbox: Sandbox, start: Start, listener: Listener) -> bool:
    """Wait until the port of the trial proper is there again."""
    deadline = time.monotonic() + _START_PATIENCE_S
    while listener not in sandbox.listening(start.job):
        if sandbox.wait(start.job, _POLL_S) is not None or time.monotonic() > deadline:
            return False
    start.listener = listener
    return True
