"""The one table of all kept files, in the order in which a plan shows them."""

from __future__ import annotations

from typing import Final

from seatrial.scaffold import ci, docker, make, weaving
from seatrial.scaffold.files import Template

TEMPLATES: Final[tuple[Template, ...]] = (
    *docker.TEMPLATES,
    *make.TEMPLATES,
    *weaving.TEMPLATES,
    *ci.TEMPLATES,
)
