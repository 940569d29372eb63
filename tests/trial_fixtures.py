"""Fixtures of the trial: its service, built once, and an image of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from images import base_entries, file, write_image

SERVICE = Path(__file__).parent / "projects/trial-service"


@pytest.fixture(scope="session")
def trial_service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service that behaves as TRIAL_MODE tells it, built once."""
    if shutil.which("go") is None:
        pytest.skip("needs Go")
    program = tmp_path_factory.mktemp("trial-service") / "server"
    subprocess.run(
        ("go", "build", "-trimpath", "-o", str(program), "."),
        cwd=SERVICE,
        env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"},
        check=True,
        timeout=600,
    )
    return program


@pytest.fixture(scope="session")
def trial_image(trial_service: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of that service: a base layer, and the service's."""
    place = tmp_path_factory.mktemp("trial-image") / "image"
    return write_image(place, [base_entries(), [file("server", trial_service, mode=0o755)]])
