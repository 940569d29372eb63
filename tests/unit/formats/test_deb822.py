"""Stanzas, Release files and indices, read strictly."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import FormatError
from seatrial.formats.deb822 import (
    check_package,
    parse_package,
    parse_release,
    parse_stanza,
    select_stanzas,
    split_stanzas,
)

HASH = "ab" * 32
RELEASE = f"""\
Origin: Debian
Label: Debian
Suite: stable
Codename: trixie
Date: Sat, 21 Nov 2026 09:15:44 UTC
Acquire-By-Hash: yes
Architectures: all amd64
Components: main contrib
MD5Sum:
 0123456789abcdef0123456789abcdef 12 main/binary-amd64/Packages
SHA256:
 {HASH}       12 main/binary-amd64/Packages
 {HASH} 7 main/binary-amd64/Packages.xz
"""
PACKAGE = f"""\
Package: tzdata
Version: 2:2026f-0+deb13u1~1
Architecture: all
Description: time zones
 and more
 .
 of it
Filename: pool/main/t/tzdata/tzdata_2026f-0+deb13u1_all.deb
Size: 267528
SHA256: {HASH}"""


def test_stanza_keeps_continuation_lines() -> None:
    fields = parse_stanza(PACKAGE)
    assert fields["description"] == "time zones\nand more\n.\nof it"
    assert fields["size"] == "267528"


@pytest.mark.parametrize(
    "text",
    ["", "no field", " continued first", "A: 1\na: 2", "A: 1\n\0B: 2", "A b: 1", ": 1", "A: 1\n  \nB: 2"],
)
def test_odd_stanzas_are_refused(text: str) -> None:
    with pytest.raises(FormatError):
        parse_stanza(text)


def test_split_drops_comments_inside_and_between() -> None:
    assert split_stanzas("# one\nA: 1\n# two\nB: 2\n\n\n \nC: 3\n") == ["A: 1\nB: 2", "C: 3"]


def test_release_is_read() -> None:
    release = parse_release(RELEASE.encode())
    assert (release.origin, release.codename, release.suite) == ("Debian", "trixie", "stable")
    assert release.date == datetime(2026, 11, 21, 9, 15, 44, tzinfo=UTC)
    assert release.valid_until is None
    assert release.acquire_by_hash
    assert release.files["main/binary-amd64/Packages.xz"].size_bytes == 7


def test_valid_until_is_read() -> None:
    release = parse_release(
        RELEASE.replace("MD5Sum:", "Valid-Until: Sun, 1 Nov 2026 8:15:44 UTC\nMD5Sum:").encode()
    )
    assert release.valid_until == datetime(2026, 11, 1, 8, 15, 44, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SHA256:", "SHA1:"),
        ("Date: Sat", "When: Sat"),
        ("09:15:44 UTC", "09:15:44 CET"),
        ("21 Nov", "31 Nov"),
        ("21 Nov", "21 Brumaire"),
        ("Suite: stable", "Suite: stable\nCodename: sid"),
        ("Suite: stable", "Suite: stable\n\nOrigin: Debian"),
        (f"{HASH} 7", f"{HASH[:-1]} 7"),
        (f"{HASH} 7", f"{HASH} -7"),
        (f"{HASH} 7", f"{HASH} 7 8"),
        ("Packages.xz", "Packages"),
        ("main/binary-amd64/Packages.xz", "../Packages.xz"),
        ("main/binary-amd64/Packages.xz", "/Packages.xz"),
        ("main/binary-amd64/Packages.xz", "main//Packages.xz"),
        ("Label: Debian", "Label: \udcff"),
    ],
)
def test_odd_release_files_are_refused(old: str, new: str) -> None:
    assert old in RELEASE
    with pytest.raises(FormatError):
        parse_release(RELEASE.replace(old, new).encode(errors="surrogateescape"))


def test_package_is_read() -> None:
    package = parse_package(PACKAGE)
    assert (package.name, package.version, package.size_bytes) == ("tzdata", "2:2026f-0+deb13u1~1", 267528)
    assert check_package(package) == package


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pool/main", "/pool/main"),
        ("pool/main", "pool/../main"),
        ("pool/main", "pool/.hidden"),
        ("pool/main", "dists/main"),
        ("pool/main", "pool//main"),
        ("pool/main", "pool/%2e%2e/main"),
        ("pool/main", "pool/main?x="),
        ("_all.deb", "_all.zip"),
        ("Package: tzdata", "Package: ../tzdata"),
        ("Package: tzdata", "Package: Tzdata"),
        ("Version: 2:", "Version: :"),
        ("Size: 267528", "Size: 0x10"),
        ("Size: 267528", "Size: 267528\nSize: 1"),
        (f"SHA256: {HASH}", f"SHA256: {HASH.upper()}"),
        (f"SHA256: {HASH}", "SHA256:"),
    ],
)
def test_odd_packages_are_refused(old: str, new: str) -> None:
    assert old in PACKAGE
    with pytest.raises(FormatError):
        parse_package(PACKAGE.replace(old, new))


INDEX = "\n\n".join(
    PACKAGE.replace("Package: tzdata", f"Package: p{number}") for number in range(30)
).encode()


@given(st.lists(st.integers(0, len(INDEX)), max_size=12), st.sets(st.integers(0, 40), max_size=5))
def test_selection_does_not_depend_on_the_pieces(cuts: list[int], numbers: set[int]) -> None:
    edges = [0, *sorted(cuts), len(INDEX)]
    pieces = (INDEX[start:end] for start, end in pairwise(edges))
    found = [
        parse_package(stanza).name for stanza in select_stanzas(pieces, {f"p{number}" for number in numbers})
    ]
    assert found == [f"p{number}" for number in sorted(numbers) if number < 30]


@pytest.mark.parametrize(
    "index",
    [
        b"Version: 1\nPackage: a",
        b"Package: a\n\n\nPackage: b",
        b"Package: a\n" + b" x\n" * (1 << 20),
        b"\xff",
    ],
)
def test_odd_indices_are_refused(index: bytes) -> None:
    with pytest.raises(FormatError):
        list(select_stanzas([index, b""], {"a", "b"}))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(blob: bytes) -> None:
    for attempt in (parse_release, lambda data: list(select_stanzas([data], {"a"}))):
        with suppress(FormatError):
            attempt(blob)
