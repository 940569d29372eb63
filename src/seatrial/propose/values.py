"""Values of variables and lines of files, with what the trial brings in the place of other addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from seatrial.model.trial import ServiceProgram

_URL: Final = re.compile(r"\bpostgres(?:ql)?://[^\s\"'`<>]*")
_PAIRS: Final = re.compile(r"\b(host|port|user|password|dbname|sslmode)=('[^']*'|[^\s\"'`;,]*)")
_OWN_SETTINGS: Final = frozenset({"sslmode", "user", "password", "host", "port", "dbname"})
_PAIR_VALUES: Final = {
    "host": "{postgres.host}",
    "port": "{postgres.port}",
    "user": "{postgres.user}",
    "password": "{postgres.password}",
    "dbname": "{postgres.database}",
    "sslmode": "disable",
}
_PART: Final = re.compile(
    r"(?P<prefix>.*?)_?(?P<part>HOST_?NAME|HOST|SERVER|ADDR(?:ESS)?|ENDPOINT|PORT|USER_?NAME|USER|PASSWORD|PASS|PWD"
    r"|DATABASE_NAME|DB_NAME|DATABASE|DBNAME|NAME|DB|SSL_?MODE|URL|URI|DSN|CONN(?:ECTION)?(?:_STR(?:ING)?)?)"
)
_POSTGRES_PREFIX: Final = re.compile(r"(?:^|_)(?:PG|PSQL|POSTGRES(?:QL)?|DB|DATABASE|SQL|RDS)$|^PG$")
_POSTGRES_PARTS: Final = {
    "HOST": "{postgres.host}",
    "HOSTNAME": "{postgres.host}",
    "SERVER": "{postgres.host}",
    "ADDR": "{postgres.host}:{postgres.port}",
    "ADDRESS": "{postgres.host}:{postgres.port}",
    "ENDPOINT": "{postgres.host}:{postgres.port}",
    "PORT": "{postgres.port}",
    "USER": "{postgres.user}",
    "USERNAME": "{postgres.user}",
    "PASSWORD": "{postgres.password}",
    "PASS": "{postgres.password}",
    "PWD": "{postgres.password}",
    "DATABASENAME": "{postgres.database}",
    "DATABASE": "{postgres.database}",
    "DBNAME": "{postgres.database}",
    "NAME": "{postgres.database}",
    "DB": "{postgres.database}",
    "SSLMODE": "disable",
    "URL": "{postgres.url}",
    "URI": "{postgres.url}",
    "DSN": "{postgres.url}",
}
# What an example calls another machine: its own, a name with a dot, or that of a container.
_HOST: Final = re.compile(
    r"localhost|127\.0\.0\.1|[\w-]+(\.[\w-]+)+|\w*(redis|valkey|cache|nats|memcached)\w*", re.IGNORECASE
)
_SECRET: Final = "for-the-trial-only-0123456789abcd"  # noqa: S105 - 32 characters, and no secret
# The end of a name -> a value that such a variable can have.
_BY_NAME: Final = (
    (re.compile(r"SECRET|SIGNING|ENCRYPTION|_KEY$|TOKEN$|SALT|PASSWORD|PASSPHRASE"), _SECRET),
    (re.compile(r"(^|_)PORT$"), "8080"),
    (re.compile(r"(LISTEN|BIND|HTTP|SERVER)_?ADDR(ESS)?$"), ":8080"),
    (re.compile(r"(^|_)(URL|URI|ORIGIN|DOMAIN_URL)$"), "http://127.0.0.1:8080"),
    (re.compile(r"(^|_)HOST$"), "127.0.0.1"),
    (re.compile(r"LEVEL$"), "info"),
    (re.compile(r"EMAIL|_FROM$"), "trial@example.com"),
    (re.compile(r"TIMEOUT|DURATION|INTERVAL|TTL|EXPIR|_AGE$|LIFETIME"), "1h"),
    (re.compile(r"MAX|MIN|SIZE|LIMIT|COUNT|COST"), "10"),
    (re.compile(r"VERSION$"), "1.0.0"),
)
_BY_KIND: Final = {"bool": "false", "time.Duration": "1h", "float64": "1", "float32": "1"}


@dataclass(frozen=True, kw_only=True)
class Known:
    """A program that a trial can run beside the service. modules: of Go, that speak to it.

    scheme: of its URLs. words: in names of variables that are its address.
    """

    program: ServiceProgram
    package: str
    modules: re.Pattern[str]
    scheme: str
    words: re.Pattern[str]


KNOWN: Final = (
    Known(
        program=ServiceProgram(
            name="redis",
            run=("/usr/bin/redis-server", "--port", "6379", "--dir", "{data}", "--save", ""),
            port=6379,
        ),
        package="redis-server",
        modules=re.compile(r"github\.com/(redis/go-redis|go-redis/redis|gomodule/redigo|redis/rueidis)\b"),
        scheme="redis",
        words=re.compile(r"REDIS|VALKEY"),
    ),
    Known(
        program=ServiceProgram(
            name="nats", run=("/usr/sbin/nats-server", "-a", "127.0.0.1", "-p", "4222"), port=4222
        ),
        package="nats-server",
        modules=re.compile(r"github\.com/nats-io/nats\.go\b"),
        scheme="nats",
        words=re.compile(r"NATS"),
    ),
    Known(
        program=ServiceProgram(
            name="memcached", run=("/usr/bin/memcached", "-l", "127.0.0.1", "-p", "11211"), port=11211
        ),
        package="memcached",
        modules=re.compile(r"github\.com/bradfitz/gomemcache\b"),
        scheme="memcached",
        words=re.compile(r"MEMCACHE"),
    ),
)


def with_postgres(text: str) -> str:
    """Put the trial's database in the place of every PostgreSQL address in a text; settings stay."""
    text = _URL.sub(lambda found: _postgres_url(found[0]), text)
    return "\n".join(_postgres_pairs(line) for line in text.split("\n"))


def with_program(text: str, known: Known) -> str:
    """Put a program of the trial in the place of its addresses in a text."""
    name, port = known.program.name, known.program.port
    text = re.sub(
        rf"\b{known.scheme}://[^\s\"'`/<>]*", f"{known.scheme}://{{{name}.host}}:{{{name}.port}}", text
    )
    return re.sub(rf"[\w.-]+:{port}\b", f"{{{name}.host}}:{{{name}.port}}", text)


def postgres_value(name: str, example: str) -> str:
    """Return the value of a variable that is the database's address or a part of it, else ""."""
    replaced = with_postgres(example)
    if replaced != example:
        return replaced
    found = _PART.fullmatch(name)
    if not found:
        return ""
    prefix, part = found["prefix"], found["part"].replace("_", "")
    is_whole = not prefix and part in {"DBNAME", "DATABASENAME", "DSN"}
    if not is_whole and not _POSTGRES_PREFIX.search(prefix):
        return ""
    if part.startswith("CONN"):
        part = "URL"
    if part in {"HOST", "SERVER"} and re.search(r":\d+$", example):
        part = "ADDR"
    return _POSTGRES_PARTS[part]


def program_value(name: str, example: str, known: Known) -> str:
    """Return the value of a variable that is a program's address or a part of it; "" when it is neither."""
    replaced = with_program(example, known)
    if replaced != example:
        return replaced
    found = _PART.fullmatch(name)
    if not found or not known.words.search(found["prefix"]):
        return ""
    service, part = known.program.name, found["part"].replace("_", "")
    host, port = f"{{{service}.host}}", f"{{{service}.port}}"
    if part in {"HOST", "HOSTNAME", "SERVER"}:
        if not example or _HOST.fullmatch(example):
            return host
        has_port = re.fullmatch(rf"({_HOST.pattern}):\d+", example, re.IGNORECASE)
        return f"{host}:{port}" if has_port else ""
    address = dict.fromkeys(("ADDR", "ADDRESS", "ENDPOINT"), f"{host}:{port}")
    url = dict.fromkeys(("URL", "URI", "DSN"), f"{known.scheme}://{host}:{port}")
    return {"PORT": port, **address, **url}.get(part, "")


def made_up(name: str, kind: str) -> str:
    """Return a value that a variable of that name and Go type can have."""
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    found = next((value for pattern, value in _BY_NAME if pattern.search(name)), "")
    if re.fullmatch(r"\*?u?int\d*", kind):
        return found if found.isdecimal() else "10"
    return found or "trial"


def _postgres_url(url: str) -> str:
    try:
        query = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    except ValueError:
        query = []
    own = [(key, value) for key, value in query if key not in _OWN_SETTINGS]
    return "{postgres.url}" + (f"&{urlencode(own)}" if own else "")


def _postgres_pairs(line: str) -> str:
    """Rewrite a connection string of key=value pairs (libpq); one that has no user or name is none."""
    keys = {found[1] for found in _PAIRS.finditer(line)}
    if "host" not in keys or not keys & {"user", "dbname"} or "$" in line or "%" in line:
        return line
    line = _PAIRS.sub(lambda found: f"{found[1]}={_PAIR_VALUES[found[1]]}", line)
    for missing in ("port", "sslmode"):
        if missing not in keys:
            line = line.replace(
                "host={postgres.host}", f"host={{postgres.host}} {missing}={_PAIR_VALUES[missing]}"
            )
    return line
