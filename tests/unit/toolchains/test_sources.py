"""Reading a build's files: digests, and who may know a health flag."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from go_project import go_project
from seatrial.errors import MachineError
from seatrial.model.project import Project
from seatrial.toolchains.go.sources import read_sources


def project(root: Path, *inputs: Path, libraries: tuple[Path, ...] = ()) -> Project:
    return replace(go_project(root), inputs=inputs, library_directories=libraries)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('if os.Args[1] == "--health-check" {', True),
        ('flag.Bool("health-check", false, "")', True),
        ('app.Flag("healthcheck", "")', True),
        ("flag.Bool(`health-check`, false, ``)", True),
        ("// run it with --health-check", False),
        ('mux.Handle("/health-check", h)', False),
        ('log.Print("health-check failed")', False),
    ],
)
def test_a_whole_literal_names_the_flag(tmp_path: Path, code: str, expected: bool) -> None:
    file = tmp_path / "main.go"
    file.write_text(code)
    found = read_sources(project(tmp_path, file), tmp_path / "memory")
    assert found.may_have_flag is expected
    assert found.digests[file] == hashlib.sha256(code.encode()).hexdigest()


def test_only_go_files_name_a_flag(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('"--health-check"')
    assert not read_sources(project(tmp_path, page), tmp_path / "memory").may_have_flag


def test_the_services_copy_of_the_aspects_is_no_flag_of_its_own(tmp_path: Path) -> None:
    """Else each ``sync`` after ``init`` would compile the service, to ask it."""
    aspects = tmp_path / "third_party/weave"
    aspects.mkdir(parents=True)
    (aspects / "probe.go").write_text('const flag = "--health-check"')
    asked = project(tmp_path, aspects / "probe.go")
    assert read_sources(asked, tmp_path / "memory").may_have_flag
    found = read_sources(replace(asked, aspects=aspects), tmp_path / "memory")
    assert not found.may_have_flag
    assert found.digests.keys() == {aspects / "probe.go"}


def test_a_library_that_has_the_flag_is_found_and_remembered(tmp_path: Path) -> None:
    library = tmp_path / "mod/cli@v1.0.0"
    library.mkdir(parents=True)
    (library / "cli.go").write_text('const name = "health-check"')
    (library / "cli_test.go").write_text('const other = "health-check"')
    asked = project(tmp_path, libraries=(library,))
    memory = tmp_path / "memory"
    assert read_sources(asked, memory).library_mentions == (library / "cli.go",)
    (library / "cli.go").unlink()  # it never changes, so it is not read again
    assert read_sources(asked, memory).library_mentions == (library / "cli.go",)
    assert read_sources(replace(asked, library_directories=()), memory).library_mentions == ()


def test_digest_of_mentions_follows_the_files_that_name_the_flag(tmp_path: Path) -> None:
    main, other = tmp_path / "main.go", tmp_path / "other.go"
    main.write_text('const name = "--health-check"')
    other.write_text("package main")
    asked = project(tmp_path, main, other)
    before = read_sources(asked, tmp_path / "memory").mentions_digest
    other.write_text("package main // changed")
    assert read_sources(asked, tmp_path / "memory").mentions_digest == before
    main.write_text('const name = "--health-check" // changed')
    assert read_sources(asked, tmp_path / "memory").mentions_digest != before


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"gone\.go"):
        read_sources(project(tmp_path, tmp_path / "gone.go"), tmp_path / "memory")
