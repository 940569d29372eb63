"""The base "scratch": what a static binary asks the file system for, and nothing that names a system."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Final

from seatrial.base.layout import finish, merge_packages
from seatrial.formats.deb import Deb
from seatrial.model.image import Entry

_KEPT: Final = re.compile(
    r"usr|usr/share"
    r"|usr/share/(?:zoneinfo|ca-certificates)(?:/.*)?"
    r"|usr/share/doc|usr/share/doc/[^/]+|usr/share/doc/[^/]+/copyright"
)


def assemble_scratch(debs: tuple[Deb, ...], latest: datetime) -> tuple[Entry, ...]:
    """Return CA bundle, time zones, users and /tmp; arguments and errors as ``assemble_static``."""
    kept = (
        replace(deb, entries=tuple(entry for entry in deb.entries if _KEPT.fullmatch(entry.path)))
        for deb in debs
    )
    return finish(merge_packages(kept, latest), debs)
