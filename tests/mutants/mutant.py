"""One way to be wrong, and what is expected to notice it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mutants.draft import Draft

REFUSED = "refused"
"""Claimed where no verdict is given, since there is no image to judge: the command ends with the error."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """change: what was done, in words. claims: the checks that must notice, each of them.

    also: other checks that stop the image for the same change; judged by hand, and nothing else may.
    is_information: the claimed checks never stop an image, and are to say "fail". is_run: it shows
    only when the image runs. service: what runs beside it, such as "postgres". needs_root: only root can
    make what shows it, such as a control group.
    """

    name: str
    change: str
    claims: tuple[str, ...]
    apply: Callable[[Draft], object]
    also: tuple[str, ...] = ()
    is_information: bool = False
    is_run: bool = False
    service: str = ""
    needs_root: bool = False
