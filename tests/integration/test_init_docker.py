"""The generated files at work: a real BuildKit builds, a real engine runs, and the bytes are compared."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from buildkit import DOCKER, Images, docker_environment, exported_paths, inspected, run
from builds import ORDERS, Seatrial, commit_all
from engines import DockerEngine
from seatrial.instrument.evidence import read_evidence

pytestmark = [pytest.mark.go, pytest.mark.engine]

SMALL = """package main

import (
	_ "embed"
	"net/http"
	"os"
)

//go:embed made/page.txt
var page string

func main() {
	if len(os.Args) != 3 || os.Args[1] != "serve" {
		println("usage: small serve WORD")
		os.Exit(2)
	}
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	if err := http.ListenAndServe(":8080", nil); err != nil {
		panic(err)
	}
}
"""
# Each command starts where the service is, whatever the one before did; the sources are made by both.
SMALL_SETTINGS = """prepare = ["mkdir made && cd made", "test -d made && echo $((6*7)) > made/page.txt"]
[image]
name = "smallest"
arguments = ["serve", "a \\\"word\\\""]
"""
# What nobody wants in an image, or in the hands of whoever runs the builder.
PLANTED = (
    ".env",
    ".env.production",
    "cmd/server/.env",
    "docker-compose.yml",
    "deploy/docker-compose.dev.yaml",
    "id_rsa",
    "deploy/tls.key",
    "deploy/server.pem",
    ".aws/credentials",
    ".netrc",
    "bin/server",
    "coverage.out",
    "web/node_modules/x/index.js",
    "internal/testdata/huge.json",
    "terraform.tfstate",
)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A service after ``init``. image: what make docker-build called it; output: what make said."""

    root: Path
    image: str
    output: str
    seconds: float


def initialised(root: Path, images: Images, *, settings: str = "") -> Path:
    """Make a directory a repository, pin the local images, and run init in it."""
    (root / "seatrial.toml").write_text(f"[build]\nvcs = false\n{settings}")
    go = subprocess.run(("go", "env", "GOVERSION"), check=True, capture_output=True, text=True).stdout.strip()
    pins = {"golang": images.golang, "static": images.static}
    (root / "seatrial.lock").write_text(json.dumps({"version": 1, "go": go, "images": pins}))
    commit_all(root)
    done = Seatrial()("init", str(root), "--ci", "github")
    assert done.code == 0, done.stderr
    return root


def made(root: Path, engine: DockerEngine, version: str = "1.2.3", name: str = "") -> Made:
    start = time.monotonic()
    words = ("make", "docker-build", f"VERSION={version}", f"DOCKER={DOCKER}")
    done = run(words, root, docker_environment(engine))
    assert done.returncode == 0, done.stdout + done.stderr
    return Made(
        root=root,
        image=f"{name or root.name}:{version}",
        output=done.stdout + done.stderr,
        seconds=time.monotonic() - start,
    )


@pytest.fixture(scope="module")
def orders(docker_engine: DockerEngine, images: Images, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The demo service, built cold: no module, no package and no Orchestrion is there yet."""
    root = tmp_path_factory.mktemp("services") / "orders"
    shutil.copytree(ORDERS, root, ignore=shutil.ignore_patterns("bin", "seatrial.*"))
    initialised(root, images)
    for name in PLANTED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("secret")
    return made(root, docker_engine)


@pytest.fixture(scope="module")
def small(
    docker_engine: DockerEngine, images: Images, orders: Made, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    """A service without a health check of its own."""
    root = tmp_path_factory.mktemp("services") / "small"
    root.mkdir()
    (root / "go.mod").write_text("module example.com/small\n\ngo 1.24\n")
    (root / "main.go").write_text(SMALL)
    return made(initialised(root, images, settings=SMALL_SETTINGS), docker_engine, name="smallest")


def program_of(engine: DockerEngine, image: str, place: Path) -> Path:
    container = engine.docker("create", image).strip()
    engine.docker("cp", f"{container}:/server", str(place / "server"))
    engine.docker("rm", container)
    return place / "server"


@pytest.mark.parametrize("name", ["orders", "small"])
def test_program_is_the_one_that_seatrial_builds(
    name: str, docker_engine: DockerEngine, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    found: Made = request.getfixturevalue(name)
    program = program_of(docker_engine, found.image, tmp_path)
    evidence = read_evidence(program)
    assert evidence.elf.is_static
    assert evidence.go.is_woven
    built = Seatrial()("build", str(found.root), "--no-trial", "--base", "scratch", "--json")
    assert built.code == 0, built.stderr
    assert built.at("binary", "sha256") == hashlib.sha256(program.read_bytes()).hexdigest()


@pytest.fixture
def container(docker_engine: DockerEngine, request: pytest.FixtureRequest) -> Iterator[str]:
    found: Made = request.getfixturevalue(request.param)
    words = (
        "--read-only",
        "--tmpfs",
        "/tmp:mode=1777",
        "--cap-drop",
        "ALL",
        "--env",
        "DATABASE_URL=sqlite:///tmp/o.db",
    )
    name = docker_engine.docker("run", "--detach", *words, found.image).strip()
    yield name
    docker_engine.docker("rm", "--force", name)


@pytest.mark.parametrize("container", ["orders", "small"], indirect=True)
def test_image_runs_and_becomes_healthy(docker_engine: DockerEngine, container: str) -> None:
    status = ""
    end = time.monotonic() + 60
    while time.monotonic() < end and status != "healthy":
        time.sleep(0.5)
        status = docker_engine.docker("inspect", "--format", "{{.State.Health.Status}}", container).strip()
    assert status == "healthy", docker_engine.docker("logs", container)


def test_image_says_what_it_is(docker_engine: DockerEngine, orders: Made) -> None:
    config = inspected(docker_engine, orders.image)["Config"]
    assert isinstance(config, dict)
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/server"]
    assert config["Healthcheck"]["Test"] == ["CMD", "/server", "--health-check"]
    assert config["Healthcheck"]["StartPeriod"] == 10_000_000_000
    assert config["Labels"]["org.opencontainers.image.version"] == "1.2.3"
    assert "orders:1.2.3:" in orders.output
    assert "the limit is 50000000" in orders.output


def test_image_holds_the_program_and_nothing_else_of_the_service(
    docker_engine: DockerEngine, orders: Made, images: Images, tmp_path: Path
) -> None:
    base = exported_paths(docker_engine, images.static, tmp_path)
    assert exported_paths(docker_engine, orders.image, tmp_path) - base == {"server"}


def test_context_holds_no_secret_no_test_and_no_history(
    docker_engine: DockerEngine, orders: Made, images: Images, tmp_path: Path
) -> None:
    """What is sent to the builder is looked at itself: an image that copies all of it."""
    (tmp_path / "Dockerfile").write_text(f"FROM {images.static}\nCOPY . /context\n")
    words = (DOCKER, "build", "--quiet", "--file", str(tmp_path / "Dockerfile"), "--tag", "context", ".")
    done = run(words, orders.root, docker_environment(docker_engine))
    assert done.returncode == 0, done.stderr
    paths = exported_paths(docker_engine, "context", tmp_path)
    sent = {path.removeprefix("context/") for path in paths if path.startswith("context/")}
    assert {"go.mod", "cmd/server/main.go", "third_party/weave/orchestrion.yml"} <= sent
    assert not sent & set(PLANTED)
    unwanted = [
        path
        for path in sent
        if path.split("/")[0] in {".git", ".github", "bin"} or path.endswith("_test.go") or "testdata" in path
    ]
    assert not unwanted


def test_second_build_takes_what_the_first_compiled(docker_engine: DockerEngine, orders: Made) -> None:
    """The cache mounts: the layer is made anew, and still only the changed package is compiled."""
    unchanged = made(orders.root, docker_engine)
    main = orders.root / "cmd/server/main.go"
    text = main.read_text()
    main.write_text(text.replace("unexpected argument", "unexpected  argument"))
    changed = made(orders.root, docker_engine, "1.2.4")
    main.write_text(text)
    figures = (
        f"cold {orders.seconds:.0f} s, unchanged {unchanged.seconds:.0f} s, one line {changed.seconds:.0f} s"
    )
    assert unchanged.seconds < orders.seconds / 4, figures
    assert changed.seconds < orders.seconds / 3, figures


def test_image_above_its_limit_fails(docker_engine: DockerEngine, small: Made) -> None:
    words = ("make", "docker-build", "VERSION=1.2.3", f"DOCKER={DOCKER}", "IMAGE_LIMIT=1000")
    done = run(words, small.root, docker_environment(docker_engine))
    assert done.returncode != 0
    assert "the image is too large" in done.stderr
