"""Trivy by its archive's sha256, as its release's checksums file has it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from seatrial.errors import NetworkError, UntrustedInput
from seatrial.host.exchange import Answer
from seatrial.renew.found import Group, Proposal
from seatrial.renew.versions import order_key, release_numbers

NAME: Final = "trivy"
SUM: Final = "trivy-linux-amd64-sha256"
_RELEASES_TRIED: Final = 3


def propose_trivy(
    pins: Mapping[str, str],
    versions: tuple[str, ...],
    ask: Callable[[str], Answer],
    *,
    host: str,
    waits: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Proposal, ...]:
    """Return the newest release whose checksums file names the archive, and that sha256.

    ask: URL -> answer. waits: version -> why it is not taken yet. A host that cannot be asked leaves both
    pins as they are, and is told: a version without its sum would be no pin.
    """
    pinned = pins[NAME]
    newer = [one for one in versions if release_numbers(one) and order_key(one) > order_key(pinned)]
    reasons = [waits[one] for one in sorted(waits, key=order_key, reverse=True)][:1]
    newer = [one for one in newer if one not in waits]
    for version in sorted(newer, key=order_key, reverse=True)[:_RELEASES_TRIED]:
        place = f"{host.rstrip('/')}/aquasecurity/trivy/releases/download/{version}"
        number = version.removeprefix("v")
        archive = f"trivy_{number}_Linux-64bit.tar.gz"
        try:
            answer = ask(f"{place}/trivy_{number}_checksums.txt")
            if answer.status == 404:
                reasons.append(f"{version} has no checksums file")
                continue
            found = _sum_of(answer.checked().body.decode(errors="replace"), archive)
        except (NetworkError, UntrustedInput) as error:
            return _both(pins, pinned, pins.get(SUM, ""), "", [f"{version}'s checksums: {error}"])
        if found:
            without_file = len(reasons) > (1 if waits else 0)
            why = f"the newest release that has {archive}" if without_file else "the newest release"
            why += " that is old enough" if waits else ""
            return _both(pins, version, found, why, reasons)
        reasons.append(f"{version}'s checksums do not name {archive}")
    return _both(pins, pinned, pins.get(SUM, ""), "", reasons)


def _sum_of(text: str, archive: str) -> str:
    """Read sha256sum(1)'s format."""
    found = re.search(rf"^([0-9a-f]{{64}})[ \t]+\*?{re.escape(archive)}$", text, re.MULTILINE)
    return found[1] if found else ""


def _both(
    pins: Mapping[str, str], version: str, sha256: str, why: str, reasons: list[str]
) -> tuple[Proposal, ...]:
    held = "; ".join(reasons)
    pairs = ((NAME, version, why, held), (SUM, sha256, why and f"of {version}'s checksums file", ""))
    return tuple(
        Proposal(
            name=f"tools.{key}",
            group=Group.TOOLS,
            before=pins.get(key, ""),
            after=value,
            why=reason,
            held_by=held_by,
        )
        for key, value, reason, held_by in pairs
    )
