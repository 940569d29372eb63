"""Images of other people's builders: what was checked by hand is what the verdicts say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engines import DockerEngine
from seatrial.formats.jsonvalue import as_list, as_table

pytestmark = [pytest.mark.engine, pytest.mark.sandbox]

# As one finds them: no user, a shell to start with, a key that was removed too late.
CARELESS = """FROM scratch
COPY busybox /bin/busybox
COPY busybox /bin/sh
COPY id_rsa /root/.ssh/id_rsa
COPY server /server
RUN ["/bin/busybox", "rm", "/root/.ssh/id_rsa"]
RUN ["/bin/busybox", "chmod", "4755", "/bin/busybox"]
HEALTHCHECK CMD /server --health-check
CMD /server
"""
CAREFUL = """FROM scratch
COPY server /server
USER 65532:65532
HEALTHCHECK --start-period=5s CMD ["/server", "--health-check"]
ENTRYPOINT ["/server"]
"""


def verdicts(place: Path, engine: DockerEngine, name: str) -> dict[str, str]:
    """Try an image that the engine has, and return each verdict's state."""
    done = subprocess.run(
        (sys.executable, "-m", "seatrial", "trial", f"docker:{name}", "--json"),
        cwd=place,
        env=os.environ | {"XDG_CACHE_HOME": str(place / "cache"), "DOCKER_HOST": engine.address},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    found = (as_table(item) for item in as_list(as_table(json.loads(done.stdout))["verdicts"]))
    return {str(verdict["id"]): str(verdict["state"]) for verdict in found}


def built(engine: DockerEngine, place: Path, program: Path, dockerfile: str) -> str:
    """Build an image as its authors would, and return its name."""
    shutil.copy(program, place / "server")
    (place / "Dockerfile").write_text(dockerfile)
    name = f"stranger:{place.name}"
    engine.docker("build", "-q", "-t", name, str(place))
    return name


@pytest.fixture
def context(tmp_path: Path) -> Path:
    place = tmp_path / "context"
    place.mkdir()
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("busybox is not installed (apt-get install busybox-static)")
    shutil.copy(busybox, place / "busybox")
    keygen = ("openssl", "genpkey", "-algorithm", "ed25519", "-out", str(place / "id_rsa"))
    subprocess.run(keygen, check=True, capture_output=True)
    return place


def test_a_careless_dockerfile(docker_engine: DockerEngine, hello_program: Path, context: Path) -> None:
    found = verdicts(context, docker_engine, built(docker_engine, context, hello_program, CARELESS))
    wrong = {
        *("image.user", "image.entrypoint", "image.healthcheck", "image.no-shell", "image.no-setuid"),
        *("image.no-secrets", "trial.reachable"),
    }
    assert {name: found[name] for name in wrong} == dict.fromkeys(wrong, "fail")
    right = {"image.digests", "image.platform", "binary.static", "trial.starts", "trial.answers"}
    # The shell is what the image starts, so the program in question is busybox: static, as it is here.
    assert {name: found[name] for name in right} == dict.fromkeys(right, "pass")


def test_a_careful_dockerfile(docker_engine: DockerEngine, hello_program: Path, context: Path) -> None:
    found = verdicts(context, docker_engine, built(docker_engine, context, hello_program, CAREFUL))
    right = {
        *("image.user", "image.entrypoint", "image.healthcheck", "image.no-shell", "image.no-setuid"),
        *("image.no-secrets", "image.digests", "binary.static", "trial.starts", "trial.answers"),
        *("trial.user", "trial.health-up"),
    }
    assert {name: found[name] for name in right} == dict.fromkeys(right, "pass")
    # Seen in its source: it listens on the loopback address only, and nothing was woven into it.
    assert {found["trial.reachable"], found["binary.woven"]} == {"fail"}
