"""A Docker engine as a peer: one that answers already, or one of our own for as long as it is measured."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_TIMEOUT_S = 60.0


@contextmanager
def docker_engine(place: Path) -> Iterator[str | None]:
    """Yield an address for DOCKER_HOST, or None where no engine can be had.

    place: for an engine of our own, removed at the end; short, as its socket's path is limited to
    107 bytes.
    """
    given = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if shutil.which("docker") and _answers(given):
        yield given
        return
    if os.geteuid() != 0 or not all(map(shutil.which, ("docker", "dockerd", "iptables"))):
        yield None
        return
    address = f"unix://{place}/s.sock"
    with open(place / "log", "wb") as log:
        places = ("--data-root", f"{place}/data", "--exec-root", f"{place}/exec", "--pidfile", f"{place}/pid")
        daemon = subprocess.Popen(
            ("dockerd", *places, "-H", address), stdout=log, stderr=log, process_group=0
        )
    try:
        end = time.monotonic() + _START_TIMEOUT_S
        while not _answers(address) and daemon.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        yield address if _answers(address) else None
    finally:
        daemon.terminate()
        daemon.wait(30)
        subprocess.run(("umount", f"{place}/exec/netns/default"), capture_output=True, check=False)
        shutil.rmtree(place, ignore_errors=True)


def _answers(address: str) -> bool:
    asked = ("docker", "-H", address, "version")
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0
