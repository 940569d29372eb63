"""The service started once more by a local engine, with something changed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from seatrial.host.engine_cli import EngineCli
from seatrial.model.trial import TrialPlan
from seatrial.observe.engine_container import Container
from seatrial.observe.variations import ANSWER_PATIENCE_S, Change
from seatrial.observe.writes import MOST, MOUNTS

# What engines themselves put into a root.
_OF_THE_ENGINE: Final = (
    *("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/run/.containerenv", "/.dockerenv"),
    *("/etc/passwd", "/etc/group"),  # podman gives the image's user an entry
)
# What an engine may need on a busy machine, beside the service.
_LEAST_PATIENCE_S: Final = 5.0


class EngineRestarts:
    """Starts it in the trial's container, made anew. See ``Restarts``."""

    def __init__(self, cli: EngineCli, container: Container, plan: TrialPlan) -> None:
        self._cli = cli
        self._container = container
        self._request_timeout_s = min(plan.request_timeout_s, ANSWER_PATIENCE_S)
        self._given = {*_OF_THE_ENGINE, *(path for path, _ in plan.files)}

    def start(self, change: Change) -> EngineAgain:
        """Start it; the run before is removed."""
        self._container.remove()
        self._container.create(is_root_writable=change.is_root_writable, memory_bytes=change.memory_bytes)
        self._container.start()
        return EngineAgain(self._cli, self._container, self._request_timeout_s)

    @contextmanager
    def limited_memory(self, limit_bytes: int) -> Iterator[bool]:  # noqa: ARG002 - each run names it
        """Ask whether the engine can limit memory."""
        if self._cli.name == "docker":
            yield self._cli.text("info", "--format", "{{.MemoryLimit}}") == "true"
        else:
            yield "memory" in self._cli.text("info", "--format", "{{.Host.CgroupControllers}}")

    def written(self) -> tuple[str, ...]:
        """Return what was made or changed, by the engine's own comparison."""
        rows = (row.partition(" ") for row in self._cli.text("diff", self._cli.tag).splitlines())
        changed = {path for kind, _, path in rows if kind in ("A", "C")}
        # A directory is told as changed when something in it is.
        above = {path[:at] for path in changed for at in range(1, len(path)) if path[at] == "/"}
        found = (path for path in changed - above - self._given if path.split("/")[1] not in MOUNTS)
        return tuple(sorted(found)[:MOST])


class EngineAgain:
    """One such run. See ``Again``."""

    def __init__(self, cli: EngineCli, container: Container, request_timeout_s: float) -> None:
        self._cli = cli
        self._container = container
        self._request_timeout_s = request_timeout_s

    @property
    def elapsed_ms(self) -> float:
        """From its start until now."""
        return (time.monotonic() - self._container.started_s) * 1000

    def first_status(self, patience_s: float) -> int:
        """Ask it until an answer comes."""
        found = self._container.first_answer(max(patience_s, _LEAST_PATIENCE_S), self._request_timeout_s)
        return found[1].status if found else 0

    def exit_code(self) -> int | None:
        """Return what it ended with."""
        return None if self._container.is_running() else self._container.exit_code()

    def end(self) -> None:
        """Kill it, unless it has ended."""
        self._cli.ask("kill", self._cli.tag)

    def log_lines(self) -> tuple[str, ...]:
        """Return what it printed."""
        return self._container.log_lines()
