"""Assembled images in real engines and tools: Docker, podman, skopeo, umoci."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from engines import DockerEngine
from seatrial.assemble import assemble, deliver
from seatrial.model.image import Base, Entry, EntryKind, Healthcheck, Image, ImageConfig
from seatrial.model.plan import Output
from seatrial.observe.static import observe_static

pytestmark = [pytest.mark.go]
SCRATCH = Base(name="scratch", layers=(), packages=(), lock={})
REFERENCE = "seatrial-hello:1.2"
CONFIG = ImageConfig(
    architecture="amd64",
    entrypoint=("/server",),
    env=("GREETING=good morning",),
    ports=("8080/tcp",),
    labels=(("org.opencontainers.image.title", "hello"),),
    annotations=(("org.opencontainers.image.title", "hello"),),
    created="2026-01-02T03:04:05Z",
    healthcheck=Healthcheck(argv=("/server", "--health-check"), interval_s=0.5, start_period_s=2, retries=5),
)


@pytest.fixture(scope="module")
def image(hello_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    server = Entry(
        path="server", kind=EntryKind.FILE, mode=0o755, mtime_epoch_s=1_767_323_045, content=hello_program
    )
    scratch = tmp_path_factory.mktemp("assembly")
    return assemble(files=(server,), base=SCRATCH, config=CONFIG, scratch=scratch, reference=REFERENCE)


@pytest.fixture(scope="module")
def tar(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tar") / "image.tar"
    deliver(image, Output(path=path, form="tar"))
    return path


@pytest.fixture(scope="module")
def layout(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("layout") / "image"
    deliver(image, Output(path=path, form="layout"))
    return path


@pytest.fixture(scope="module")
def loaded(docker_engine: DockerEngine, tar: Path) -> DockerEngine:
    assert f"Loaded image: {REFERENCE}" in docker_engine.docker("load", "-i", str(tar))
    return docker_engine


@pytest.mark.engine
def test_docker_load_keeps_every_setting(loaded: DockerEngine, image: Image) -> None:
    (found,) = json.loads(loaded.docker("inspect", REFERENCE))
    assert found["Id"] == image.config_digest
    assert found["Config"]["Healthcheck"] == {
        "Test": ["CMD", "/server", "--health-check"],
        "Interval": 500_000_000,
        "Timeout": 5_000_000_000,
        "StartPeriod": 2_000_000_000,
        "Retries": 5,
    }
    assert found["Config"]["User"] == "65532:65532"
    assert found["Config"]["Entrypoint"] == ["/server"]
    assert found["Config"]["ExposedPorts"] == {"8080/tcp": {}}
    assert found["Config"]["Env"] == ["GREETING=good morning"]
    assert found["Config"]["StopSignal"] == "SIGTERM"
    assert found["Config"]["Labels"] == {"org.opencontainers.image.title": "hello"}
    assert found["Created"] == "2026-01-02T03:04:05Z"
    assert found["Size"] == image.size_bytes
    assert "seatrial: service" in loaded.docker("history", "--no-trunc", REFERENCE)


@pytest.mark.engine
def test_hardened_container_becomes_healthy(loaded: DockerEngine) -> None:
    container = loaded.docker(
        *("run", "--detach", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--network", "none", REFERENCE),
    ).strip()
    try:
        end = time.monotonic() + 60
        health = ""
        while health != "healthy" and time.monotonic() < end:
            health = loaded.docker("inspect", "--format", "{{.State.Health.Status}}", container).strip()
            time.sleep(0.2)
        assert health == "healthy", loaded.docker("logs", container)
        process = loaded.docker("inspect", "--format", "{{.State.Pid}}", container).strip()
        assert "Uid:\t65532\t65532" in Path(f"/proc/{process}/status").read_text()
    finally:
        loaded.docker("rm", "--force", container)


@pytest.mark.engine
def test_what_docker_saves_is_observed_like_the_original(
    loaded: DockerEngine, image: Image, tmp_path: Path
) -> None:
    loaded.docker("save", "-o", str(tmp_path / "saved.tar"), REFERENCE)
    saved = observe_static(tmp_path / "saved.tar", scratch=tmp_path)
    original = observe_static(image.layout, scratch=tmp_path)
    assert saved.digest == image.config_digest
    assert (saved.config, saved.paths, saved.elf, saved.go) == (
        original.config,
        original.paths,
        original.elf,
        original.go,
    )


def run_tool(*argv: str | Path) -> str:
    if shutil.which(str(argv[0])) is None:
        pytest.skip(f"{argv[0]} is not installed (apt-get install {argv[0]})")
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


@pytest.mark.engine
def test_podman_loads_the_tar_under_its_name(tar: Path, image: Image, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("podman's own storage needs root here")
    with tempfile.TemporaryDirectory(prefix="st-", dir="/tmp") as short:  # podman allows 50 characters
        podman = ("podman", "--root", tmp_path / "root", "--runroot", short, "--storage-driver", "vfs")
        run_tool(*podman, "load", "-i", tar)
        (found,) = json.loads(run_tool(*podman, "inspect", REFERENCE))
    assert found["Id"] == image.config_digest.removeprefix("sha256:")
    assert found["Digest"] == image.digest
    assert found["User"] == "65532:65532"
    # podman keeps no health check of an OCI manifest (its rule, 4.3.1): docs/limitations.md
    assert "Healthcheck" not in found


@pytest.mark.engine
def test_skopeo_copies_both_forms_of_the_tar(tar: Path, image: Image, tmp_path: Path) -> None:
    policy = ("skopeo", "--insecure-policy", "copy", "--preserve-digests")
    run_tool(*policy, f"oci-archive:{tar}", f"dir:{tmp_path}/oci")
    config = tmp_path / "oci" / image.config_digest.removeprefix("sha256:")
    assert config.exists()
    run_tool(
        "skopeo", "--insecure-policy", "copy", f"docker-archive:{tar}:{REFERENCE}", f"dir:{tmp_path}/docker"
    )
    assert (tmp_path / "docker" / config.name).read_bytes() == config.read_bytes()


@pytest.mark.engine
def test_umoci_unpacks_the_layout(layout: Path, hello_program: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("owners are only kept by root")
    run_tool("umoci", "unpack", "--image", f"{layout}:{REFERENCE}", tmp_path / "bundle")
    server = tmp_path / "bundle" / "rootfs" / "server"
    status = server.lstat()
    assert stat.S_IMODE(status.st_mode) == 0o755
    assert (status.st_uid, status.st_gid, int(status.st_mtime)) == (0, 0, 1_767_323_045)
    assert server.read_bytes() == hello_program.read_bytes()
    runtime = json.loads((tmp_path / "bundle" / "config.json").read_text())
    assert runtime["process"]["user"] == {"uid": 65532, "gid": 65532}
    assert "GREETING=good morning" in runtime["process"]["env"]
