"""What go list looks at, and nothing else, decides whether its answer may be used again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial.toolchains.go.answers import Answers, head_of, recall_answers

SOURCE = b"""// Package comment.

//go:build linux
/* func in a comment */
package main

import "fmt"
import (
\tx "example.com/x" // why
\t_ `example.com/raw`
\t. "embed"; "os"
)

//go:embed static
var files embed.FS

func main() { fmt.Println("hello") }
"""
HEAD_CHANGES = {
    "constraint": (b"linux", b"windows"),
    "package": (b"package main", b"package other"),
    "import": (b'"example.com/x"', b'"example.com/y"'),
    "raw import": (b"example.com/raw", b"example.com/war"),
    "import's name": (b'x "example', b'y "example'),
    "one more import": (b'"os"\n', b'"os"; "io"\n'),
    "embedded files": (b"//go:embed static", b"//go:embed static other"),
}


@pytest.mark.parametrize("change", HEAD_CHANGES)
def test_change_that_go_list_sees_changes_the_head(change: str) -> None:
    before, after = HEAD_CHANGES[change]
    assert head_of(SOURCE) != head_of(SOURCE.replace(before, after))


def test_change_of_a_function_leaves_the_head() -> None:
    assert head_of(SOURCE) == head_of(SOURCE.replace(b'"hello"', b'"good bye, import \\"x\\""'))


@pytest.mark.parametrize(
    "source",
    [
        b"package main\nimport ",
        b"package main\n?",
        b'package main\nimport "unclosed\nfunc f() {}',
        b"package main\n/* unclosed\nfunc f() {}",
        b'package main\nimport caf\xc3\xa9 "x"\nfunc f() {}',
        b"\xef\xbb\xbfpackage main\nfunc f() {}",
        b"package main\nimported := 1",
    ],
)
def test_head_that_is_not_understood_is_the_whole_file(source: bytes) -> None:
    assert head_of(source) == source


def test_long_comment_takes_no_long_time_to_fail() -> None:
    source = b"import (" + b'"a"\n' * 200_000
    assert head_of(source) == source


def ask(folder: Path, tree: Path, settings: str = "s") -> tuple[Answers, bool]:
    """Ask a program that counts how often it is run; return whether it was run."""
    counter = folder / "count"
    counter.touch()
    before = counter.stat().st_size
    answers = recall_answers(folder / "memory", tree, settings)
    argv = (sys.executable, "-c", f"open({str(counter)!r}, 'a').write('x'); print('answer')")
    done = answers.ask(argv, cwd=tree, env={}, timeout_s=60)
    assert (done.returncode, done.stdout) == (0, b"answer\n")
    return answers, counter.stat().st_size > before


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "static").mkdir(parents=True)
    (tree / "main.go").write_bytes(SOURCE)
    (tree / "go.mod").write_text("module example.com/m\n")
    (tree / "fast.s").write_text("// +build amd64\n")
    answers, is_run = ask(tmp_path, tree)
    assert is_run
    answers.keep()
    assert not ask(tmp_path, tree)[1]
    return tree


TREE_CHANGES: dict[str, Callable[[Path], object]] = {
    "new file": lambda tree: (tree / "new.go").write_text("package main"),
    "new embedded file": lambda tree: (tree / "static/page").touch(),
    "new folder": lambda tree: (tree / "cmd").mkdir(),
    "removed file": lambda tree: (tree / "fast.s").unlink(),
    "go.mod": lambda tree: (tree / "go.mod").write_text("module example.com/n\n"),
    "constraint of another source": lambda tree: (tree / "fast.s").write_text("// +build arm64\n"),
    "import": lambda tree: (tree / "main.go").write_bytes(SOURCE.replace(b'"os"', b'"io"')),
}


@pytest.mark.parametrize("change", TREE_CHANGES)
def test_change_of_the_tree_asks_again(tmp_path: Path, tree: Path, change: str) -> None:
    TREE_CHANGES[change](tree)
    assert ask(tmp_path, tree)[1]


def test_edit_of_a_function_does_not_ask_again(tmp_path: Path, tree: Path) -> None:
    (tree / "main.go").write_bytes(SOURCE.replace(b"hello", b"good bye"))
    (tree / "static").joinpath("..").joinpath("go.mod").touch()
    assert not ask(tmp_path, tree)[1]


def test_other_settings_ask_again(tmp_path: Path, tree: Path) -> None:
    assert ask(tmp_path, tree, "other")[1]


def test_answer_about_sources_that_changed_meanwhile_is_not_kept(tmp_path: Path, tree: Path) -> None:
    answers, _ = ask(tmp_path, tree, "other")
    (tree / "new.go").write_text("package main")
    answers.keep()
    (tree / "new.go").unlink()
    assert ask(tmp_path, tree, "other")[1]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"format": "answers of go 1", "answers": 3}'])
def test_damaged_memory_asks_again(tmp_path: Path, tree: Path, content: bytes) -> None:
    for file in (tmp_path / "memory").iterdir():
        file.write_bytes(content)
    assert ask(tmp_path, tree)[1]


def test_only_the_last_modules_are_remembered(tmp_path: Path, tree: Path) -> None:
    for number in range(70):
        (tmp_path / "memory" / f"{number}.json").touch()
    answers, _ = ask(tmp_path, tree, "other")
    answers.keep()
    assert len(list((tmp_path / "memory").iterdir())) == 64
    assert not ask(tmp_path, tree, "other")[1]


def test_failure_is_not_remembered(tmp_path: Path, tree: Path) -> None:
    answers = recall_answers(tmp_path / "memory", tree, "s")
    argv = (sys.executable, "-c", "raise SystemExit(3)")
    assert answers.ask(argv, cwd=tree, env={}, timeout_s=60).returncode == 3
    assert not answers.given


@pytest.mark.go
def test_heads_of_the_standard_library_are_understood() -> None:
    go = shutil.which("go")
    assert go
    root = Path(
        subprocess.run((go, "env", "GOROOT"), capture_output=True, text=True, check=True).stdout.strip()
    )
    for path in (root / "src/net").rglob("*.go"):
        source = path.read_bytes()
        head = head_of(source)
        body = source[len(head.split(b"\n//go:embed")[0]) :]
        assert b"\nimport " not in body or b"`" in body, path
        assert len(head) < len(source) or b"\nfunc" not in source, path
