"""Layouts of real services: workspaces, siblings, vendored, generated, C code; woven and plain."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from builds import PLAIN, SERVER, Run, Seatrial, commit_all, git, snapshot, write_service

pytestmark = pytest.mark.go

WOVEN = ("--no-trial", "--base", "scratch")
USES_X = 'package main\n\nimport "example.com/x"\n\nfunc main() { println(x.X) }\n'


def program(run: Run, seatrial: Seatrial) -> Path:
    """Return the program of a build, found by its digest in the cache."""
    digest = run.at("binary", "sha256")
    cache = Path(seatrial.environment()["XDG_CACHE_HOME"]) / "seatrial" / "services"
    for path in cache.glob("*/programs/*/built.json"):
        if str(digest) in path.read_text():
            return path.with_name("server")
    raise AssertionError(digest)


def go(*arguments: str, cwd: Path, **env: str) -> str:
    """Run go as a user would, outside of Seatrial."""
    done = subprocess.run(
        ("go", *arguments),
        cwd=cwd,
        env={**os.environ, "GOFLAGS": "-buildvcs=auto", "CGO_ENABLED": "0", **env},
        check=True,
        capture_output=True,
        text=True,
        timeout=900,
    )
    return done.stdout


def modules(path: Path) -> list[str]:
    """Return what buildinfo says of the main module and its dependencies."""
    lines = go("version", "-m", str(path), cwd=path.parent).splitlines()
    return [line for line in lines if line.split("\t")[1:2] in (["mod"], ["dep"], ["=>"], ["path"])]


def build(seatrial: Seatrial, root: Path, *words: str, **env: str) -> Run:
    """Build a committed tree and check that the tree was only read."""
    before = snapshot(root)
    done = seatrial("build", str(root), "-o", str(root.parent / "out"), "--json", *words, **env)
    assert done.code == 0, done.stderr
    assert snapshot(root) == before
    return done


def test_view_gives_the_bytes_of_the_tree(tmp_path: Path, seatrial: Seatrial) -> None:
    """A plain build in the view is a plain build in the tree, version-control stamp and all.

    Nothing is put into it: the health check is what a plain build would have beside the tree's own code.
    """
    root = write_service(tmp_path / "mono", {"main.go": "package x\n"}, module="example.com/mono")
    write_service(root / "x", {"x.go": "package x\n\nconst X = 1\n"}, module="example.com/x")
    write_service(
        root / "svc",
        {
            "go.mod": "module example.com/mono/svc\n\ngo 1.24\n\ngodebug http2server=0\n\n"
            "require example.com/x v0.0.0\n\nreplace example.com/x => ../x\n",
            "main.go": USES_X,
        },
    )
    commit_all(root)
    git(root, "tag", "svc/v1.2.3")
    settings = tmp_path / "seatrial.toml"
    settings.write_text("[health]\nflag = false\n")
    words = ("-o", str(tmp_path / "out"), "--config", str(settings), "--json", *PLAIN)
    done = seatrial("build", str(root / "svc"), *words)
    assert done.code == 0, done.stderr
    expected = tmp_path / "expected"
    go("build", "-trimpath", "-ldflags=-s -w -buildid=", "-o", str(expected), ".", cwd=root / "svc")
    assert program(done, seatrial).read_bytes() == expected.read_bytes()
    stamp = go("version", "-m", str(expected), cwd=root)
    assert "v1.2.3" in stamp
    assert "vcs.revision" in stamp
    assert git(root, "status", "--porcelain") == ""


def test_workspace_of_the_users_own(tmp_path: Path, seatrial: Seatrial) -> None:
    root = tmp_path / "mono"
    write_service(root / "x", {"x.go": "package x\n\nconst X = 1\n"}, module="example.com/x")
    write_service(
        root / "svc",
        {"go.mod": "module example.com/svc\n\ngo 1.24\n\nrequire example.com/x v0.0.0\n", "main.go": USES_X},
    )
    (root / "go.work").write_text("go 1.24\n\nuse (\n\t./svc\n\t./x\n)\n")
    commit_all(root)
    done = seatrial("build", str(root / "svc"), "-o", str(tmp_path / "out"), "--json", *WOVEN)
    assert done.code == 0, done.stderr
    assert done.at("binary", "is_woven") is True
    assert git(root, "status", "--porcelain", "--ignored") == ""


def test_service_older_than_the_aspects_language(tmp_path: Path, seatrial: Seatrial) -> None:
    root = write_service(tmp_path / "svc", {"main.go": SERVER}, go="1.16")
    commit_all(root)
    assert build(seatrial, root, *WOVEN).at("binary", "is_woven") is True


def test_vendored_service_needs_no_proxy(tmp_path: Path, seatrial: Seatrial) -> None:
    """The vendored module exists nowhere else: only vendor/ can have been used."""
    root = write_service(
        tmp_path / "svc",
        {
            "go.mod": "module example.com/svc\n\ngo 1.24\n\nrequire example.com/x v1.0.0\n",
            "main.go": USES_X,
            "vendor/example.com/x/x.go": "package x\n\nconst X = 1\n",
            "vendor/modules.txt": "# example.com/x v1.0.0\n## explicit; go 1.24\nexample.com/x\n",
        },
    )
    commit_all(root)
    done = build(seatrial, root, *WOVEN, GOPROXY="off")
    assert done.at("binary", "is_woven") is True
    assert modules(program(done, seatrial))[2:] == ["\tdep\texample.com/x\tv1.0.0\t"]


def test_generated_code_is_made_in_a_copy(tmp_path: Path, seatrial: Seatrial) -> None:
    root = write_service(
        tmp_path / "svc",
        {
            "main.go": 'package main\n\nimport "example.com/svc/gen"\n\n'
            "func main() { println(gen.Answer) }\n",
            "seatrial.toml": '[build]\nprepare = ["go run ./tools/gen"]\n',
            "tools/gen/main.go": 'package main\n\nimport "os"\n\n'
            'func main() {\n\t_ = os.MkdirAll("gen", 0o755)\n'
            '\t_ = os.WriteFile("gen/gen.go", []byte("package gen\\n\\nconst Answer = 42\\n"), 0o644)\n}\n',
            ".gitignore": "gen/\n",
        },
    )
    commit_all(root)
    done = build(seatrial, root, "--main", ".", *PLAIN)
    assert subprocess.run((program(done, seatrial),), capture_output=True, check=True).stderr == b"42\n"
    assert "dirty" not in str(done.at("image", "reference"))
    again = seatrial("build", str(root), "-o", str(tmp_path / "out"), "--json", "--main", ".", *PLAIN)
    assert again.at("cached") is True
    (root / "tools/gen/main.go").write_text((root / "tools/gen/main.go").read_text().replace("42", "43"))
    changed = seatrial("build", str(root), "-o", str(tmp_path / "out"), "--json", "--main", ".", *PLAIN)
    assert changed.at("cached") is False
    assert subprocess.run((program(changed, seatrial),), capture_output=True, check=True).stderr == b"43\n"


def test_flags_of_the_users_are_kept(tmp_path: Path, seatrial: Seatrial) -> None:
    root = write_service(
        tmp_path / "svc",
        {
            "main.go": "package main\n\nvar version, build string\n\n"
            "func main() { println(edition, version, build) }\n",
            "pro.go": '//go:build pro\n\npackage main\n\nconst edition = "pro"\n',
            "free.go": '//go:build !pro\n\npackage main\n\nconst edition = "free"\n',
            "seatrial.toml": '[build]\nldflags = "-X main.version={version}"\n',
        },
    )
    commit_all(root)
    git(root, "tag", "v7.0.0")
    flags = "-buildvcs=auto -tags=pro -ldflags=-X=main.build=9"
    done = build(seatrial, root, *PLAIN, GOFLAGS=flags)
    said = subprocess.run((program(done, seatrial),), capture_output=True, check=True).stderr
    assert said == b"pro 7.0.0 9\n"


CGO = """package main

// int answer(void) { return 42; }
import "C"

func main() { println(C.answer()) }
"""


def test_c_code_is_linked_statically(tmp_path: Path, seatrial: Seatrial) -> None:
    root = write_service(tmp_path / "svc", {"main.go": CGO})
    commit_all(root)
    done = build(seatrial, root, *WOVEN)
    assert done.at("binary", "is_static") is True
    assert done.at("binary", "is_woven") is True
    assert subprocess.run((program(done, seatrial),), capture_output=True, check=True).stderr == b"42\n"


def test_c_code_without_a_compiler_is_refused_with_its_packages(tmp_path: Path, seatrial: Seatrial) -> None:
    root = write_service(tmp_path / "svc", {"main.go": CGO})
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("go", "git"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    done = seatrial("build", str(root), *WOVEN, PATH=str(tools))
    assert done.code == 4
    assert "example.com/svc" in done.stderr
    assert "apt-get install gcc" in done.stderr


def test_modules_stay_at_their_versions_when_woven(tmp_path: Path, seatrial: Seatrial) -> None:
    """A service with pins of its own, older than what any tracing library would ask for."""
    root = write_service(
        tmp_path / "svc",
        {
            "go.mod": "module example.com/svc\n\ngo 1.22\n\nrequire (\n\tgithub.com/go-chi/chi/v5 v5.0.8\n"
            "\tgo.opentelemetry.io/otel v1.19.0\n\tgithub.com/google/uuid v1.3.0\n)\n",
            "main.go": 'package main\n\nimport (\n\t"net/http"\n\n\t"github.com/go-chi/chi/v5"\n'
            '\t"github.com/google/uuid"\n\t"go.opentelemetry.io/otel/attribute"\n)\n\nfunc main() {\n'
            '\tr := chi.NewRouter()\n\tr.Get("/{id}", func(w http.ResponseWriter, _ *http.Request) {\n'
            '\t\t_, _ = w.Write([]byte(uuid.NewString() + string(attribute.String("a", "b").Key)))\n\t})\n'
            '\t_ = http.ListenAndServe(":8080", r)\n}\n',
        },
    )
    go("mod", "tidy", cwd=root)
    commit_all(root)
    woven = modules(program(build(seatrial, root, *WOVEN), seatrial))
    plain = tmp_path / "plain"
    go("build", "-trimpath", "-o", str(plain), ".", cwd=root)
    assert woven == modules(plain)
    assert "go.opentelemetry.io/otel\tv1.19.0" in "\n".join(woven)
