"""What the package databases of Debian and Alpine images list, and what /etc says."""

from __future__ import annotations

import pytest

from seatrial.formats.etc_files import parse_os_release, parse_passwd
from seatrial.formats.package_databases import parse_apk_installed, parse_dpkg_status
from seatrial.model.facts import PackageFact

STATUS = b"""Package: tzdata
Status: install ok installed
Installed-Size: 3840
Version: 2026a-0+deb13u1
Description: time zone
 Package: not this one

Package: gone
Status: deinstall ok config-files
Version: 1

Version: without a name
"""
APK = b"""C:Q1abc=
P:musl
V:1.2.5-r10
A:x86_64
I:667648
F:lib
R:ld-musl-x86_64.so.1

P:busybox
V:1.37.0-r12
I:x
"""


def test_dpkg_lists_what_is_installed() -> None:
    expected = PackageFact(kind="deb", name="tzdata", version="2026a-0+deb13u1", installed_bytes=3840 * 1024)
    assert parse_dpkg_status(STATUS) == (expected,)


def test_a_part_of_distroless_status_has_no_status_line() -> None:
    (found,) = parse_dpkg_status(b"Package: base-files\nVersion: 13.8\nInstalled-Size: 340\n")
    assert (found.name, found.installed_bytes) == ("base-files", 340 * 1024)


def test_apk_lists_what_is_installed() -> None:
    assert [(p.name, p.version, p.installed_bytes) for p in parse_apk_installed(APK)] == [
        ("musl", "1.2.5-r10", 667648),
        ("busybox", "1.37.0-r12", 0),
    ]


@pytest.mark.parametrize("content", [b"", b"\0\xff" * 99, b"Package\n\n:\n", b"P:"])
def test_junk_lists_nothing(content: bytes) -> None:
    assert parse_dpkg_status(content) == ()
    assert [package.name for package in parse_apk_installed(content) if package.name] == []


def test_os_release_is_read_as_a_shell_would() -> None:
    content = b'# comment\nID=debian\nVERSION_ID="13"\nPRETTY_NAME=\'Debian "13"\'\nbad line\nNAME="un\n'
    assert dict(parse_os_release(content)) == {
        "ID": "debian",
        "VERSION_ID": "13",
        "PRETTY_NAME": 'Debian "13"',
        "NAME": '"un',
    }


def test_passwd_gives_names_and_numbers() -> None:
    content = b"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/\nodd:x:zero:0\nshort\n"
    assert parse_passwd(content) == (("root", 0), ("nobody", 65534))
