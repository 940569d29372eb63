"""Every shell block of README.md and docs/ is typed into a real shell, and what it prints is compared."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from builds import SERVER, Seatrial, commit_all, git, write_service
from engines import DockerEngine
from shell_blocks import ROOT, Block, blocks, shape

pytestmark = [pytest.mark.go, pytest.mark.engine, pytest.mark.sandbox]

# Blocks that cannot run here: page -> the reason in the page's own mark. Keep it empty where it can be.
NOT_RUN: dict[str, str] = {}
# ``make test`` is typed as it stands; this keeps the tests from running the tests that run it.
ONLY = {"PYTEST_ADDOPTS": "tests/unit/test_shell_blocks.py -p no:cacheprovider"}


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where a block is typed."""

    directory: Path
    env: dict[str, str] = field(default_factory=dict)

    def type(self, typed: str) -> subprocess.CompletedProcess[str]:
        """Have bash do it, as strictly as a pipeline would."""
        kept = Seatrial().environment()
        for name in ("GOFLAGS", "MAKEFLAGS", "MAKELEVEL", "VIRTUAL_ENV"):
            kept.pop(name, None)
        programs = self.directory.parent / "programs"
        if not programs.exists():
            _install(programs)
        return subprocess.run(
            ("bash", "-euo", "pipefail", "-c", typed),
            cwd=self.directory,
            env={**kept, "PATH": f"{programs}:{kept['PATH']}", **self.env},
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )


def _install(programs: Path) -> None:
    """Put there what a person would have on PATH: seatrial, and a pip that installs away from this one.

    pip gets its build tools, and what Seatrial stands on, from where the tests have them: no network.
    """
    venv = programs.with_name("venv")
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", str(venv)), check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "tests.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path))
    programs.mkdir()
    scripts = {
        "seatrial": f'exec {sys.executable} -m seatrial "$@"',
        "pip": f'PIP_NO_INDEX=1 PIP_NO_BUILD_ISOLATION=0 exec {venv}/bin/python -m pip "$@"',
    }
    for name, line in scripts.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)


def repository(place: Path, _: Path) -> Ground:
    """A clone of this repository as it is now, with the packages that make would bring."""
    listed = git(ROOT, "ls-files", "-co", "--exclude-standard", "-z")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # not one that is deleted and not committed yet
            target = place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    commit_all(place)
    (place / ".venv").mkdir()
    (place / ".venv/bin").symlink_to(Path(sys.executable).parent)
    for stamp in (".dev", ".demo"):
        (place / ".venv" / stamp).touch()
    return Ground(directory=place, env=ONLY)


def service(place: Path, _: Path) -> Ground:
    """Somebody's service at its release 1.4.2, with two more in directories of their own."""
    write_service(place, {"main.go": SERVER})
    write_service(place / "svc", {"cmd/api/main.go": SERVER, "cmd/job/main.go": SERVER})
    write_service(place / "services/orders", {"main.go": SERVER})
    commit_all(place)
    git(place, "tag", "v1.4.2")
    return Ground(directory=place)


def built(place: Path, image: Path) -> Ground:
    """The directory after a build: bin/server as ``make build-instrumented`` makes it, and the image."""
    for name in ("bin", "build", "orders.tar"):
        copy = shutil.copytree if (image / name).is_dir() else shutil.copy2
        copy(image / name, place / name)
    return Ground(directory=place)


GROUNDS: dict[str, Callable[[Path, Path], Ground]] = {
    "repository": repository,
    "service": service,
    "built": built,
}


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One woven image for all blocks that begin with one."""
    place = tmp_path_factory.mktemp("docs-image")
    root = write_service(place / "svc", {"main.go": SERVER})
    outputs = ("-o", str(place / "orders.tar"), "-o", str(place / "build/orders"))
    done = Seatrial()("build", str(root), "--no-trial", "-t", "registry.example.com/orders:1.4.2", *outputs)
    assert done.code == 0, done.stderr
    (place / "bin").mkdir()
    for blob in (place / "build/orders/blobs/sha256").iterdir():
        subprocess.run(
            ("tar", "-xzf", str(blob), "-C", str(place / "bin"), "server"), capture_output=True, check=False
        )
    assert (place / "bin/server").is_file()
    return place


@pytest.fixture(scope="session")
def loaded(image: Path, docker_engine: DockerEngine) -> DockerEngine:
    """The same image in an engine, under the names that the pages give to images."""
    docker_engine.docker("load", "-i", str(image / "orders.tar"))
    docker_engine.docker("tag", "registry.example.com/orders:1.4.2", "registry.example.com/other:1.0")
    return docker_engine


def runnable() -> list[Block]:
    return [block for block in blocks() if not block.not_run]


@pytest.mark.parametrize("block", runnable(), ids=lambda block: block.name)
def test_block_does_what_the_page_says(
    block: Block, tmp_path: Path, image: Path, request: pytest.FixtureRequest
) -> None:
    assert block.ground in GROUNDS, f"{block.name}: <!-- in: {block.ground} --> is not one of {list(GROUNDS)}"
    place = tmp_path / "here"
    place.mkdir()
    ground = GROUNDS[block.ground](place, image)
    if any("docker" in step.typed for step in block.steps):
        engine: DockerEngine = request.getfixturevalue("loaded")
        ground.env["DOCKER_HOST"] = engine.address
    for step in block.steps:
        done = ground.type(step.typed)
        where = f"{block.name}: $ {step.typed}"
        assert done.returncode == 0, f"{where}\n{done.stdout}{done.stderr}"
        if step.printed:
            shown = [shape(line) for line in step.printed]
            assert [shape(line) for line in done.stdout.splitlines()] == shown, f"{where}\n{done.stderr}"


def test_what_is_not_run_is_known_here_with_its_reason() -> None:
    assert {block.page: block.not_run for block in blocks() if block.not_run} == NOT_RUN


def test_blocks_are_found_at_all() -> None:
    pages = {block.page for block in blocks()}
    fenced = re.compile(r"^[ \t]*```(sh|bash|console|shell)", re.MULTILINE)
    assert pages == {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))
        if fenced.search(path.read_text())
    }
    assert len(blocks()) >= 8
