"""The machine's own Debian archive is found whatever its host, and nothing else is taken for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.base.mirrors import find_mirrors
from seatrial.base.recipe import DEFAULT_MIRROR, DebianSettings

OWN = "http://mirror.example/debian"


def found(tmp_path: Path, **files: str) -> tuple[str, ...]:
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        folder = tmp_path if stem == "sources" and suffix == "list" else tmp_path / "sources.list.d"
        (folder / f"{stem}.{suffix}").write_text(text)
    return find_mirrors(DebianSettings(apt=tmp_path))


STANZA = f"Types: deb\n# a comment\nURIs: {OWN}/\nSuites: bookworm bookworm-updates\nComponents: main\n"


@pytest.mark.parametrize(
    "files",
    [
        {"debian_sources": STANZA},
        {"debian_sources": "\n# first\n\n" + STANZA},
        {"debian_sources": STANZA.replace("Types: deb", "Types: deb-src deb")},
        {"sources_list": f"# a comment\ndeb {OWN} bookworm main contrib # more\n"},
        {"own_list": f"deb [arch=amd64 signed-by=/k.gpg] {OWN}/ trixie main\n"},
        {"sources_list": f"deb-src http://other.example/debian trixie main\ndeb {OWN} trixie main\n"},
        {"a_list": "deb https://download.docker.example/linux/debian trixie stable", "b_sources": STANZA},
        {"a_list": "deb https://apt.vendor.example trixie main", "b_sources": STANZA},
        {"a_sources": "not a stanza\n\n" + STANZA},
        {"a_sources": STANZA.replace(OWN, "http://no.example/debian") + "Enabled: no\n", "b_sources": STANZA},
        {
            "a_sources": STANZA.replace(OWN, "http://no.example/debian")
            .replace("bookworm", "bookworm-security", 1)
            .replace(" bookworm-updates", ""),
            "b_sources": STANZA,
        },
        {"a_save": STANZA.replace(OWN, "http://no.example/debian"), "b_sources": STANZA},
    ],
)
def test_own_archive_comes_first_and_debian_second(tmp_path: Path, files: dict[str, str]) -> None:
    assert found(tmp_path, **files) == (OWN, DEFAULT_MIRROR)


@pytest.mark.parametrize(
    ("uri", "archive"),
    [
        ("http://snapshot.example/archive/debian/20250520T000000Z", ""),
        ("file:/srv/debian", "file:///srv/debian"),
        ("file:///srv/debian", ""),
    ],
)
def test_snapshots_and_local_archives_are_archives(tmp_path: Path, uri: str, archive: str) -> None:
    assert found(tmp_path, x_list=f"deb {uri} trixie main") == (archive or uri, DEFAULT_MIRROR)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "deb cdrom:[Debian]/debian trixie main",
        "deb http://deb.example/debian-security trixie-security main",
        "deb http://deb.example/debian trixie-backports main",
        "deb http://archive.ubuntu.example/ubuntu noble main",
        "deb http://deb.example/debian",
        "deb tor+http://deb.example/debian trixie main",
    ],
)
def test_otherwise_it_is_debians_own(tmp_path: Path, line: str) -> None:
    assert found(tmp_path, x_list=line) == (DEFAULT_MIRROR,)


def test_unreadable_sources_are_no_sources(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "x.list").write_bytes(b"\xff\xfe")
    (tmp_path / "sources.list.d" / "y.list").mkdir()
    assert find_mirrors(DebianSettings(apt=tmp_path)) == (DEFAULT_MIRROR,)
    assert find_mirrors(DebianSettings(apt=tmp_path / "none")) == (DEFAULT_MIRROR,)


def test_mirrors_that_are_set_are_the_only_ones(tmp_path: Path) -> None:
    settings = DebianSettings(mirrors=("http://a.example/debian/", "file:///b"), apt=tmp_path)
    assert find_mirrors(settings) == ("http://a.example/debian", "file:///b")
