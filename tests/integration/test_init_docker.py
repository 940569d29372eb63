"""The generated files at work: a real BuildKit builds, a real engine runs, and the bytes are compared."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
	if _, err := os.Stat("pages/index.html"); err != nil {
		panic(err)
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
files = {"/pages" = "pages"}
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


# Reads the cache mounts of another Dockerfile's build: BuildKit knows a mount by its place.
COUNTING = """FROM {golang}
ARG WHEN
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \\
    for f in /root/.cache/go-build/*/*-d; do [ -e "$f" ] && o=$((${{o:-0}} + 1)); done; \\
    for f in $(ls -R /go/pkg/mod/cache/download); do \\
    case $f in *.zip) m=$((${{m:-0}} + 1)) ;; esac; done 2>/dev/null; \\
    echo "$WHEN holds ${{o:-0}} results, ${{m:-0}} modules."
"""


@dataclass(frozen=True, kw_only=True)
class Mounts:
    """What the cache mounts hold: results in Go's build cache, downloaded modules."""

    results: int
    modules: int

    def since(self, earlier: Mounts) -> Mounts:
        """Return what came between."""
        return Mounts(results=self.results - earlier.results, modules=self.modules - earlier.modules)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A service after ``init``. image: what make docker-build called it; output: what make said."""

    root: Path
    image: str
    output: str
    seconds: float
    mounts: Mounts = Mounts(results=0, modules=0)


def mounts(engine: DockerEngine, images: Images, when: str) -> Mounts:
    """Count what the cache mounts hold. when: another word each time, or BuildKit would not run it."""
    words = (DOCKER, "build", "--build-arg", f"WHEN={when}", "-")
    done = subprocess.run(
        words,
        input=COUNTING.format(golang=images.golang),
        env=docker_environment(engine),
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(rf"\b{when} holds (\d+) results, (\d+) modules\.", done.stderr)
    assert found, done.stdout + done.stderr
    return Mounts(results=int(found[1]), modules=int(found[2]))


def steps_done(made: Made) -> dict[str, str]:
    """Return the copies and commands of the build stage that were carried out: number -> instruction."""
    steps = re.findall(r"^#(\d+) \[build +(\d+)/\d+\] (COPY|RUN)", made.output, re.MULTILINE)
    cached = set(re.findall(r"^#(\d+) CACHED", made.output, re.MULTILINE))
    return {number: word for vertex, number, word in steps if vertex not in cached}


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
    docker_engine.docker("builder", "prune", "--all", "--force")
    assert mounts(docker_engine, images, "before") == Mounts(results=0, modules=0)
    cold = made(root, docker_engine)
    return replace(cold, mounts=mounts(docker_engine, images, "cold"))


@pytest.fixture(scope="module")
def small(
    docker_engine: DockerEngine, images: Images, orders: Made, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    """A service without a health check of its own."""
    root = tmp_path_factory.mktemp("services") / "small"
    root.mkdir()
    (root / "go.mod").write_text("module example.com/small\n\ngo 1.24\n")
    (root / "main.go").write_text(SMALL)
    (root / "pages").mkdir()
    (root / "pages/index.html").write_text("page")
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
    assert config["WorkingDir"] == "/"
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


def test_second_build_takes_what_the_first_compiled(
    docker_engine: DockerEngine, images: Images, orders: Made
) -> None:
    """By what was compiled and downloaded: nothing where nothing changed, although each layer is made anew,
    and after a changed line only the package that it is in."""
    cold = orders.mounts
    assert cold.results > 500
    assert cold.modules > 50
    begun = mounts(docker_engine, images, "begun")
    unchanged = made(orders.root, docker_engine)
    assert steps_done(unchanged) == {}
    # Not --no-cache: that leaves the mounts aside, too, and takes as long as the first build.
    pin = orders.root / "tools.mod"
    before = pin.read_text()
    pin.write_text(f"{before}// anew\n")
    anew = made(orders.root, docker_engine)
    pin.write_text(before)
    assert steps_done(anew) == steps_done(orders)
    assert {"COPY", "RUN"} <= set(steps_done(anew).values())
    warm = mounts(docker_engine, images, "warm").since(begun)
    assert warm == Mounts(results=0, modules=0)
    main = orders.root / "cmd/server/main.go"
    text = main.read_text()
    main.write_text(text.replace("unexpected argument", "unexpected  argument"))
    changed = made(orders.root, docker_engine, "1.2.4")
    main.write_text(text)
    assert len(steps_done(changed)) == 2  # COPY . . and what compiles it
    one_line = mounts(docker_engine, images, "changed").since(begun)
    sys.stdout.write(  # of docs/dockerfile.md
        f"cold {orders.seconds:.0f} s {cold}, unchanged {unchanged.seconds:.1f} s, "
        f"layers anew {anew.seconds:.1f} s {warm}, one line {changed.seconds:.1f} s {one_line}\n"
    )
    assert one_line.modules == 0
    assert 1 <= one_line.results <= 5


def test_image_above_its_limit_fails(docker_engine: DockerEngine, small: Made) -> None:
    words = ("make", "docker-build", "VERSION=1.2.3", f"DOCKER={DOCKER}", "IMAGE_LIMIT=1000")
    done = run(words, small.root, docker_environment(docker_engine))
    assert done.returncode != 0
    assert "the image is too large" in done.stderr
