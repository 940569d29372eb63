"""Debian's control format: stanzas, Release files and Packages indices (deb822(5), RepositoryFormat).

Everything here parses bytes whose signature or digest has been checked already, and is strict all the
same: what apt would read otherwise than we do is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from seatrial.errors import FormatError

_FIELD: Final = re.compile(r"([!-9;-~]+):[ \t]*(.*)")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_INDEX_PATH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._~-]*(?:/[A-Za-z0-9][A-Za-z0-9+._~-]*)*")
_POOL_PATH: Final = re.compile(r"pool(?:/[A-Za-z0-9][A-Za-z0-9+._~-]*)+\.deb")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_VERSION: Final = re.compile(r"(?:[0-9]+:)?[0-9][A-Za-z0-9.+~-]*")
_ARCHITECTURE: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_DATE: Final = re.compile(
    r"[A-Z][a-z]{2}, +(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) +(\d{1,2}):(\d\d):(\d\d) (?:UTC|GMT|\+0000)", re.ASCII
)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONGEST_STANZA: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class IndexFile:
    """One file that a Release file vouches for; sha256 is 64 hex."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Release:
    """The signed head of a suite. date and valid_until are UTC; files by path below the suite."""

    origin: str
    label: str
    suite: str
    codename: str
    date: datetime
    valid_until: datetime | None
    acquire_by_hash: bool
    architectures: frozenset[str]
    components: frozenset[str]
    files: Mapping[str, IndexFile]


@dataclass(frozen=True, kw_only=True)
class IndexedPackage:
    """One package as an index promises it; filename is below the mirror's root ("pool/...")."""

    name: str
    version: str
    architecture: str
    filename: str
    size_bytes: int
    sha256: str


def parse_stanza(text: str) -> dict[str, str]:
    """Parse one stanza; field names are lower-cased, continuation lines keep their newline.

    Raises FormatError for a line that is no field, a field given twice, and an empty stanza.
    """
    fields: dict[str, str] = {}
    name = ""
    for line in text.split("\n"):
        if line[:1] in {" ", "\t"} and name and line.strip():
            fields[name] += "\n" + line[1:]
            continue
        if not line and name:
            continue
        match = _FIELD.fullmatch(line)
        if match is None:
            raise FormatError(f"not a field: {line[:80]!r}")
        name = match[1].lower()
        if name in fields:
            raise FormatError(f"the field {match[1]} is there twice")
        fields[name] = match[2].rstrip()
    if not fields:
        raise FormatError("an empty stanza")
    return fields


def split_stanzas(text: str) -> list[str]:
    """Return the stanzas of a text, without comment lines."""
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    return [part.strip("\n") for part in re.split(r"\n[ \t]*\n", kept) if part.strip()]


def parse_release(signed: bytes) -> Release:
    """Parse a Release file: one stanza with a SHA256 section. Raises FormatError."""
    text = _decode(signed).rstrip("\n")
    if "\n\n" in text:
        raise FormatError("more than one stanza in a Release file")
    fields = parse_stanza(text)
    valid_until = fields.get("valid-until")
    return Release(
        origin=fields.get("origin", ""),
        label=fields.get("label", ""),
        suite=fields.get("suite", ""),
        codename=fields.get("codename", ""),
        date=_parse_date(_required(fields, "date")),
        valid_until=None if valid_until is None else _parse_date(valid_until),
        acquire_by_hash=fields.get("acquire-by-hash", "no") == "yes",
        architectures=frozenset(fields.get("architectures", "").split()),
        components=frozenset(fields.get("components", "").split()),
        files=_parse_files(_required(fields, "sha256")),
    )


def parse_package(stanza: str) -> IndexedPackage:
    """Parse what an index promises about one package. Raises FormatError for anything odd."""
    fields = parse_stanza(stanza)
    return IndexedPackage(
        name=_matching(fields, "package", _NAME),
        version=_matching(fields, "version", _VERSION),
        architecture=_matching(fields, "architecture", _ARCHITECTURE),
        filename=_matching(fields, "filename", _POOL_PATH),
        size_bytes=int(_matching(fields, "size", _NUMBER)),
        sha256=_matching(fields, "sha256", _SHA256),
    )


def check_package(package: IndexedPackage) -> IndexedPackage:
    """Return a package whose values have the forms ``parse_package`` accepts; raise FormatError."""
    text = "\n".join(
        f"{key}: {value}"
        for key, value in (
            ("Package", package.name),
            ("Version", package.version),
            ("Architecture", package.architecture),
            ("Filename", package.filename),
            ("Size", package.size_bytes),
            ("SHA256", package.sha256),
        )
    )
    if parse_package(text) != package:
        raise FormatError("a value with spaces around it")
    return package


def select_stanzas(chunks: Iterable[bytes], names: Set[str]) -> Iterator[str]:
    """Yield the stanzas of the named packages from a Packages file that comes in pieces.

    Keeps one stanza at most, whatever the size of the index; Package must be its first field, as it
    is in every Debian archive. Raises FormatError.
    """
    wanted = {name.encode() for name in names}
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n\n")
        if len(rest) > _LONGEST_STANZA:
            raise FormatError("a stanza of more than 1 MiB")
        yield from _wanted_stanzas(whole, wanted)
    yield from _wanted_stanzas([rest], wanted)


def _wanted_stanzas(stanzas: list[bytes], wanted: set[bytes]) -> Iterator[str]:
    for stanza in stanzas:
        head, _, name = stanza[:200].partition(b"\n")[0].partition(b": ")
        if head != b"Package" and stanza.strip(b"\n"):
            raise FormatError(f"a stanza that does not start with Package: {stanza[:60]!r}")
        if name in wanted:
            yield _decode(stanza).strip("\n")


def _parse_files(section: str) -> dict[str, IndexFile]:
    files: dict[str, IndexFile] = {}
    for line in section.split("\n"):
        if not line.strip():
            continue
        words = line.split()
        if len(words) != 3 or not _SHA256.fullmatch(words[0]) or not _NUMBER.fullmatch(words[1]):
            raise FormatError(f"not a digest, a size and a path: {line[:120]!r}")
        sha256, size, path = words
        if not _INDEX_PATH.fullmatch(path):
            raise FormatError(f"an odd path: {path[:120]!r}")
        if path in files:
            raise FormatError(f"two digests for {path}")
        files[path] = IndexFile(path=path, size_bytes=int(size), sha256=sha256)
    return files


def _parse_date(value: str) -> datetime:
    """Parse "Sat, 21 Nov 2026 09:15:44 UTC"; only UTC is accepted, as apt does, and no locale is asked."""
    match = _DATE.fullmatch(value)
    if match is None or match[2] not in _MONTHS:
        raise FormatError(f"not a date in UTC: {value[:60]!r}")
    day, year, hour, minute, second = (int(match[group]) for group in (1, 3, 4, 5, 6))
    try:
        return datetime(year, _MONTHS.index(match[2]) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise FormatError(f"not a date: {value[:60]!r}") from error


def _required(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name)
    if not value:
        raise FormatError(f"the field {name} is missing")
    return value


def _matching(fields: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    value = _required(fields, name)
    if not form.fullmatch(value):
        raise FormatError(f"the field {name} has an odd value: {value[:120]!r}")
    return value


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise FormatError("not UTF-8") from error
