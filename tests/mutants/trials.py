"""All mutants, tried two at a time in processes of their own."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor

from mutants.corpus import CORPUS
from mutants.good import Good
from mutants.mutant import Mutant
from mutants.trying import Finding, try_mutant

_WORKERS = 2
_LONGEST_S = 600.0


class Trials:
    """Trials that have begun. Use as a context: at its end, those that have not begun never will."""

    def __init__(self, mutants: tuple[Mutant, ...], good: Good) -> None:
        # New processes, not forks: a sandbox that another thread has open must not be inherited.
        self._workers = ProcessPoolExecutor(_WORKERS, mp_context=multiprocessing.get_context("spawn"))
        self._futures: dict[str, Future[Finding]] = {
            mutant.name: self._workers.submit(_try_named, mutant.name, good) for mutant in mutants
        }

    def __enter__(self) -> Trials:
        return self

    def __exit__(self, *error: object) -> None:
        self._workers.shutdown(cancel_futures=True)

    def finding(self, name: str) -> Finding:
        """Wait for what came of one mutant."""
        return self._futures[name].result(_LONGEST_S)

    def findings(self) -> dict[str, Finding]:
        """Wait for all, in the corpus' order."""
        return {name: self.finding(name) for name in self._futures}


def _try_named(name: str, good: Good) -> Finding:
    """Try one mutant: its name can be sent to another process, and what it does cannot."""
    return try_mutant(next(mutant for mutant in CORPUS if mutant.name == name), good)
