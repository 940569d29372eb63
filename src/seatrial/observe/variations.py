"""The service started once more, with no collector, no database, little memory, or a root to write to.

The first run changes all that a service should bear at once; only when it does not bear that, runs with
one change each tell which it was. They come after the trial proper, in its sandbox.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from seatrial.host.job import Job
from seatrial.host.sandbox import Sandbox
from seatrial.model.facts import Variation
from seatrial.model.trial import TrialRequest
from seatrial.observe.start import Launch, Start
from seatrial.observe.writes import mark_time, written_since

NO_COLLECTOR: Final = "no collector"
NO_DATABASE: Final = "no database"
WRITABLE_ROOT: Final = "writable root"
LIMITED_MEMORY: Final = "limited memory"

_LEAST_PATIENCE_S: Final = 2.0
_ANSWER_PATIENCE_S: Final = 2.0
_PATIENCE_TIMES: Final = 5
_NO_DATABASE_PATIENCE_S: Final = 1.5
# A panic is some dozens of lines, and what it is about stands above them.
_LAST_LINES: Final = 60
_MIB: Final = 1 << 20
_LEAST_MEMORY_MIB: Final = 128


@dataclass(frozen=True, kw_only=True)
class _Change:
    """What is different. memory_bytes: 0 for no limit."""

    names: tuple[str, ...]
    is_root_writable: bool = False
    memory_bytes: int = 0


class Variations:
    """The runs of one trial. rss_bytes: memory at rest, which the limit follows.

    listen_s: what the trial proper took to listen. without_collector: makes the collector unreachable;
    called when nothing needs it any more.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        launch: Launch,
        request: TrialRequest,
        *,
        without_collector: Callable[[], None],
        rss_bytes: int,
        listen_s: float,
    ) -> None:
        self.writes: tuple[str, ...] | None = None
        self._sandbox = sandbox
        # One that answers no more must not cost the time-out of a slow request in each run.
        self._launch = replace(launch, request_timeout_s=min(launch.request_timeout_s, _ANSWER_PATIENCE_S))
        self._request = request
        self._without_collector = without_collector
        self._memory_mib = max(_LEAST_MEMORY_MIB, -(-2 * rss_bytes // _MIB))
        self._patience_s = max(_LEAST_PATIENCE_S, _PATIENCE_TIMES * listen_s)

    def run(self, missing: tuple[str, ...]) -> tuple[Variation, ...]:
        """Make all runs of a service that works. missing: names of what runs beside it.

        Without its services it runs in a network of its own, side by side with the others.
        """
        alone = self._start(_Change(names=(NO_DATABASE,)), has_own_network=True) if missing else None
        self._without_collector()
        with self._sandbox.limited_memory(self._memory_mib * _MIB) as is_limited:
            memory = self._memory_mib * _MIB if is_limited else 0
            names = (NO_COLLECTOR, WRITABLE_ROOT, *((LIMITED_MEMORY,) if is_limited else ()))
            found = self._together(_Change(names=names, is_root_writable=True, memory_bytes=memory))
        if not is_limited:
            found = (
                *found,
                self._untried(LIMITED_MEMORY, "no control group can be made here"),
            )
        if alone is not None:
            found = (*found, self._without_services(alone, missing))
        return found

    def run_writable(self) -> tuple[Variation, ...]:
        """Make the one run that may tell why a service did not come up with a read-only root."""
        return (self._single(_Change(names=(WRITABLE_ROOT,), is_root_writable=True)),)

    def _together(self, change: _Change) -> tuple[Variation, ...]:
        together = self._single(change)
        if is_fine(together):
            return tuple(
                replace(together, name=name, note=self._note(change, name), log_tail=())
                for name in change.names
            )
        separate = (
            _Change(names=(NO_COLLECTOR,)),
            _Change(names=(WRITABLE_ROOT,), is_root_writable=True),
            _Change(names=(LIMITED_MEMORY,), memory_bytes=change.memory_bytes),
        )
        return tuple(self._single(one) for one in separate if one.names[0] in change.names)

    def _single(self, change: _Change) -> Variation:
        mark_ns = mark_time(self._sandbox)
        start = self._start(change)
        variation = self._judge(start, change.names[0], self._patience_s, self._note(change, change.names[0]))
        if change.is_root_writable:
            self.writes = written_since(self._sandbox, mark_ns)
        return variation

    def _start(self, change: _Change, *, has_own_network: bool = False) -> Start:
        options = self._sandbox.container_options(
            self._launch.variables,
            self._launch.directory,
            has_own_tmp=True,
            is_root_writable=change.is_root_writable,
        )
        job = self._sandbox.start(
            self._launch.argv,
            options,
            is_limited=bool(change.memory_bytes),
            has_own_network=has_own_network,
        )
        return Start(self._sandbox, self._launch, job)

    def _without_services(self, start: Start, missing: tuple[str, ...]) -> Variation:
        left_s = max(_NO_DATABASE_PATIENCE_S - start.job.elapsed_ms / 1000, 0.01)
        note = f"without {', '.join(missing)}"
        return self._judge(start, NO_DATABASE, left_s, note)

    def _judge(self, start: Start, name: str, patience_s: float, note: str) -> Variation:
        """Ask the service once, kill it, and tell what came."""
        status = 0
        if start.await_listener(patience_s):
            status = start.first_answer(self._request).exchange.status
        # Also one that ends in a moment, such as by its first lost connection or for want of memory.
        ended_early = self._sandbox.wait(start.job, 0.0)
        elapsed_ms = start.job.elapsed_ms
        self._sandbox.kill(start.job)
        return Variation(
            name=name,
            was_tried=True,
            status=status,
            ended_early=ended_early,
            elapsed_ms=elapsed_ms,
            note=note,
            log_tail=_tail(start.job),
        )

    def _note(self, change: _Change, name: str) -> str:
        limit = f"{self._memory_mib} MiB" if name == LIMITED_MEMORY else ""
        others = [other for other in change.names if other != name]
        together = f"together with {', '.join(others)}" if others else ""
        return "; ".join(part for part in (limit, together) if part)

    @staticmethod
    def _untried(name: str, why: str) -> Variation:
        return Variation(name=name, was_tried=False, status=0, ended_early=None, elapsed_ms=0.0, note=why)


def is_fine(variation: Variation) -> bool:
    """Return whether the service stayed and answered, and not with an error of its own."""
    return variation.ended_early is None and 0 < variation.status < 500


def _tail(job: Job) -> tuple[str, ...]:
    return job.log.lines()[-_LAST_LINES:]
