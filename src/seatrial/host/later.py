"""Work that is done beside other work, on a thread of its own."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Later(Generic[_T]):
    """A value that is being worked out; its failure is raised where the value is asked for."""

    def __init__(self, work: Callable[[], _T]) -> None:
        self._outcome: list[_T] = []
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._run, args=(work,))
        self._thread.start()

    def _run(self, work: Callable[[], _T]) -> None:
        try:
            self._outcome.append(work())
        except BaseException as error:
            self._failure = error

    def value(self) -> _T:
        """Wait for the work's end and return its value, or raise what it raised."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self._outcome[0]
