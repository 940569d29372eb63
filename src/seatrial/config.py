"""seatrial.toml (or ``[tool.seatrial]`` in pyproject.toml) -> Settings. Every key is known or refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from seatrial.config_values import INTEGRATIONS, nearest, read_value
from seatrial.errors import ConfigError, FormatError
from seatrial.formats.jsonvalue import as_table

if TYPE_CHECKING:
    from seatrial.model.trial import ServiceProgram, TrialPlan, TrialRequest

FILE_NAME = "seatrial.toml"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the user set; each default is what a build without a file does.

    Times in seconds, sizes in bytes. source: the file, for messages. sections: that the file has.
    """

    source: str = "defaults"
    sections: frozenset[str] = frozenset()
    main: str = ""
    prepare: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    ldflags: str = ""
    stamps_vcs: bool = True
    instrument: str = "orchestrion"
    orchestrion_version: str = ""
    integrations: tuple[str, ...] = INTEGRATIONS
    base: str = "debian-13"
    mirror: str = ""
    start_period_s: float = 10.0
    health_interval_s: float = 10.0
    health_timeout_s: float = 5.0
    health_retries: int = 3
    health_flag: bool | None = None
    health_http: str = ""
    health_informational: tuple[str, ...] = ()
    health_checks: tuple[tuple[str, str], ...] = ()
    health_listener: str = "required"
    image_name: str = ""
    image_arguments: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    image_size_bytes: int = 50_000_000
    graceful_stop: bool = False
    services: tuple[str, ...] = ()
    requests: tuple[str | TrialRequest, ...] = ()
    programs: tuple[ServiceProgram, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    arguments: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = field(default=())
    image_files: tuple[tuple[str, str], ...] = ()
    trial_files: tuple[tuple[str, str], ...] = ()


# section -> key -> (field of Settings, kind of value)
KEYS: dict[str, dict[str, tuple[str, str]]] = {
    "service": {"main": ("main", "text")},
    "build": {
        "prepare": ("prepare", "texts"),
        "tags": ("tags", "texts"),
        "experiments": ("experiments", "experiments"),
        "ldflags": ("ldflags", "text"),
        "vcs": ("stamps_vcs", "truth"),
    },
    "instrument": {
        "with": ("instrument", "instrumenter"),
        "version": ("orchestrion_version", "text"),
        "integrations": ("integrations", "integrations"),
    },
    "base": {"image": ("base", "base"), "mirror": ("mirror", "text")},
    "image": {
        "name": ("image_name", "name"),
        "arguments": ("image_arguments", "texts"),
        "ports": ("ports", "ports"),
        "labels": ("labels", "table"),
        "files": ("image_files", "places"),
    },
    "health": {
        "start_period": ("start_period_s", "duration"),
        "interval": ("health_interval_s", "duration"),
        "timeout": ("health_timeout_s", "duration"),
        "retries": ("health_retries", "count"),
        "flag": ("health_flag", "truth"),
        "http": ("health_http", "target"),
        "informational": ("health_informational", "texts"),
        "checks": ("health_checks", "addresses"),
        "listener": ("health_listener", "listener"),
    },
    "gates": {
        "image_size": ("image_size_bytes", "size"),
        "graceful_stop": ("graceful_stop", "truth"),
    },
    "trial": {
        "services": ("services", "services"),
        "service": ("programs", "programs"),
        "requests": ("requests", "requests"),
        "environment": ("environment", "table"),
        "arguments": ("arguments", "texts"),
        "before": ("before", "texts"),
        "sql": ("sql", "texts"),
        "files": ("trial_files", "places"),
    },
}


def read_settings(directory: Path, named: Path | None = None) -> Settings:
    """Read the settings for a service.

    named: a file given by --config; else seatrial.toml beside the service, else pyproject.toml's table.
    Raises ConfigError naming the file, the line or key, and what is allowed.
    """
    if named is not None:
        return parse_settings(_bytes(named), str(named))
    path, place = find_settings(directory)
    if path is None:
        return Settings()
    if not place:
        return parse_settings(_bytes(path), str(path))
    table = _toml(_bytes(path), str(path))
    for name in place:
        table = as_table(table[name])
    return _settings(table, f"{path}: [{'.'.join(place)}]")


def find_settings(directory: Path) -> tuple[Path | None, tuple[str, ...]]:
    """Return a service's settings file and the table in it, () for the whole file; None where there is none.

    Raises ConfigError for a pyproject.toml that is not TOML.
    """
    if (path := directory / FILE_NAME).is_file():
        return path, ()
    if (path := directory / "pyproject.toml").is_file():
        tool = as_table(_toml(_bytes(path), str(path)).get("tool", {}))
        if "seatrial" in tool:
            return path, ("tool", "seatrial")
    return None, ()


def trial_plan(settings: Settings, *, service_name: str, root: Path, expects_spans: bool = True) -> TrialPlan:
    """Return how an image is driven: as the [trial] section says, else three times the front page.

    service_name: for its spans. root: of the service's files, for ``sql``.
    Raises ConfigError for a request or a command line that is none, and for SQL files that are not there.
    """
    from seatrial.host.sql_files import read_scripts  # noqa: PLC0415 - start-up time
    from seatrial.model.trial import TrialPlan, parse_commands, parse_requests  # noqa: PLC0415

    return TrialPlan(
        requests=parse_requests(settings.requests),
        environment=settings.environment,
        files=settings.trial_files,
        arguments=settings.arguments,
        before=parse_commands(settings.before),
        scripts=read_scripts(root, settings.sql) if settings.sql else (),
        services=settings.services,
        programs=settings.programs,
        service_name=service_name,
        expects_spans=expects_spans,
    )


def parse_settings(content: bytes, source: str) -> Settings:
    """Parse a seatrial.toml; raise ConfigError for what is not known or not valid."""
    return _settings(_toml(content, source), source)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from error


def _toml(content: bytes, source: str) -> dict[str, object]:
    import tomllib  # noqa: PLC0415 - start-up time; as below

    try:
        return tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(error), where=source, hint="the format is TOML: https://toml.io") from error


def _settings(table: dict[str, object], source: str) -> Settings:
    values: dict[str, object] = {}
    for section, content in table.items():
        if section not in KEYS:
            raise ConfigError(
                f"unknown section [{section}]",
                where=source,
                hint=nearest(section, KEYS) or f"known: {', '.join(KEYS)}",
            )
        try:
            entries = as_table(content)
        except FormatError as error:
            raise ConfigError(f"{section} must be a table: [{section}]", where=source) from error
        for key, value in entries.items():
            if key not in KEYS[section]:
                raise ConfigError(
                    f"unknown key {key!r} in [{section}]",
                    where=source,
                    hint=nearest(key, KEYS[section]) or f"known: {', '.join(KEYS[section])}",
                )
            name, kind = KEYS[section][key]
            try:
                values[name] = read_value(kind, value)
            except ValueError as error:
                raise ConfigError(
                    f"[{section}] {key} = {value!r}", where=source, hint=f"expected {error}"
                ) from error
    return Settings(source=source, sections=frozenset(table), **values)  # type: ignore[arg-type]  # KEYS pairs each field with its kind
