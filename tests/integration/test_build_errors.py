"""Bad input: a clear message, the right exit code, and nothing left behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from builds import MAIN, PLAIN, Seatrial, commit_all, git, snapshot, write_service

pytestmark = pytest.mark.go

PREPARED = """[build]
prepare = ["cp -r cmd/a cmd/b"]
"""

# name -> (files over a good service, more words, exit code, what the message must hold)
CASES: dict[str, tuple[dict[str, str], tuple[str, ...], int, tuple[str, ...]]] = {
    "library": ({"main.go": "package svc\n"}, (), 2, ("no main package",)),
    "several": (
        {"cmd/a/main.go": MAIN, "cmd/b/main.go": MAIN, "main.go": "package svc\n"},
        (),
        2,
        ("2 main packages", "--main ./cmd/a", "--main ./cmd/b"),
    ),
    "names that are generated": (
        {
            "main.go": 'package main\n\nimport "example.com/svc/html"\n\nfunc main() { html.Index() }\n',
            "html/html.go": "package html\n",
        },
        (),
        3,
        ("undefined: html.Index", "[build] prepare"),
    ),
    "main that is not there": ({}, ("--main", "./cmd/x"), 2, ("./cmd/x",)),
    "compile error": (
        {"main.go": "package main\n\nfunc main() { undefined() }\n"},
        (),
        3,
        ("./main.go:3:15: undefined: undefined",),
    ),
    "syntax error": ({"main.go": "package main\n\nfunc main( {\n"}, (), 3, ("main.go:3:12",)),
    "generated package": (
        {"main.go": 'package main\n\nimport _ "example.com/svc/gen"\n\nfunc main() {}\n'},
        (),
        3,
        ("main.go:3:8", "example.com/svc/gen", "[build] prepare"),
    ),
    "embedded interface": (
        {"main.go": 'package main\n\nimport "embed"\n\n//go:embed dist\nvar _ embed.FS\n\nfunc main() {}\n'},
        (),
        3,
        ("main.go:5:12", "pattern dist", "[build]", "prepare = "),
    ),
    "missing requirement": (
        {"main.go": 'package main\n\nimport _ "golang.org/x/text"\n\nfunc main() {}\n'},
        (),
        3,
        ("golang.org/x/text", "go mod tidy"),
    ),
    "Go too old": (
        {"go.mod": "module example.com/svc\n\ngo 1.99\n"},
        (),
        4,
        ("needs Go 1.99", "GOTOOLCHAIN"),
    ),
    "go.mod that cannot be read": ({"go.mod": "modul x\n"}, (), 2, ("unknown directive",)),
    "sibling that is not there": (
        {"go.mod": "module example.com/svc\n\ngo 1.24\n\nreplace example.com/x => ../nothere\n"},
        (),
        2,
        ("replace line", "nothere"),
    ),
    "unknown key": ({"seatrial.toml": "[gates]\nimage_siz = 1\n"}, (), 2, ("seatrial.toml", "'image_size'")),
    "lock of another version": (
        {"seatrial.lock": '{"version": 99}'},
        (),
        2,
        ("seatrial.lock", "lock --update"),
    ),
    "orchestrion that was never published": (
        {"seatrial.toml": '[instrument]\nversion = "v0.18.0"\n'},
        ("--instrument", "orchestrion"),
        2,
        ("v0.18.0", "never published", "v1.15.0"),
    ),
    "prepare that fails": (
        {"seatrial.toml": '[build]\nprepare = ["echo why >&2; exit 7"]\n'},
        (),
        3,
        ("why", "prepare: echo"),
    ),
    "image name": ({}, ("-t", "Not Legal"), 2, ("Not Legal", "orders:1.4.2")),
    "platform": ({}, ("--platform", "plan9/amd64"), 2, ("plan9/amd64", "linux/arm64")),
}


@pytest.mark.parametrize("case", CASES)
def test_mistake_is_told_and_leaves_nothing(tmp_path: Path, seatrial: Seatrial, case: str) -> None:
    files, words, code, held = CASES[case]
    root = write_service(tmp_path / "svc", {"main.go": MAIN, **files})
    commit_all(root)
    before = snapshot(root)
    output = tmp_path / "out" / "image.tar"
    done = seatrial("build", str(root), "-o", str(output), *PLAIN, *words)
    assert done.code == code, done.stderr
    for text in held:
        assert text in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert not output.parent.exists()
    assert snapshot(root) == before


def test_compiler_speaks_once(tmp_path: Path, seatrial: Seatrial) -> None:
    root = write_service(tmp_path, {"main.go": "package main\n\nfunc main() { undefined() }\n"})
    done = seatrial("build", str(root), *PLAIN)
    assert done.stderr.count("undefined: undefined") == 1


def test_no_module(tmp_path: Path, seatrial: Seatrial) -> None:
    (tmp_path / "backend").mkdir()
    (tmp_path / "backend" / "go.mod").write_text("module x\n")
    done = seatrial("build", str(tmp_path))
    assert done.code == 2
    assert f"seatrial build {tmp_path / 'backend'}" in done.stderr


def test_missing_go_names_what_brings_it(service: Path, seatrial: Seatrial, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    found = shutil.which("git")
    assert found
    (tools / "git").symlink_to(found)
    done = seatrial("build", str(service), PATH=str(tools))
    assert done.code == 4
    assert "go is not on PATH" in done.stderr
    assert "apt-get install" in done.stderr


def test_failure_is_one_object_with_json(tmp_path: Path, seatrial: Seatrial) -> None:
    done = seatrial("build", str(tmp_path), "--json")
    assert done.code == 2
    assert done.at("exit_code") == 2
    assert "go.mod" in str(done.at("error", "what"))


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_output_that_is_no_image_is_refused_before_the_build(
    service: Path, seatrial: Seatrial, tmp_path: Path, kind: str
) -> None:
    output = tmp_path / ("thesis" if kind == "directory" else "thesis.tar")
    precious = output / "chapter.tex" if kind == "directory" else output
    precious.parent.mkdir(exist_ok=True)
    precious.write_text("years of work")
    done = seatrial("build", str(service), "-o", str(output), *PLAIN)
    assert done.code == 2
    assert str(output) in done.stderr
    assert precious.read_text() == "years of work"
    assert "compiling" not in done.stderr


def test_output_in_a_file_is_refused(service: Path, seatrial: Seatrial, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = seatrial("build", str(service), "-o", str(tmp_path / "file" / "image.tar"), *PLAIN)
    assert done.code == 2
    assert str(tmp_path / "file") in done.stderr


def test_misleading_orchestrion_files_are_told(tmp_path: Path, seatrial: Seatrial) -> None:
    root = write_service(
        tmp_path,
        {
            "main.go": MAIN,
            ".orchestrion.yml": "aspects: []\n",
            "go.mod": "module example.com/svc\n\ngo 1.24\n\ntool github.com/DataDog/orchestrion\n",
        },
    )
    done = seatrial("build", str(root), "--plan")
    assert done.code == 0, done.stderr
    warnings = str(done.json["warnings"])
    assert "never reads this name" in warnings
    assert "weaves nothing in a plain build" in warnings


def test_git_that_cannot_be_read_is_no_hindrance(service: Path, seatrial: Seatrial) -> None:
    git(service, "config", "core.repositoryformatversion", "99")
    done = seatrial("build", str(service), "--json", *PLAIN)
    assert done.code == 0, done.stderr


def test_main_package_of_the_directory_itself_is_the_service(seatrial: Seatrial, tmp_path: Path) -> None:
    """Plugins and tools below it do not make it unclear (gotify has eight of them)."""
    root = write_service(tmp_path / "svc", {"main.go": MAIN, "plugin/a/main.go": MAIN, "cmd/b/main.go": MAIN})
    commit_all(root)
    done = seatrial("build", str(root), *PLAIN, "--json")
    assert done.code == 0, done.stderr
    assert "not one of 2 below it: see --main" in str(done.at("warnings"))


def test_several_mains_after_prepare_are_told_of_the_users_directory(
    seatrial: Seatrial, tmp_path: Path
) -> None:
    root = write_service(tmp_path / "svc", {"cmd/a/main.go": MAIN, "seatrial.toml": PREPARED})
    commit_all(root)
    done = seatrial("build", str(root), *PLAIN)
    assert done.code == 2
    assert f"{root}: 2 main packages" in done.stderr
    assert "preparing a copy of the tree: cp -r cmd/a cmd/b" in done.stderr  # it may take minutes
