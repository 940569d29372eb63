"""Pins survive the lock file, and a lock that is not one is refused with the command that helps."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.base.pins import Pins, decode_pins
from seatrial.errors import ConfigError
from seatrial.formats.deb822 import IndexedPackage

PINS = Pins(
    base="debian-13",
    suite="trixie",
    architecture="amd64",
    release_date=datetime(2026, 11, 21, 9, 15, 44, tzinfo=UTC),
    packages=tuple(
        IndexedPackage(
            name=name,
            version="1:2.0-1+b1~deb13u1",
            architecture="all",
            filename=f"pool/main/{name[0]}/{name}/{name}_2.0-1+b1~deb13u1_all.deb",
            size_bytes=1000,
            sha256="ab" * 32,
        )
        for name in ("netbase", "tzdata")
    ),
)


def decode(lock: dict[str, object]) -> Pins:
    return decode_pins(lock, base="debian-13", architecture="amd64", names=("netbase", "tzdata"))


def test_pins_survive_json() -> None:
    assert decode(json.loads(json.dumps(PINS.encode()))) == PINS


def with_package(**changes: object) -> dict[str, object]:
    lock = copy.deepcopy(PINS.encode())
    packages = lock["packages"]
    assert isinstance(packages, list)
    packages[0].update(changes)
    return lock


BAD = {
    "version": PINS.encode() | {"version": 2},
    "version text": PINS.encode() | {"version": "1"},
    "no version": {key: value for key, value in PINS.encode().items() if key != "version"},
    "unknown key": PINS.encode() | {"mirror": "x"},
    "other base": PINS.encode() | {"base": "debian-12"},
    "other architecture": PINS.encode() | {"architecture": "arm64"},
    "no packages": PINS.encode() | {"packages": {}},
    "fewer packages": PINS.encode() | {"packages": []},
    "package is text": PINS.encode() | {"packages": ["netbase"]},
    "date": PINS.encode() | {"release_date": "yesterday"},
    "date without zone": PINS.encode() | {"release_date": "2026-11-21T09:15:44"},
    "date in another form": PINS.encode() | {"release_date": "20261121T091544Z"},
    "date in another zone": PINS.encode() | {"release_date": "2026-11-21T09:15:44+01:00"},
    "suite": PINS.encode() | {"suite": 13},
    "order": PINS.encode() | {"packages": [*reversed(list(PINS.encode()["packages"]))]},  # type: ignore[call-overload]
    "package name": with_package(name="zoo"),
    "package extra": with_package(extra=1),
    "package size": with_package(size_bytes=True),
    "package negative size": with_package(size_bytes=-1),
    "package size text": with_package(size_bytes="1"),
    "package hash": with_package(sha256="AB" * 32),
    "package path": with_package(filename="pool/../../etc/passwd.deb"),
    "package absolute": with_package(filename="/pool/a.deb"),
    "package newline": with_package(version="1\nSize: 2"),
    "package space": with_package(version="1 "),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_lock_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decode(BAD[name])
    assert caught.value.hint == "seatrial lock --update"
    assert caught.value.where == "seatrial.lock"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(PINS.encode())), JSON)
def test_any_value_for_a_key_is_read_or_refused(key: str, value: object) -> None:
    with suppress(ConfigError):
        assert decode(PINS.encode() | {key: value})


@given(st.sampled_from(["name", "version", "architecture", "filename", "size_bytes", "sha256"]), JSON)
def test_any_value_in_a_package_is_read_or_refused(key: str, value: object) -> None:
    with suppress(ConfigError):
        assert decode(with_package(**{key: value}))
