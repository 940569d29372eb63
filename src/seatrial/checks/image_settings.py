"""Settings beside user, command and health check: ports, stop signal, variables, labels."""

from __future__ import annotations

import re
import signal
from typing import Final

from seatrial.checks.rule import Rule, sample
from seatrial.checks.settings import process_settings, table, text, texts
from seatrial.model.facts import StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

PORTS: Final = Rule(
    id="image.ports",
    severity=Severity.LOW,
    reference="OCI image-spec, config.md (ExposedPorts); CIS Docker 5.7",
)
STOP_SIGNAL: Final = Rule(
    id="image.stop-signal", severity=Severity.MEDIUM, reference="OCI image-spec, config.md (StopSignal)"
)
ENV: Final = Rule(id="image.env", severity=Severity.MEDIUM, reference="OCI image-spec, config.md (Env)")
LABELS: Final = Rule(id="image.labels", severity=Severity.INFO, reference="OCI image-spec, annotations.md")

_PORT: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?")
_SSH: Final = 22
_LARGEST_PORT: Final = 65535
_SIGNALS: Final = frozenset(name.removeprefix("SIG") for name in signal.Signals.__members__)
_REAL_TIME: Final = re.compile(r"RTM(?:IN(?:\+\d{1,2})?|AX(?:-\d{1,2})?)")
_DEAF: Final = ("KILL", "STOP", "9", "19")
_LOADER: Final = ("LD_PRELOAD", "LD_AUDIT")
# Name -> the values that turn the check of certificates off.
_BLIND: Final = {
    "NODE_TLS_REJECT_UNAUTHORIZED": ("0",),
    "PYTHONHTTPSVERIFY": ("0",),
    "GIT_SSL_NO_VERIFY": ("1", "true"),
    "GIT_SSL_VERIFY": ("0", "false"),
}
_WANTED_LABELS: Final = ("org.opencontainers.image.revision", "org.opencontainers.image.version")


def check_ports(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - one form for all checks
    """Look at the ports that the image says it listens on."""
    names = list(table(process_settings(facts), "ExposedPorts"))
    odd = [name for name in names if not _is_port(name)]
    if odd:
        return PORTS.fails(f"no port: {sample(odd)}", 'write "8080/tcp"')
    if any(_SSH in _numbers(name) for name in names):
        return PORTS.fails(
            "port 22: a container needs no SSH server", "remove the server and its EXPOSE line"
        )
    return PORTS.passes(f"exposes {sample(names)}" if names else "exposes no port")


def check_stop_signal(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as above
    """Look at the signal that ends the container; SIGTERM when none is named."""
    named = text(process_settings(facts), "StopSignal")
    name = named.upper().removeprefix("SIG")
    fix = "set STOPSIGNAL SIGTERM, or remove the line"
    number = name.lstrip("0")  # engines read numbers as decimal ones, whatever they begin with
    if number in _DEAF:
        return STOP_SIGNAL.fails(f"{named} cannot be caught, so the program cannot end in order", fix)
    is_number = name.isdecimal() and 0 < int(name) <= 64
    if name and not is_number and name not in _SIGNALS and not _REAL_TIME.fullmatch(name):
        return STOP_SIGNAL.fails(f"{named!r} is no signal", fix)
    return STOP_SIGNAL.passes(f"ends with {named}" if named else "names none, so it is SIGTERM")


def check_env(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as above
    """Look at the variables that change what is run, and at what engines would read differently."""
    variables = texts(process_settings(facts), "Env")
    names = [variable.partition("=")[0] for variable in variables]
    values = dict(variable.partition("=")[::2] for variable in variables)
    faults = [f"{variable!r} is no NAME=VALUE" for variable in variables if variable.find("=") < 1]
    faults += [f"{name} is there twice" for name in sorted({name for name in names if names.count(name) > 1})]
    faults += [f"{name} is set" for name in _LOADER if values.get(name)]
    faults += [
        f"{name}={values[name]} turns the check of certificates off"
        for name, off in _BLIND.items()
        if values.get(name, "").lower() in off
    ]
    faults += _path_faults(facts, values.get("PATH"))
    if faults:
        return ENV.fails(sample(faults), "set only what the service needs, and PATH to directories of root's")
    return ENV.passes(f"{len(variables)} variables, none that changes what is run")


def check_labels(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as above
    """Look for what says where the image is from."""
    said = table(process_settings(facts), "Labels") | dict(facts.annotations)
    missing = [name for name in _WANTED_LABELS if not said.get(name)]
    if missing:
        return LABELS.fails(f"does not say what it was made of: no {sample(missing)}", "set these labels")
    return LABELS.passes("says of what revision and version it is")


def _is_port(name: str) -> bool:
    numbers = _numbers(name)
    return bool(numbers) and 0 < numbers.start < numbers.stop <= _LARGEST_PORT + 1


def _numbers(name: str) -> range:
    """Return the ports of "8080/tcp" or "8000-8010"; an empty range for what is no port."""
    match = _PORT.fullmatch(name)
    return range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)


def _path_faults(facts: StaticFacts, search_path: str | None) -> list[str]:
    if search_path is None:
        return []
    places = search_path.split(":")
    faults = [
        f"PATH holds {place!r}, which depends on the working directory"
        for place in places
        if place[:1] != "/"
    ]
    wanted = {place.strip("/") for place in places}
    open_places = [
        path.path
        for path in facts.paths
        if path.kind == "directory" and path.path in wanted and path.mode & 0o002
    ]
    return faults + [f"PATH holds /{place}, which anyone may write to" for place in open_places]
