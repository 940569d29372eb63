"""What a service that failed its trial complained of, read from its last lines and its answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from seatrial.model.facts import NO_TABLE, WHILE_UP, RunningFacts

_READ_LINES: Final = 60
_CAPITALS: Final = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*\b")
_ABSENT: Final = re.compile(
    r"no such file|not found|no files|cannot find|can't find|does not exist|unable to (?:open|read|find)"
    r"|failed to (?:open|read|load)|no migration|(?:error|could not|cannot) (?:open|read|load)",
    re.IGNORECASE,
)
_PATH: Final = re.compile(
    r"(?<![\w/:.-])(?:file://)?((?:\.{0,2}/)?[\w@.*-]+(?:/[\w@.*-]+)*\.(?:ya?ml|toml|json|ini|env|conf|cfg|"
    r"properties|tmpl|gohtml|html|sql|pem|crt|key|pub|txt|csv|xml|mmdb)|(?:\.{0,2}/)?[\w@.-]+(?:/[\w@.*-]+)+/?)"
)
_QUOTED: Final = re.compile(r"""(?:open|stat|lstat|read|directory|folder)\s+["'`]?([\w@.*/-]+)""")
# viper: Config File "config" Not Found in "[/config /]"
_NAMED: Final = re.compile(r'[Ff]ile\s+"([\w.-]+)"\s+[Nn]ot [Ff]ound in "\[?(/[^\s\]"]*)')
_REFUSED: Final = re.compile(r"(?:127\.0\.0\.1|localhost|\[?::1\]?|[\w.-]+):(\d{2,5})\b")
_DATABASE: Final = re.compile(
    r"postgres|\bpq:|pgx|pgconn|SQLSTATE|\bdial tcp\b.*:5432|\bPG[A-Z]+\b", re.IGNORECASE
)
# Settings that were looked for, without a word of where.
_SETTINGS: Final = re.compile(
    r"\b(?:load|read|find|open)\w*\s+(?:the\s+|any\s+|in\s+)?[\"'`]?(?:\w+\s+)?(?:\.?env|config\w*|settings?)\b",
    re.IGNORECASE,
)
_USAGE: Final = re.compile(r"^\s*(usage:|available commands|commands:)", re.IGNORECASE | re.MULTILINE)
_COMMANDS: Final = ("serve", "server", "start", "run", "web", "http", "api", "daemon", "listen")
_MIGRATE: Final = ("migrate", "migrations", "migrate-up", "db-migrate", "init-db", "initdb")


@dataclass(frozen=True, kw_only=True)
class Complaints:
    """What was said. capitals: words that may be names of variables. paths: of files that are not there.

    lacks_settings: a file of settings is spoken of that could not be read.
    command: a word of the printed usage that serves; migrate: one that makes tables; "" for none.
    ports: numbers in addresses. has_database_words: PostgreSQL is spoken of.
    """

    capitals: frozenset[str]
    paths: tuple[str, ...]
    command: str
    migrate: str
    ports: frozenset[int]
    has_database_words: bool
    lacks_tables: bool
    lacks_settings: bool


def read_complaints(facts: RunningFacts) -> Complaints:
    """Read the last lines of the log, and what answers said."""
    lines = [_plain(line) for line in facts.log_lines[-_READ_LINES:]]
    probed = (probe.output for probe in facts.probes if probe.situation == WHILE_UP and probe.exit_code)
    said = "\n".join((*lines, *(one.body_excerpt for one in facts.exchanges), *probed))
    has_usage = bool(_USAGE.search(said))
    command = _command(lines, _COMMANDS) if has_usage else ""
    return Complaints(
        # A list of commands and flags names every variable, and complains of none.
        capitals=frozenset() if command else frozenset(_CAPITALS.findall(said)),
        paths=tuple(dict.fromkeys(path for line in lines if _ABSENT.search(line) for path in _paths(line))),
        command=command,
        migrate=_command(lines, _MIGRATE) if has_usage else "",
        ports=frozenset(int(port) for port in _REFUSED.findall(said)),
        has_database_words=bool(_DATABASE.search(said)),
        lacks_tables=bool(NO_TABLE.search("\n".join((*facts.log_lines, said)))),
        lacks_settings=bool(_SETTINGS.search(said)),
    )


def _plain(line: str) -> str:
    """Take JSON's and the terminal's escapes out of a line."""
    return re.sub(r"\x1b\[[\d;]*m", "", line).replace('\\"', '"').replace("\\n", " ").replace("\\t", " ")


def _paths(line: str) -> list[str]:
    named = [f"{folder.rstrip('/')}/{name}" for name, folder in _NAMED.findall(line)]
    return [*named, *_QUOTED.findall(line), *_PATH.findall(line)]


def _command(lines: list[str], words: tuple[str, ...]) -> str:
    """Return the first of ``words`` that begins a line of a list of commands."""
    listed = {found[1] for line in lines if (found := re.match(r"\s+([a-z][\w:-]*)(,|\s{2,}|\t|$)", line))}
    return next((word for word in words if word in listed), "")
