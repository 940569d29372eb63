"""seatrial.toml (or ``[tool.seatrial]`` in pyproject.toml) -> Settings. Every key is known or refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from seatrial.errors import ConfigError, FormatError
from seatrial.formats.jsonvalue import as_table

if TYPE_CHECKING:
    from seatrial.model.trial import ServiceProgram, TrialPlan, TrialRequest

_T = TypeVar("_T")

FILE_NAME = "seatrial.toml"
INTEGRATIONS = ("net/http", "database/sql", "pgx", "log/slog")
BASES = ("debian-13", "debian-12", "scratch")


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
    labels: tuple[tuple[str, str], ...] = field(default=())
    image_files: tuple[tuple[str, str], ...] = ()
    trial_files: tuple[tuple[str, str], ...] = ()


# section -> key -> (field of Settings, kind of value)
KEYS: dict[str, dict[str, tuple[str, str]]] = {
    "service": {"main": ("main", "text")},
    "build": {
        "prepare": ("prepare", "texts"),
        "tags": ("tags", "texts"),
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
        "files": ("trial_files", "places"),
    },
}
CHOICES = {
    "instrumenter": ("orchestrion", "none"),
    "base": BASES,
    "integrations": INTEGRATIONS,
    "services": ("postgres",),
    "listener": ("required", "optional"),
}
# One part of a repository's name (OCI distribution-spec).
NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
# Mounted upon when a container is started: what the image has there is not seen.
_TAKEN = ("proc", "dev", "sys", "tmp")
_SIZE_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_TIME_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


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


def trial_plan(settings: Settings, *, service_name: str, expects_spans: bool = True) -> TrialPlan:
    """Return how an image is driven: as the [trial] section says, else three times the front page.

    service_name: for its spans. Raises ConfigError for a request that is none.
    """
    from seatrial.model.trial import TrialPlan, parse_requests  # noqa: PLC0415 - start-up time

    return TrialPlan(
        requests=parse_requests(settings.requests),
        environment=settings.environment,
        files=settings.trial_files,
        arguments=settings.arguments,
        services=settings.services,
        programs=settings.programs,
        service_name=service_name,
        expects_spans=expects_spans,
    )


def parse_settings(content: bytes, source: str) -> Settings:
    """Parse a seatrial.toml; raise ConfigError for what is not known or not valid."""
    return _settings(_toml(content, source), source)


def parse_size(text: str) -> int:
    """Return bytes for "50MB" (10^6) or "50MiB" (2^20); raise ValueError."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if not found or found[2].upper() not in _SIZE_UNITS:
        raise ValueError('a size, such as "50MB" or "48MiB"')
    return int(float(found[1]) * _SIZE_UNITS[found[2].upper()])


def parse_duration(text: str) -> float:
    """Return seconds for "10s", "500ms", "2m" or "1h"; raise ValueError."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h)\s*", text)
    if not found:
        raise ValueError('a duration, such as "10s" or "500ms"')
    return float(found[1]) * _TIME_UNITS[found[2]]


def nearest(word: str, known: Iterable[str]) -> str:
    """Return " - did you mean X?" for the most similar known word, or an empty text."""
    import difflib  # noqa: PLC0415

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else ""


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
                values[name] = _value(kind, value)
            except ValueError as error:
                raise ConfigError(
                    f"[{section}] {key} = {value!r}", where=source, hint=f"expected {error}"
                ) from error
    return Settings(source=source, sections=frozenset(table), **values)  # type: ignore[arg-type]  # KEYS pairs each field with its kind


def _value(kind: str, value: object) -> object:
    """Turn a TOML value into the field's value; raise ValueError saying what was expected."""
    if kind in {"text", "instrumenter", "base", "size", "duration", "target", "listener", "name"}:
        return _text_value(kind, _expect(value, str, "text"))
    if kind in _READERS:
        return _READERS[kind](value)
    if kind in {"table", "places", "addresses"}:
        return _table_value(kind, _expect(value, dict, "a table of texts"))
    texts = tuple(
        _expect(item, str, "an array of texts") for item in _expect(value, list, "an array of texts")
    )
    for text in texts:
        if kind in CHOICES and text not in CHOICES[kind]:
            raise ValueError(f"of {', '.join(CHOICES[kind])}; {nearest(text, CHOICES[kind])}")
        if kind == "ports" and not re.fullmatch(r"\d{1,5}(/(tcp|udp))?", text):
            raise ValueError('ports such as "8080" or "8080/tcp"')
    return tuple(text if "/" in text else f"{text}/tcp" for text in texts) if kind == "ports" else texts


def _truth(value: object) -> bool:
    return _expect(value, bool, "true or false")


def _count(value: object) -> int:
    count = _expect(value, int, "a whole number")
    if not 1 <= count <= 100:
        raise ValueError("a number from 1 to 100")
    return count


def _requests(value: object) -> tuple[str | TrialRequest, ...]:
    """Take requests as texts, which are parsed later, or as tables."""
    words = 'an array of texts such as "GET /orders" or of tables such as {method = "GET", path = "/orders"}'
    return tuple(
        item if isinstance(item, str) else _request(_expect(item, dict, words))
        for item in _expect(value, list, words)
    )


def _request(table: dict[str, object]) -> TrialRequest:
    import json  # noqa: PLC0415 - start-up time

    from seatrial.model.trial import METHODS, TARGET, TrialRequest  # noqa: PLC0415 - as above

    known = {"method": "GET", "path": "", "body": "", "status": 0, "headers": {}}
    _check_names(table, known, "request")
    named = known | table
    method, path = _expect(named["method"], str, "a method"), _expect(named["path"], str, "a path")
    if method not in METHODS or not TARGET.fullmatch(path):
        raise ValueError(f"a method of {', '.join(METHODS)} and a path, not {method!r} and {path!r}")
    status = _expect(named["status"], int, "a status such as 401")
    if status and not 100 <= status <= 599:
        raise ValueError("a status from 100 to 599")
    body = named["body"]
    headers = _table_value("table", _expect(named["headers"], dict, "a table of headers"))
    if not all(
        re.fullmatch(r"[A-Za-z0-9-]+", name) and re.fullmatch(r"[ -~]*", text) for name, text in headers
    ):
        raise ValueError("headers of one printable line each")
    return TrialRequest(
        method=method,
        path=path,
        body=body if isinstance(body, str) else json.dumps(body),
        status=status,
        headers=headers,
    )


def _programs(value: object) -> tuple[ServiceProgram, ...]:
    """Take the tables [trial.service.NAME]."""
    from seatrial.model.trial import ServiceProgram  # noqa: PLC0415 - start-up time

    found = []
    for name, item in _expect(value, dict, "tables [trial.service.NAME]").items():
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", name) or name in (*CHOICES["services"], "sqlite"):
            raise ValueError(f"a name in lower case that is free, not {name!r}")
        table = _expect(item, dict, f"a table [trial.service.{name}]")
        _check_names(table, ("run", "port"), f"service {name}")
        run = tuple(
            _expect(word, str, "texts in run") for word in _expect(table.get("run"), list, "run = [...]")
        )
        port = _expect(table.get("port"), int, "port = NUMBER")
        if not run or not run[0].startswith("/") or not 1 <= port <= 65535:
            raise ValueError('run = ["/usr/bin/redis-server", ...], an absolute path first, and port = 6379')
        found.append(ServiceProgram(name=name, run=run, port=port))
    return tuple(found)


_READERS: dict[str, Callable[[object], object]] = {
    "truth": _truth,
    "count": _count,
    "requests": _requests,
    "programs": _programs,
}


def _check_names(table: Iterable[str], known: Iterable[str], what: str) -> None:
    for name in table:
        if name not in known:
            raise ValueError(f"keys {', '.join(known)} in a {what}, not {name!r}; {nearest(name, known)}")


def _table_value(kind: str, table: dict[object, object]) -> tuple[tuple[str, str], ...]:
    pairs = tuple((str(key), _expect(item, str, "a table of texts")) for key, item in table.items())
    if kind == "places":
        _check_places([path for path, _ in pairs])
    if kind == "addresses":
        _check_addresses([address for _, address in pairs])
    return pairs


def _check_places(paths: list[str]) -> None:
    """Raise ValueError for a path that a file of the image, or of the trial, cannot have."""
    for path in paths:
        parts = path.split("/")
        if not path.startswith("/") or "" in parts[1:] or {".", ".."} & set(parts):
            raise ValueError(f'paths in the image, such as "/etc/service.toml", not {path!r}')
        if parts[1] in _TAKEN or path == "/server":
            raise ValueError(f"a path that is free in a container; /{parts[1]} is not")


def _check_addresses(addresses: list[str]) -> None:
    """Raise ValueError for what the woven health check could not ask."""
    for address in addresses:
        if not re.fullmatch(r"[a-z]+://[!-~]+|\$\{?\w+\}?[!-~]*", address):
            raise ValueError(f'addresses such as "tcp://cache:6379" or "$SEARCH_URL", not {address!r}')


def _text_value(kind: str, text: str) -> object:
    if kind == "target" and not re.fullmatch(r"/[!-~]*", text):
        raise ValueError('a path such as "/healthz"')
    if kind == "name" and not re.fullmatch(NAME, text):
        raise ValueError('a name in lower case, such as "orders"; its registry and owner come with the push')
    if kind == "size":
        return parse_size(text)
    if kind == "duration":
        return parse_duration(text)
    if kind in CHOICES and text not in CHOICES[kind]:
        raise ValueError(f"one of {', '.join(CHOICES[kind])}; {nearest(text, CHOICES[kind])}")
    return text


def _expect(value: object, kind: type[_T], words: str) -> _T:
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise ValueError(words)
