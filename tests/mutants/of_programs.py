"""Mutants with another program, made by the same tools from the same sources, but for one thing."""

from __future__ import annotations

import tarfile
from collections.abc import Callable

from mutants.draft import Draft, Member
from mutants.mutant import Mutant
from mutants.of_files import PROGRAM


def _other(name: str) -> Callable[[Draft], object]:
    """Put another program in the good one's place."""

    def apply(draft: Draft) -> None:
        program = draft.programs[name].read_bytes()

        def change(info: tarfile.TarInfo, content: bytes) -> Member:
            assert content != program
            return info, program

        draft.change_member(PROGRAM, change)

    return apply


OF_PROGRAMS = (
    Mutant(name="not-woven", change="built without the instrumenter",
           claims=("binary.woven", "trial.spans", "trial.sql-spans"), apply=_other("plain"), is_run=True),
    Mutant(name="local-paths", change="names its builder's directories",
           claims=("binary.no-local-paths",), apply=_other("local")),
    Mutant(name="symbols", change="a symbol table", claims=("binary.stripped",), apply=_other("symbols"),
           is_information=True),
)  # fmt: skip
