"""Each target of the generated Makefile, run for real, with what it is there to catch."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from builds import CACHE, ORDERS, Seatrial, commit_all, git, write_service
from ci_tools import checked, golangci_lint
from seatrial.instrument.evidence import read_evidence
from seatrial.scaffold.make import TARGETS
from seatrial.scaffold.pins import TOOLS

pytestmark = pytest.mark.go

TEST = """package main

import "testing"

func TestOne(t *testing.T) {
	n := 0
	done := make(chan bool)
	go func() { n++; close(done) }()
	%s
	if n != 1 {
		t.Fatal(n)
	}
}
"""
SERVER = """package main

import "net/http"

func main() {
	if err := http.ListenAndServe(":8080", nil); err != nil {
		panic(err)
	}
}
"""


@dataclass(frozen=True, kw_only=True)
class Make:
    """make in one directory. path: of the programs that it finds."""

    root: Path
    path: str = os.environ["PATH"]

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run make; the caches are those that all tests share."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "GIT_"))}
        return subprocess.run(
            ("make", *words),
            cwd=self.root,
            env={**kept, "PATH": self.path, "XDG_CACHE_HOME": str(CACHE), "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
            timeout=1200,
        )

    def good(self, *words: str) -> str:
        """Run make, which must succeed; return what it said."""
        done = self(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def bad(self, *words: str) -> str:
        """Run make, which must fail; return what it said."""
        done = self(*words)
        assert done.returncode != 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def with_tools(self, *folders: Path) -> Make:
        """Return the same, where these folders' programs are found, too."""
        return Make(root=self.root, path=os.pathsep.join((*map(str, folders), self.path)))


@pytest.fixture(scope="module")
def orders() -> Make:
    """The demo service after init. Its place is a fixed one: what is woven depends on it."""
    root = CACHE / "init-orders"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(ORDERS, root, ignore=shutil.ignore_patterns("bin", "seatrial.*"))
    commit_all(root)
    done = Seatrial()("init", str(root), "--ci", "github")
    assert done.code == 0, done.stderr
    return Make(root=root)


@pytest.fixture
def plain(tmp_path: Path) -> Make:
    """A small service, not woven, after init."""
    files = {
        "main.go": SERVER,
        "seatrial.toml": '[instrument]\nwith = "none"\n[build]\nvcs = false\n',
        "main_test.go": TEST % "<-done",
        ".gitignore": "/bin/\n/coverage.out\n",
    }
    root = write_service(tmp_path / "svc", files)
    commit_all(root)
    done = Seatrial()("init", str(root), "--ci", "github")
    assert done.code == 0, done.stderr
    return Make(root=root)


def test_instrumented_program_is_the_one_that_seatrial_builds(orders: Make) -> None:
    orders.good("build-instrumented")
    program = orders.root / "bin/server"
    assert "static, and woven" in orders.good("verify-binary")
    built = Seatrial()("build", str(orders.root), "--no-trial", "--base", "scratch", "--json")
    assert built.code == 0, built.stderr
    assert built.at("binary", "sha256") == hashlib.sha256(program.read_bytes()).hexdigest()


def test_plain_program_is_static_and_not_woven(orders: Make) -> None:
    orders.good("build", "SERVER=bin/plain")
    evidence = read_evidence(orders.root / "bin/plain")
    assert evidence.elf.is_static
    assert not evidence.go.is_woven
    assert "is not woven by Orchestrion" in orders.bad("verify-binary", "SERVER=bin/plain")


TAGGED_TEST = """package main

import "testing"

func TestPage(t *testing.T) {
	if page+two != "42\\n2\\n" {
		t.Fatal(page, two)
	}
}
"""


def test_fresh_clone_has_what_a_command_makes(tmp_path: Path) -> None:
    """`[build] prepare` and `tags` count for make's targets, as they do for the image."""
    settings = """[instrument]
with = "none"
[build]
vcs = false
tags = ["special"]
prepare = ["mkdir -p made && cd made", "echo $((6*7)) > made/page.txt"]
"""
    embeds = 'import _ "embed"\n\n//go:embed made/page.txt\nvar page string\n\n'
    root = write_service(
        tmp_path / "svc",
        {
            "main.go": f"package main\n\n{embeds}func main() {{ println(page, two) }}\n",
            "special.go": '//go:build special\n\npackage main\n\nconst two = "2\\n"\n',
            "main_test.go": TAGGED_TEST,
            "seatrial.toml": settings,
            ".gitignore": "/made/\n",
        },
    )
    commit_all(root)
    done = Seatrial()("init", str(root), "--ci", "gitlab")
    assert done.code == 0, done.stderr
    commit_all(root)
    git(tmp_path, "clone", "-q", str(root), "clone")
    for target in ("build", "test"):
        shutil.rmtree(tmp_path / "clone/made", ignore_errors=True)
        Make(root=tmp_path / "clone").good(target)
    make = Make(root=tmp_path / "clone").with_tools(Path(golangci_lint()).parent)
    assert "0 issues." in make.good("lint")
    assert "what the sources need and git does not hold" in make.good("help")
    assert git(tmp_path / "clone", "status", "--porcelain") == ""


def test_version_in_the_program_is_the_same_by_both_ways(tmp_path: Path) -> None:
    settings = """[instrument]
with = "none"
[health]
flag = false
[build]
vcs = false
ldflags = "-X main.version={version} -X main.commit={revision}"
"""
    main = "package main\n\nvar version, commit string\n\nfunc main() { println(version, commit) }\n"
    root = write_service(tmp_path / "svc", {"main.go": main, "seatrial.toml": settings})
    commit_all(root)
    git(root, "tag", "v1.4.0")
    done = Seatrial()("init", str(root), "--ci", "github")
    assert done.code == 0, done.stderr
    git(root, "add", "-A")
    git(root, "commit", "-qm", "init")
    for tags, expected in (((), r"1\.4\.0-1-g[0-9a-f]{12}"), (("v1.4.1-rc.1", "v1.4.1"), r"1\.4\.1")):
        for tag in tags:
            git(root, "tag", tag)
        Make(root=root).good("build")
        program = root / "bin/server"
        said = subprocess.run((str(program),), capture_output=True, text=True, check=True).stderr
        assert re.fullmatch(rf"{expected} {git(root, 'rev-parse', 'HEAD').strip()}\n", said)
        built = Seatrial()("build", str(root), "--no-trial", "--base", "scratch", "--json")
        assert built.code == 0, built.stderr
        assert built.at("binary", "sha256") == hashlib.sha256(program.read_bytes()).hexdigest()


def test_generated_code_is_as_it_was(orders: Make) -> None:
    before = git(orders.root, "diff")
    orders.good("generate")
    assert git(orders.root, "diff") == before


def test_program_that_needs_a_loader_is_refused(plain: Make) -> None:
    said = plain.bad("verify-binary", "SERVER=/bin/ls")
    assert "/bin/ls is not static" in said
    assert "Not an ELF file" in plain.bad("verify-binary", "SERVER=main.go")
    assert "make build-instrumented" in plain.bad("verify-binary")
    plain.good("build")
    plain.good("verify-binary")


def test_tests_run_with_the_race_detector_and_leave_coverage(plain: Make) -> None:
    assert re.search(r"total:\s+\(statements\)\s+[\d.]+%", plain.good("test"))
    assert (plain.root / "coverage.out").read_text().startswith("mode: atomic")
    (plain.root / "main_test.go").write_text(TEST % "n++; <-done")
    assert "DATA RACE" in plain.bad("test")
    (plain.root / "main_test.go").write_text(TEST % "<-done; n++")
    assert "main_test.go" in plain.bad("test")


def test_lint_finds_what_the_compiler_does_not(plain: Make) -> None:
    make = plain.with_tools(Path(golangci_lint()).parent)
    make.good("lint")
    (plain.root / "main.go").write_text(SERVER.replace("panic(err)", 'http.Get("http://x")'))
    said = make.bad("lint")
    assert "bodyclose" in said or "errcheck" in said


def test_lint_asks_for_what_is_new_and_not_for_the_whole_code_base(tmp_path: Path) -> None:
    old = SERVER.replace("panic(err)", 'http.Get("http://x")')
    files = {"main.go": old, "seatrial.toml": '[instrument]\nwith = "none"\n[build]\nvcs = false\n'}
    root = write_service(tmp_path / "svc", files)
    commit_all(root)
    done = Seatrial()("init", str(root), "--ci", "github")
    assert done.code == 0, done.stderr
    commit_all(root)
    git(tmp_path, "clone", "-q", str(root), "clone")
    make = Make(root=tmp_path / "clone").with_tools(Path(golangci_lint()).parent)
    assert "0 issues." in make.good("lint")
    words = (golangci_lint(), "run", "--new-from-rev=", "./...")
    everything = subprocess.run(words, cwd=make.root, capture_output=True, text=True, check=False)
    assert "main.go:7" in everything.stdout
    (make.root / "new.go").write_text(old.replace("main()", "other()"))
    said = make.bad("lint")
    assert "new.go:7" in said
    assert "main.go:7" not in said
    assert "fetch-depth: 0 # the linter" in (make.root / ".github/workflows/image.yml").read_text()


def test_lint_refuses_settings_that_the_linter_would_not_heed(plain: Make) -> None:
    """Its own check of the file, by the schema that it holds: golangci-lint alone runs with any key."""
    make = plain.with_tools(Path(golangci_lint()).parent)
    settings = plain.root / ".golangci.yml"
    ours = settings.read_text()
    checked(golangci_lint(), "config", "verify", cwd=plain.root)
    settings.write_text(ours.replace("  enable:", "  enabel:", 1))
    assert "'enabel' not allowed" in make.bad("lint")
    assert checked(golangci_lint(), "run", cwd=plain.root).strip() == "0 issues."
    settings.unlink()
    make.good("lint")


@pytest.mark.parametrize(
    ("target", "missing", "brings"),
    [
        ("build", "go", "https://go.dev/dl/"),
        ("docker-build", "docker", "https://docs.docker.com/engine/install/"),
        ("lint", "golangci-lint", f"golangci-lint@{TOOLS['golangci-lint']}"),
        ("scan-vulnerabilities", "govulncheck", f"govulncheck@{TOOLS['govulncheck']}"),
        ("sbom", "syft", f"syft@{TOOLS['syft']}"),
        ("verify-binary", "readelf", "apt-get install binutils"),
    ],
)
def test_missing_tool_is_named_with_what_brings_it(
    plain: Make, tmp_path: Path, target: str, missing: str, brings: str
) -> None:
    plain.good("build")
    tools = tmp_path / "few"
    tools.mkdir()
    for name in ("sh", "git", "awk", "grep", "readelf", "go", "echo", "test", "gcc", "docker"):
        if name != missing and (found := shutil.which(name)):
            (tools / name).symlink_to(found)
    make_program = shutil.which("make")
    assert make_program
    (tools / "make").symlink_to(make_program)
    said = Make(root=plain.root, path=str(tools)).bad(target, f"INSTALLED={tools}")
    assert f"{missing} is missing; this brings it: " in said
    assert brings in said


def test_help_lists_every_target(plain: Make) -> None:
    said = plain.good()
    assert {line.split()[0] for line in said.splitlines()} == set(TARGETS)
    assert "$" not in said  # awk prints what is written, and expands nothing


def test_no_file_names_a_version_that_floats(plain: Make) -> None:
    lock = json.loads((plain.root / "seatrial.lock").read_text())
    for path in lock["files"]:
        if (plain.root / path).is_file():
            assert not re.search(r"@latest|:latest", (plain.root / path).read_text()), path
