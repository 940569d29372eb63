"""What a distribution's package database in an image lists: dpkg's status files and apk's installed file.

A stranger's files, so nothing here fails: a stanza without a name is passed over.
Formats: deb-control(5) and dpkg(1) "Information about packages"; apk-tools' "APK spec", installed database.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from seatrial.model.facts import PackageFact

_KIB: Final = 1024


def parse_dpkg_status(content: bytes) -> tuple[PackageFact, ...]:
    """Read /var/lib/dpkg/status, or one file of distroless' status.d; only what is installed."""
    found = []
    for fields in _stanzas(content):
        # status.d gives no Status: what is there is installed.
        if fields.get("Status", "installed").rpartition(" ")[2] != "installed" or "Package" not in fields:
            continue
        found.append(
            PackageFact(
                kind="deb",
                name=fields["Package"],
                version=fields.get("Version", ""),
                installed_bytes=_natural(fields.get("Installed-Size", "")) * _KIB,
            )
        )
    return tuple(found)


def parse_apk_installed(content: bytes) -> tuple[PackageFact, ...]:
    """Read /lib/apk/db/installed."""
    return tuple(
        PackageFact(
            kind="apk",
            name=fields["P"],
            version=fields.get("V", ""),
            installed_bytes=_natural(fields.get("I", "")),
        )
        for fields in _stanzas(content)
        if "P" in fields
    )


def _stanzas(content: bytes) -> Iterator[dict[str, str]]:
    for stanza in content.decode(errors="replace").split("\n\n"):
        fields: dict[str, str] = {}
        for line in stanza.split("\n"):
            name, colon, value = line.partition(":")
            if colon and not line.startswith((" ", "\t")):
                fields.setdefault(name, value.strip())
        if fields:
            yield fields


def _natural(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0
