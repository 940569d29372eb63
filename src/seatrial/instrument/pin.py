"""The instrumenter at its pin: Orchestrion installed once, and Seatrial's aspects at a fixed path."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import ConfigError, MachineError, ToolFailed, UntrustedInput
from seatrial.host.files import exclusive
from seatrial.host.process import run

MODULE = "github.com/DataDog/orchestrion"
WEAVE_MODULE = "seatrial.dev/weave"
DEFAULT_VERSION = "v1.15.0"
# The newest release for each Go, and go.sum's hash of the module (facts: v1.14 and later need Go 1.26).
MINIMUM_GO = {
    "v1.15.0": (1, 26),
    "v1.14.0": (1, 26),
    "v1.13.1": (1, 25),
    "v1.12.2": (1, 25),
    "v1.9.0": (1, 25),
    "v1.8.0": (1, 24),
    "v1.7.0": (1, 24),
    "v1.6.1": (1, 24),
}
_INSTALL_TIMEOUT_S = 3600.0
_ASPECTS = Path(__file__).parent / "aspects"
_ROOT = "orchestrion.yml"
# What every integration stands on: the goroutine's span, the start and end of the process, its health.
_FOUNDATIONS = ("gls", "start", "health", "manual")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """What weaves. aspects: the module's directory; aspects_digest: sha256 hex over its files."""

    version: str
    program: Path
    aspects: Path
    aspects_digest: str


def choose_version(asked: str, go_version: str) -> str:
    """Return the Orchestrion release for this Go; raise ConfigError for one that does not fit.

    asked: such as "v1.15.0", or "" for the newest that fits. go_version: such as "go1.26.8".
    """
    have = _numbers(go_version)
    fitting = [version for version, minimum in MINIMUM_GO.items() if minimum <= have]
    if not asked:
        if not fitting:
            raise MachineError(
                f"{go_version} is older than any Orchestrion that is supported",
                hint="install Go 1.24 or newer from https://go.dev/dl/",
            )
        return fitting[0]
    if not re.fullmatch(r"v\d+\.\d+\.\d+", asked):
        raise ConfigError(
            f"{asked!r} is not a version", where="[instrument] version", hint=f'such as "{DEFAULT_VERSION}"'
        )
    needed = MINIMUM_GO.get(asked)
    if needed and needed > have:
        nearest = f"{fitting[0]} fits this Go" if fitting else "no release fits this Go"
        raise ConfigError(
            f"Orchestrion {asked} needs Go {needed[0]}.{needed[1]}, and this is {go_version}",
            where="[instrument] version",
            hint=f"{nearest}; or GOTOOLCHAIN=go{needed[0]}.{needed[1]}.0",
        )
    return asked


def pin(
    version: str,
    integrations: tuple[str, ...],
    *,
    go: Path,
    go_version: str,
    env: Mapping[str, str],
    cache: Path,
    progress: Callable[[str], None],
    source: Path | None = None,
) -> Pin:
    """Bring Orchestrion and the aspects to their fixed places in the cache; cheap when they are there.

    integrations: the aspects' folders to weave, beside those that all others stand on.
    source: the service's own copy of the aspects, or None.
    Raises ConfigError (no such version), ToolFailed, UntrustedInput (the checksum database disagrees).
    """
    aspects, digest = place_aspects(cache, integrations, source)
    return Pin(
        version=version,
        program=_install(version, go, go_version, env=env, cache=cache, progress=progress),
        aspects=aspects,
        aspects_digest=digest,
    )


def place_aspects(cache: Path, integrations: tuple[str, ...], source: Path | None = None) -> tuple[Path, str]:
    """Copy the aspect module, out of the package or ``source``, to a path that depends on its content only.

    Orchestrion's cache key holds the path of every injected package: at a fixed one the standard
    library is woven once for all services.
    """
    files = aspect_files(integrations, source)
    hasher = hashlib.sha256()
    for name, content in files.items():
        hasher.update(b"%d %s %d " % (len(name), name.encode(), len(content)) + content)
    digest = hasher.hexdigest()
    place = cache / "aspects" / digest[:16]
    if not place.is_dir():
        _place(place, files)
    return place, digest


def aspect_files(integrations: tuple[str, ...], source: Path | None = None) -> dict[str, bytes]:
    """Return the aspect module: path in it -> content, without its tests.

    source: a service's own copy; raises ConfigError when that is no such module.
    """
    origin = source or _ASPECTS
    files = {
        path.relative_to(origin).as_posix(): path.read_bytes()
        for path in sorted(origin.rglob("*"))
        if path.is_file() and not path.name.endswith("_test.go")
    }
    if _ROOT not in files:
        raise ConfigError(f"there is no {_ROOT}", where=str(origin), hint="seatrial sync writes it again")
    files[_ROOT] = _chosen(files[_ROOT], integrations)
    return files


def _chosen(root: bytes, integrations: tuple[str, ...]) -> bytes:
    """Leave out of the root's ``extends`` list what was not asked for."""
    kept = {*_FOUNDATIONS, *integrations}
    lines = [
        line
        for line in root.decode().splitlines(keepends=True)
        if not (found := re.fullmatch(r"\s*- \./(\w+)/orchestrion\.yml\s*", line)) or found[1] in kept
    ]
    return "".join(lines).encode()


def _place(place: Path, files: Mapping[str, bytes]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".new-", dir=place.parent))
    for name, content in files.items():
        target = scratch / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    scratch.chmod(0o755)
    try:
        scratch.rename(place)
    except OSError:
        shutil.rmtree(scratch)  # another run was first
        if not place.is_dir():
            raise


def _install(
    version: str,
    go: Path,
    go_version: str,
    *,
    env: Mapping[str, str],
    cache: Path,
    progress: Callable[[str], None],
) -> Path:
    """Install Orchestrion with the Go that it will drive: one made with an older Go refuses a newer one."""
    place = cache / "tools" / f"orchestrion-{version}-{go_version}"
    program = place / "orchestrion"
    if program.exists():
        return program
    with exclusive(place):
        if program.exists():
            return program
        progress(f"installing Orchestrion {version}: once, about 2 minutes on two cores")
        scratch = place / "new"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        toolchain = {"GOTOOLCHAIN": go_version} if re.fullmatch(r"go[\d.]+", go_version) else {}
        # The user's GOFLAGS speak of the service; the module proxy and checksum settings stay in force.
        done = run(
            (str(go), "install", f"{MODULE}@{version}"),
            cwd=scratch,
            env={**env, **_install_settings(scratch), **toolchain},
            timeout_s=_INSTALL_TIMEOUT_S,
        )
        if done.returncode != 0:
            shutil.rmtree(scratch, ignore_errors=True)
            raise _not_installed(version, done.stderr.decode(errors="replace").strip())
        os.replace(scratch / "orchestrion", program)
        scratch.rmdir()
    return program


def _install_settings(place: Path) -> dict[str, str]:
    return {"GOBIN": str(place), "GOFLAGS": "-mod=mod", "GOWORK": "off", "CGO_ENABLED": "0"}


def _not_installed(version: str, words: str) -> ConfigError | ToolFailed | UntrustedInput:
    tail = "\n".join(line for line in words.splitlines() if not line.startswith("go: downloading"))
    if "checksum mismatch" in words or "SECURITY ERROR" in words:
        return UntrustedInput(tail, where=f"{MODULE}@{version}")
    if re.search(r"unknown revision|invalid version|not found|404|410|403", words):
        return ConfigError(
            f"Orchestrion {version} cannot be had: {tail.splitlines()[-1] if tail else 'no answer'}",
            where="[instrument] version",
            hint=f"released ones: {', '.join(MINIMUM_GO)} (v0.18.0 was never published)",
        )
    return ToolFailed(tail, where=f"go install {MODULE}@{version}")


def _numbers(go_version: str) -> tuple[int, int]:
    found = re.match(r"go(\d+)\.(\d+)", go_version)
    return (int(found[1]), int(found[2])) if found else (1, 99)
