"""``seatrial sync --check`` as a hook of the real pre-commit: as docs/init.md says, and of Seatrial's own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from buildkit import Images
from builds import CACHE, Seatrial
from ci_tools import python_tool
from pipeline_ground import change, commit, make_service
from tagged_repositories import git

pytestmark = pytest.mark.go
# Nothing is built from them here.
IMAGES = Images(
    golang=f"registry.example.com/golang:1.26-bookworm@sha256:{'1' * 64}",
    static=f"registry.example.com/static:nonroot@sha256:{'2' * 64}",
)
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def service(tmp_path: Path) -> Path:
    return make_service(tmp_path / "service", IMAGES)


def pre_commit(service: Path, *words: str) -> subprocess.CompletedProcess[str]:
    seatrial = Path(sys.executable).parent
    environment = Seatrial().environment(PRE_COMMIT_HOME=str(CACHE / "pre-commit"))
    environment["PATH"] = f"{seatrial}:{environment['PATH']}"
    return subprocess.run(
        (python_tool("pre-commit"), *words),
        cwd=service,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


def assert_it_watches(service: Path, *words: str) -> None:
    """The hook lets the files pass as they are, and shows the diff of a line that was edited by hand."""
    good = pre_commit(service, *words)
    assert good.returncode == 0, good.stdout + good.stderr
    assert re.search(r"^kept files\.+Passed$", good.stdout, re.MULTILINE)

    change(service / "Makefile", "LIMIT := 50000000", "LIMIT := 60000000")
    git(service, "add", "Makefile")
    bad = pre_commit(service, *words)
    assert bad.returncode == 1, bad.stdout + bad.stderr
    assert re.search(r"^kept files\.+Failed$", bad.stdout, re.MULTILINE)
    assert "-IMAGE_LIMIT := 60000000\n+IMAGE_LIMIT := 50000000" in bad.stdout


def test_the_hook_of_the_documentation(service: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", (REPOSITORY / "docs/init.md").read_text(), re.M | re.S)
    (service / ".pre-commit-config.yaml").write_text(next(one for one in blocks if "hooks:" in one))
    commit(service, "a hook")
    assert_it_watches(service, "run", "--all-files")


@pytest.mark.network
def test_the_hook_of_this_repository(service: Path, tmp_path: Path) -> None:
    """From a copy of what git would have, for a repository with changes is copied by pre-commit, too."""
    copy = tmp_path / "seatrial"
    copy.mkdir()
    listed = git(REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, copy / name)
    git(copy, "init", "-q")
    commit(copy, "seatrial")
    assert_it_watches(service, "try-repo", str(copy), "seatrial-sync", "--all-files")
