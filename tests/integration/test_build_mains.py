"""Several main packages: the one that serves is the service, and a list where more than one could be."""

from __future__ import annotations

from pathlib import Path

import pytest

from builds import MAIN, PLAIN, SERVER, Run, Seatrial, commit_all, write_service

pytestmark = pytest.mark.go

# A package that serves, and one that a server and its tools share.
SERVING = """package web

import "net/http"

func Run() error {
	srv := &http.Server{Addr: ":8080"}
	return srv.ListenAndServe()
}
"""
SHARED = "package settings\n\n// Where http.ListenAndServe( is told to listen.\nconst Port = 8080\n"
CALLS_SHARED = """package main

import "example.com/svc/settings"

func main() { println(settings.Port) }
"""
CALLS_SERVING = """package main

import (
	_ "example.com/svc/settings"
	"example.com/svc/web"
)

func main() { panic(web.Run()) }
"""
CLIENT = """package main

import "net/http"

func main() { _, _ = http.Get("http://127.0.0.1:8080/") }
"""
PACKAGES = {"web/web.go": SERVING, "settings/settings.go": SHARED}
DOCKERFILE = """FROM golang:1.26 AS build
COPY . .
RUN CGO_ENABLED=0 go build \\
    -ldflags "-s -w" -o /out/a ./cmd/a
FROM scratch
COPY cmd/b/page.html /page.html
COPY --from=build /out/a /a
EXPOSE 8080
ENTRYPOINT ["/a"]
"""


def _plan(seatrial: Seatrial, root: Path, files: dict[str, str]) -> Run:
    commit_all(write_service(root, files))
    return seatrial("build", str(root), "--plan", "--instrument", "none")


def _main(done: Run) -> object:
    assert done.code == 0, done.stderr
    return done.at("project", "main", "argument")


def _warnings(done: Run) -> str:
    return str(done.at("warnings"))


def test_the_only_one_that_serves_is_the_service(seatrial: Seatrial, tmp_path: Path) -> None:
    """Serving may be some packages away; what a migration shares with the server makes it no server."""
    files = {
        **PACKAGES,
        "cmd/api/main.go": CALLS_SERVING,
        "cmd/migrate/main.go": CALLS_SHARED,
        "cmd/seed/main.go": CLIENT,
    }
    done = _plan(seatrial, tmp_path / "svc", files)
    assert _main(done) == "./cmd/api"
    assert "building ./cmd/api, of 3 main packages the one that serves: see --main" in _warnings(done)


def test_a_server_among_tools_and_examples_is_not_taken_for_the_service(
    seatrial: Seatrial, tmp_path: Path
) -> None:
    files = {
        "cmd/svc/main.go": SERVER,
        "examples/hello/main.go": SERVER,
        "test/stand-in/main.go": SERVER,
        "internal/generate/main.go": MAIN,
    }
    assert _main(_plan(seatrial, tmp_path / "svc", files)) == "./cmd/svc"


def test_of_two_that_serve_the_dockerfile_tells(seatrial: Seatrial, tmp_path: Path) -> None:
    files = {"cmd/a/main.go": SERVER, "cmd/b/main.go": SERVER, "cmd/c/main.go": MAIN}
    done = _plan(seatrial, tmp_path / "unclear", files)
    assert done.code == 2
    assert "3 main packages, and only one can be the server" in done.stderr
    assert "--main ./cmd/a\n    --main ./cmd/b\n  (1 more that does not serve)" in done.stderr
    assert "./cmd/c" not in done.stderr
    assert _main(_plan(seatrial, tmp_path / "told", {**files, "Dockerfile": DOCKERFILE})) == "./cmd/a"


def test_where_none_is_seen_to_serve_the_dockerfile_tells(seatrial: Seatrial, tmp_path: Path) -> None:
    files = {"cmd/a/main.go": MAIN, "cmd/ab/main.go": MAIN, "deploy/Dockerfile": DOCKERFILE}
    done = _plan(seatrial, tmp_path / "svc", files)
    assert _main(done) == "./cmd/a"
    assert "the one that its Dockerfile builds" in _warnings(done)
    assert done.at("image", "ports") == ["8080/tcp"]


def test_the_directory_itself_goes_before_a_server_below_it(seatrial: Seatrial, tmp_path: Path) -> None:
    done = _plan(seatrial, tmp_path / "svc", {"main.go": MAIN, "cmd/b/main.go": SERVER})
    assert _main(done) == "."
    assert "not the one below it: see --main" in _warnings(done)


def test_program_of_another_module_of_the_workspace_is_found(seatrial: Seatrial, tmp_path: Path) -> None:
    """The root may be a module, too, that holds what they share and no program."""
    files = {
        "shared/shared.go": "package shared\n",
        "go.work": "go 1.24\n\nuse (\n\t.\n\t./api\n\t./migrate\n)\n",
        "api/go.mod": "module example.com/api\n\ngo 1.24\n",
        "api/cmd/main.go": SERVER,
        "migrate/go.mod": "module example.com/migrate\n\ngo 1.24\n",
        "migrate/main.go": MAIN,
    }
    done = _plan(seatrial, tmp_path / "svc", files)
    assert _main(done) == "./api/cmd"
    built = seatrial("build", str(tmp_path / "svc"), *PLAIN, "-o", str(tmp_path / "out"))
    assert built.code == 0, built.stderr
