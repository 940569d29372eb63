"""Many questions at once to sources that may not answer; all of their failures are told together."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from seatrial.errors import NetworkError, SeatrialError, UntrustedInput
from seatrial.host.process import end_running
from seatrial.renew.found import Group

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)
_AT_ONCE: Final = 8
# One host's failures differ by it alone, when it does not answer at all.
_URL: Final = re.compile(r"\S*://\S+")


@dataclass(frozen=True, kw_only=True)
class Task(Generic[_T_co]):
    """One question. host: who is asked; pins: what depends on the answer; groups: for ``--only``."""

    host: str
    pins: tuple[str, ...]
    groups: tuple[Group, ...]
    work: Callable[[], _T_co]


@dataclass(kw_only=True)
class _Outcome(Generic[_T]):
    answers: dict[int, _T] = field(default_factory=dict)
    failures: dict[int, BaseException] = field(default_factory=dict)


def ask_all(tasks: Sequence[Task[_T]]) -> tuple[_T, ...]:
    """Carry all tasks out, eight at a time, and return their answers in order.

    Raises one NetworkError that names each host that did not answer, and the pins that it concerns. On
    Ctrl-C and on any other end the programs that were started end, too.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(tasks)):
        waiting.put(number)
    outcome: _Outcome[_T] = _Outcome()
    # Daemons: a thread that waits for a silent server must not keep a program that was told to end.
    threads = [
        threading.Thread(target=_work, args=(tasks, waiting, outcome), daemon=True)
        for _ in range(min(_AT_ONCE, len(tasks)))
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:
        end_running()
        raise
    if outcome.failures:
        raise _explain(tasks, outcome.failures)
    return tuple(outcome.answers[number] for number in range(len(tasks)))


def _work(tasks: Sequence[Task[_T]], waiting: queue.SimpleQueue[int], outcome: _Outcome[_T]) -> None:
    while True:
        try:
            number = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            outcome.answers[number] = tasks[number].work()
        except BaseException as error:  # raised again where it is waited for
            outcome.failures[number] = error


def _explain(tasks: Sequence[Task[_T]], failures: dict[int, BaseException]) -> BaseException:
    """Return what to raise: one error for all hosts that did not answer, else the first failure itself."""
    others = [error for error in failures.values() if not isinstance(error, (NetworkError, UntrustedInput))]
    if others:
        return others[0]
    alike: dict[tuple[str, str], tuple[list[str], str]] = {}
    for number, error in sorted(failures.items()):
        key = (tasks[number].host, _URL.sub("", str(error)))
        alike.setdefault(key, ([], str(error)))[0].extend(tasks[number].pins)
    lines = [f"{host} ({', '.join(pins)}): {text}" for (host, _), (pins, text) in alike.items()]
    failed = {group for number in failures for group in tasks[number].groups}
    asked = {group for task in tasks for group in task.groups}
    left = [group for group in Group if group in asked - failed]
    hints = [
        error.hint for _, error in sorted(failures.items()) if isinstance(error, SeatrialError) and error.hint
    ]
    hints.append(f"without them: --only {','.join(left)}" if left else "try again when they answer")
    text = "\n".join(lines) if len(lines) == 1 else "\n  ".join(["no newer pins:", *lines])
    return NetworkError(f"{text}\nseatrial.lock is as it was", hint="\n".join(dict.fromkeys(hints)))
