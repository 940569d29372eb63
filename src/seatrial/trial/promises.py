"""What an image is held to: what any image is, and what somebody promised of this one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from seatrial.config import Settings
from seatrial.config_values import parse_size
from seatrial.errors import ConfigError
from seatrial.model.facts import Facts, StaticFacts
from seatrial.model.verdict import Expectations

WORDS: Final = (
    "static",
    "woven",
    "spans",
    "healthcheck",
    "database",
    "graceful",
    "size=50MB",
    "user=65532",
    "all",
)

_DEFAULT_USER: Final = "65532"


@dataclass(frozen=True, kw_only=True)
class Promises:
    """What somebody said of an image, beyond what is expected of any.

    has_healthcheck: None holds an image to a health check when it brings one.
    """

    user: str = ""
    size_limit_bytes: int | None = None
    is_static: bool = False
    is_woven: bool = False
    has_healthcheck: bool | None = None
    has_spans: bool = False
    has_database: bool | None = None
    is_graceful: bool = False

    def expectations(self, facts: Facts, *, is_run: bool, today: str = "") -> Expectations:
        """Return what the facts are held against. today: "YYYY-MM-DD"; "" when not said."""
        has_check = _has_healthcheck(facts.static) if self.has_healthcheck is None else self.has_healthcheck
        return Expectations(
            user=self.user,
            size_limit_bytes=self.size_limit_bytes,
            is_static=self.is_static,
            is_woven=self.is_woven,
            has_healthcheck=has_check,
            is_run=is_run,
            has_spans=self.has_spans,
            has_database=self.has_database,
            today=today,
            is_graceful=self.is_graceful,
        )


_PLAIN: Final[dict[str, Callable[[Promises], Promises]]] = {
    "static": lambda found: replace(found, is_static=True),
    "woven": lambda found: replace(found, is_woven=True),
    "spans": lambda found: replace(found, has_spans=True),
    "healthcheck": lambda found: replace(found, has_healthcheck=True),
    "database": lambda found: replace(found, has_database=True),
    "graceful": lambda found: replace(found, is_graceful=True),
}
_EVERYTHING: Final = Promises(
    is_static=True, is_woven=True, has_spans=True, has_healthcheck=True, has_database=True
)


def promises(settings: Settings, words: tuple[str, ...]) -> Promises:
    """Return what a seatrial.toml and --expect promise.

    settings: only the sections that a file really has promise anything, their defaults included.
    words: as in ``WORDS``. Raises ConfigError for a word that is none.
    """
    found, sections = Promises(), settings.sections
    if "gates" in sections:
        found = replace(found, size_limit_bytes=settings.image_size_bytes, is_graceful=settings.graceful_stop)
    if "health" in sections:
        found = replace(found, has_healthcheck=settings.health_flag is not False)
    if "instrument" in sections and settings.instrument == "orchestrion":
        has_sql = bool({"database/sql", "pgx"} & set(settings.integrations))
        found = replace(
            found,
            is_static=True,
            is_woven=True,
            has_spans="net/http" in settings.integrations,
            has_database=True if has_sql and settings.services else None,
        )
    for word in words:
        found = _promised(found, word, settings)
    return found


def _promised(found: Promises, word: str, settings: Settings) -> Promises:
    name, _, value = word.partition("=")
    if word == "all":
        return replace(
            _EVERYTHING,
            is_graceful=found.is_graceful,
            user=found.user or _DEFAULT_USER,
            size_limit_bytes=found.size_limit_bytes or settings.image_size_bytes,
        )
    if word in _PLAIN:
        return _PLAIN[word](found)
    if name == "user" and value.isdecimal():
        return replace(found, user=value)
    if name == "size" and value:
        try:
            return replace(found, size_limit_bytes=parse_size(value))
        except ValueError as error:
            raise ConfigError(f"{value!r} is not {error}", where="--expect size") from error
    raise ConfigError(f"{word!r} is no promise", where="--expect", hint=f"known: {', '.join(WORDS)}")


def _has_healthcheck(static: StaticFacts) -> bool:
    process = static.config.get("config")
    check = process.get("Healthcheck") if isinstance(process, dict) else None
    test = check.get("Test") if isinstance(check, dict) else None
    return isinstance(test, list) and bool(test) and test[0] != "NONE"
