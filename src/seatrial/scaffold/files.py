"""What one kept file is: where it goes, what it holds, and what becomes of a file that is there already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from seatrial.scaffold.values import Values

# Stands for whichever of its names make reads in this repository (``Values.makefile``).
MAKEFILE: Final = "Makefile"


class Taken(StrEnum):
    """What happens where the path holds a file that is not Seatrial's.

    KEEP: the user's file stays, and nothing is written. ASIDE: ours goes to ``Template.aside``.
    APPEND: a marked region is added at the end of the user's file.
    """

    KEEP = "keep"
    ASIDE = "aside"
    APPEND = "append"


def always(_: Values) -> bool:
    """Say that a file is wanted in each service."""
    return True


@dataclass(frozen=True, kw_only=True)
class Template:
    """One file that is kept.

    path: relative to the root, POSIX. in_module: relative to the service's module instead.
    render: returns the text that is ours, without the markers around it. comment: how a line comment
    begins in this format; the markers are such lines. is_wanted: is asked with the places of the templates
    before this one in the table. aside: the other path for ``Taken.ASIDE``.
    is_kept: False for a file that is written once, without markers, and then is the user's.
    purpose: for the plan, a few words. name: where two templates have one path, the second needs its own.
    """

    path: str
    purpose: str
    render: Callable[[Values], str]
    comment: str = "#"
    is_wanted: Callable[[Values], bool] = always
    taken: Taken = Taken.KEEP
    aside: str = ""
    is_kept: bool = True
    in_module: bool = False
    name: str = ""

    def places(self, values: Values) -> tuple[str, ...]:
        """Return the paths where its file may be, relative to the root: the first choice, the other."""
        folder = values.module_directory if self.in_module else "."
        prefix = "" if folder == "." else f"{folder}/"
        first = values.makefile if self.path == MAKEFILE else self.path
        return tuple(prefix + path for path in (first, self.aside) if path)

    @property
    def key(self) -> str:
        """How ``Values.path`` knows it."""
        return self.name or self.path
