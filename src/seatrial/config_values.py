"""A value of seatrial.toml -> what a setting holds. ValueError says what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from seatrial.model.trial import ServiceProgram, TrialRequest

_T = TypeVar("_T")

INTEGRATIONS = ("net/http", "database/sql", "pgx", "log/slog")
BASES = ("debian-13", "debian-12", "scratch")
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


def read_value(kind: str, value: object) -> object:
    """Turn a TOML value into a setting's; raise ValueError saying what was expected."""
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
        if kind == "experiments" and not re.fullmatch(r"[a-z0-9]+", text):
            raise ValueError('names such as "jsonv2"')
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
