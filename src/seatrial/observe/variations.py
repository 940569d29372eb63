"""The service started once more, with no collector, no database, little memory, or a root to write to.

The first run changes all that a service should bear at once; only when it does not bear that, runs with
one change each tell which it was. They come after the trial proper, in its sandbox or engine.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final, Protocol

from seatrial.model.facts import Variation

NO_COLLECTOR: Final = "no collector"
NO_DATABASE: Final = "no database"
WRITABLE_ROOT: Final = "writable root"
LIMITED_MEMORY: Final = "limited memory"

# One that answers no more must not cost the time-out of a slow request in each run.
ANSWER_PATIENCE_S: Final = 2.0

_LEAST_PATIENCE_S: Final = 2.0
_PATIENCE_TIMES: Final = 5
_NO_DATABASE_PATIENCE_S: Final = 1.5
# A panic is some dozens of lines, and what it is about stands above them.
_LAST_LINES: Final = 60
_MIB: Final = 1 << 20
_LEAST_MEMORY_MIB: Final = 128


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is different. memory_bytes: 0 for no limit. has_own_network: nothing runs beside it there."""

    names: tuple[str, ...]
    is_root_writable: bool = False
    memory_bytes: int = 0
    has_own_network: bool = False


class Again(Protocol):
    """The service, started once more.

    elapsed_ms: since its start, until it ended. first_status: asks it once something listens; 0 when no
    answer came in time. exit_code: None while it runs. end: kills it. log_lines: what it printed.
    """

    @property
    def elapsed_ms(self) -> float: ...
    def first_status(self, patience_s: float) -> int: ...
    def exit_code(self) -> int | None: ...
    def end(self) -> None: ...
    def log_lines(self) -> tuple[str, ...]: ...


class Restarts(Protocol):
    """What starts the service again.

    limited_memory: within it a change may have that limit; yields False where there can be none.
    written: what the last run made or changed in a root that it could write to, sorted.
    """

    def start(self, change: Change) -> Again: ...
    def limited_memory(self, limit_bytes: int) -> AbstractContextManager[bool]: ...
    def written(self) -> tuple[str, ...]: ...


class Variations:
    """The runs of one trial. rss_bytes: memory at rest, which the limit follows.

    listen_s: what the trial proper took to listen. without_collector: makes the collector unreachable;
    called when nothing needs it any more.
    """

    def __init__(
        self,
        restarts: Restarts,
        *,
        without_collector: Callable[[], None],
        rss_bytes: int,
        listen_s: float,
    ) -> None:
        self.writes: tuple[str, ...] | None = None
        self._restarts = restarts
        self._without_collector = without_collector
        self._memory_mib = max(_LEAST_MEMORY_MIB, -(-2 * rss_bytes // _MIB))
        self._patience_s = max(_LEAST_PATIENCE_S, _PATIENCE_TIMES * listen_s)

    def run(self, missing: tuple[str, ...]) -> tuple[Variation, ...]:
        """Make all runs of a service that works. missing: names of what runs beside it.

        Without its services it runs in a network of its own, side by side with the others.
        """
        alone = self._restarts.start(Change(names=(NO_DATABASE,), has_own_network=True)) if missing else None
        self._without_collector()
        with self._restarts.limited_memory(self._memory_mib * _MIB) as is_limited:
            memory = self._memory_mib * _MIB if is_limited else 0
            names = (NO_COLLECTOR, WRITABLE_ROOT, *((LIMITED_MEMORY,) if is_limited else ()))
            found = self._together(Change(names=names, is_root_writable=True, memory_bytes=memory))
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
        return (self._single(Change(names=(WRITABLE_ROOT,), is_root_writable=True)),)

    def _together(self, change: Change) -> tuple[Variation, ...]:
        together = self._single(change)
        if is_fine(together):
            return tuple(
                replace(together, name=name, note=self._note(change, name), log_tail=())
                for name in change.names
            )
        separate = (
            Change(names=(NO_COLLECTOR,)),
            Change(names=(WRITABLE_ROOT,), is_root_writable=True),
            Change(names=(LIMITED_MEMORY,), memory_bytes=change.memory_bytes),
        )
        return tuple(self._single(one) for one in separate if one.names[0] in change.names)

    def _single(self, change: Change) -> Variation:
        again = self._restarts.start(change)
        variation = self._judge(again, change.names[0], self._patience_s, self._note(change, change.names[0]))
        if change.is_root_writable:
            self.writes = self._restarts.written()
        return variation

    def _without_services(self, again: Again, missing: tuple[str, ...]) -> Variation:
        left_s = max(_NO_DATABASE_PATIENCE_S - again.elapsed_ms / 1000, 0.01)
        note = f"without {', '.join(missing)}"
        return self._judge(again, NO_DATABASE, left_s, note)

    @staticmethod
    def _judge(again: Again, name: str, patience_s: float, note: str) -> Variation:
        """Ask the service once, kill it, and tell what came."""
        status = again.first_status(patience_s)
        # Also one that ends in a moment, such as by its first lost connection or for want of memory.
        ended_early = again.exit_code()
        elapsed_ms = again.elapsed_ms
        again.end()
        return Variation(
            name=name,
            was_tried=True,
            status=status,
            ended_early=ended_early,
            elapsed_ms=elapsed_ms,
            note=note,
            log_tail=again.log_lines()[-_LAST_LINES:],
        )

    def _note(self, change: Change, name: str) -> str:
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
