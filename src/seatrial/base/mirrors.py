"""Which archive to ask: the one that is set, the machine's own, or Debian's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from seatrial.base.recipe import DEFAULT_MIRROR, DebianSettings
from seatrial.errors import FormatError
from seatrial.formats.deb822 import parse_stanza, split_stanzas

# "Plain": no suffix such as -security, -updates or -backports.
_PLAIN_SUITE: Final = re.compile(r"[a-z]+")
_ONE_LINE: Final = re.compile(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+(.+)")
_USABLE: Final = ("http://", "https://", "file:///")


def find_mirrors(settings: DebianSettings) -> tuple[str, ...]:
    """Return archive roots in the order to try them, without a slash at the end; never empty."""
    if settings.mirrors:
        return tuple(mirror.rstrip("/") for mirror in settings.mirrors)
    own = next(_apt_archives(settings.apt), DEFAULT_MIRROR)
    return tuple(dict.fromkeys((own, DEFAULT_MIRROR)))


def _apt_archives(apt: Path) -> Iterator[str]:
    """Yield the plain Debian archives among the apt sources, in apt's order.

    One is known by its path ("/debian", or a snapshot's "/debian/TIMESTAMP"), its component main and
    a plain suite; the host may be any.
    """
    for source in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))):
        try:
            text = source.read_text()
        except (OSError, ValueError):
            continue
        if source.suffix == ".list":
            entries = _one_line_entries(text)
        elif source.suffix == ".sources":
            entries = _stanza_entries(text)
        else:
            continue
        for uri, suites, components in entries:
            archive = re.sub("^file:/(?!/)", "file:///", uri)
            plain = any(_PLAIN_SUITE.fullmatch(suite) for suite in suites)
            named = "debian" in archive.split("/")[3:]
            if archive.startswith(_USABLE) and plain and named and "main" in components:
                yield archive


def _one_line_entries(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    for line in text.splitlines():
        match = _ONE_LINE.fullmatch(line.partition("#")[0].strip())
        if match is not None:
            yield match[1].rstrip("/"), [match[2]], match[3].split()


def _stanza_entries(text: str) -> Iterator[tuple[str, list[str], list[str]]]:
    for stanza in split_stanzas(text):
        try:
            fields = parse_stanza(stanza)
        except FormatError:
            continue
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        for uri in fields.get("uris", "").split():
            yield uri.rstrip("/"), fields.get("suites", "").split(), fields.get("components", "").split()
