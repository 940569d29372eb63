"""Settings in another spelling: engines are written in Go, whose JSON decoder takes "user" for "User"."""

from __future__ import annotations

from typing import Final

from seatrial.checks.settings import process_settings, table
from seatrial.model.facts import StaticFacts

_TOP: Final = ("architecture", "os", "variant", "created", "config", "rootfs", "history")
_PROCESS: Final = (
    "User", "Env", "Entrypoint", "Cmd", "WorkingDir", "ExposedPorts", "Volumes", "Labels", "StopSignal",
    "Healthcheck", "Shell",
)  # fmt: skip
_HEALTHCHECK: Final = ("Test", "Interval", "Timeout", "StartPeriod", "Retries")


def misspelled_settings(facts: StaticFacts) -> list[str]:
    """Return sentences about keys that engines read, and a careful reader does not (OCI config.md)."""
    process = process_settings(facts)
    found = [
        *_misspelled(facts.config, _TOP),
        *_misspelled(process, _PROCESS),
        *_misspelled(table(process, "Healthcheck"), _HEALTHCHECK),
    ]
    return [f"the configuration says {key!r}, which engines take for {name!r}" for key, name in found]


def _misspelled(settings: dict[str, object], names: tuple[str, ...]) -> list[tuple[str, str]]:
    known = {name.lower(): name for name in names}
    return [
        (key, known[key.lower()]) for key in settings if key.lower() in known and key != known[key.lower()]
    ]
