"""Images for real builds without a public registry: this machine's Go on Debian, and a small base."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engines import DockerEngine
from images import base_entries, directory, file, write_image
from registry import running_registry
from seatrial.model.image import Entry, EntryKind, ImageConfig

_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
# What runs a RUN line; each with all that it is linked to.
_PACKAGES = ("dash", "coreutils", "libc6", "libacl1", "libattr1", "libgmp10", "libselinux1", "libpcre2-8-0")
# The 20.10 client builds with BuildKit by itself; newer ones want another program for that.
DOCKER = "/usr/bin/docker"


@dataclass(frozen=True, kw_only=True)
class Images:
    """References by digest that an engine can pull. golang: this machine's Go; static: the base."""

    golang: str
    static: str


@pytest.fixture(scope="session")
def images(docker_engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """Serve both images to a Docker engine of the tests' own."""
    if not Path(DOCKER).exists() or shutil.which("dpkg") is None:
        pytest.skip("no docker client from Debian (apt-get install docker.io)")
    place = tmp_path_factory.mktemp("images")
    bundle = file(_BUNDLE, Path("/", _BUNDLE))
    folders = [directory("etc"), directory("etc/ssl"), directory("etc/ssl/certs")]
    golang = write_image(
        place / "golang",
        [[*_debian(), *folders[1:], bundle], list(_go_tree())],
        config=ImageConfig(
            architecture="amd64", entrypoint=(), user="0:0", working_dir="/go", env=_go_environment()
        ),
    )
    static = write_image(
        place / "static",
        [[*base_entries(), *folders[1:], bundle]],
        config=ImageConfig(architecture="amd64", entrypoint=(), working_dir="/home/nonroot"),
    )
    with running_registry() as registry:
        yield Images(
            golang=registry.serve("golang", golang).replace("golang@", "golang:1.26-bookworm@"),
            static=registry.serve("static", static).replace("static@", "static:nonroot@"),
        )


def _go(*names: str) -> list[str]:
    return subprocess.run(
        ("go", "env", *names), check=True, capture_output=True, text=True
    ).stdout.splitlines()


def _go_environment() -> tuple[str, ...]:
    proxy, sums = _go("GOPROXY", "GOSUMDB")
    return (
        "PATH=/go/bin:/usr/local/go/bin:/usr/local/bin:/usr/bin",
        "GOPATH=/go",
        "GOTOOLCHAIN=local",
        f"GOPROXY={proxy}",
        f"GOSUMDB={sums}",
    )


def _go_tree() -> Iterator[Entry]:
    root = Path(_go("GOROOT")[0])
    yield from (directory("go"), directory("usr"), directory("usr/local"), directory("usr/local/bin"))
    for folder, folders, names in os.walk(root):
        if Path(folder) == root:
            folders[:] = [name for name in folders if name not in {"test", "doc", "api", "misc"}]
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            yield _entry(path, f"usr/local/go/{path.relative_to(root)}".removesuffix("/."))


def _debian() -> Iterator[Entry]:
    """Files of Debian packages as they lie here, and the links of a merged /usr."""
    listed = subprocess.run(("dpkg", "-L", *_PACKAGES), check=True, capture_output=True, text=True).stdout
    kept = {
        os.path.join(os.path.realpath(os.path.dirname(line)), os.path.basename(line))
        for line in listed.splitlines()
        if line.count("/") > 1 and not line.startswith(("/usr/share", "/etc")) and os.path.lexists(line)
    }
    paths = {Path(path) for path in kept if os.path.islink(path) or os.path.isfile(path)}
    folders = {parent for path in paths for parent in path.parents if parent != Path("/")}
    yield from (directory(str(folder)[1:]) for folder in sorted(folders))
    yield from (_entry(path, str(path)[1:]) for path in sorted(paths))
    for name in ("bin", "sbin", "lib", "lib64"):
        if f"/usr/{name}" in map(str, folders):
            yield Entry(path=name, kind=EntryKind.SYMLINK, mode=0o777, link_target=f"usr/{name}")
    # HOME, and so the place of Go's cache, is read off this file.
    yield file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n")
    yield from (directory("etc"), directory("root"), directory("tmp", mode=0o1777), directory("src"))


def _entry(path: Path, name: str) -> Entry:
    found = path.lstat()
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISLNK(found.st_mode):
        return Entry(path=name, kind=EntryKind.SYMLINK, mode=0o777, link_target=os.readlink(path))
    if stat.S_ISDIR(found.st_mode):
        return directory(name, mode=mode)
    return file(name, path, mode=mode)


def docker_environment(engine: DockerEngine) -> dict[str, str]:
    """Return an environment in which make and the client meet this engine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "MAKE"))}
    return {**kept, "DOCKER_HOST": engine.address, "DOCKER_BUILDKIT": "1", "LC_ALL": "C"}


def run(
    argv: Iterable[str], directory: Path, environment: dict[str, str], timeout_s: float = 900.0
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever comes of it."""
    return subprocess.run(
        tuple(argv),
        cwd=directory,
        env=environment,
        text=True,
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )


def exported_paths(engine: DockerEngine, image: str, place: Path) -> set[str]:
    """Return every path in an image's file system."""
    container = engine.docker("create", image, "x").strip()
    try:
        archive = place / "exported.tar"
        engine.docker("export", "-o", str(archive), container)
    finally:
        engine.docker("rm", container)
    listed = subprocess.run(("tar", "-tf", str(archive)), check=True, capture_output=True, text=True)
    archive.unlink()
    return {line.rstrip("/") for line in listed.stdout.splitlines()}


def inspected(engine: DockerEngine, image: str) -> dict[str, object]:
    """Return what ``docker inspect`` says of an image or a container."""
    found = json.loads(engine.docker("inspect", image))[0]
    assert isinstance(found, dict)
    return found
