"""Which image: a path, or a name that a local engine's store knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seatrial.errors import ConfigError
from seatrial.host.engine_store import ENGINES, find_image, saved_image


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One image as files. path: a layout directory or a tar. digest, architecture: which of several."""

    path: Path
    digest: str = ""
    architecture: str = ""


@contextmanager
def located(
    name: str, *, here: Path, architecture: str, cache: Path, env: Mapping[str, str]
) -> Iterator[Subject]:
    """Find an image by what the user called it, and keep it readable while the context lasts.

    name: a path, also with "@sha256:…" for one of several images; "docker:REF", "podman:REF"; or a
    REF that one of these engines has. Raises ConfigError (no such thing), MissingTool, MachineError.
    """
    engine, _, reference = name.partition(":")
    path, _, digest = name.partition("@")
    if engine in ENGINES and reference:
        asked: tuple[str, ...] = (engine,)
    elif (here / path).exists():
        yield Subject(path=here / path, digest=digest, architecture=architecture)
        return
    elif _looks_like_path(path):
        raise ConfigError(
            "there is no such file or directory",
            where=str(here / path),
            hint="IMAGE is an OCI layout, a tar, docker:REF, podman:REF, or a REF that an engine has",
        )
    else:
        asked, reference = ENGINES, name
    holder = find_image(reference, asked, env)
    with saved_image(holder, reference, scratch=cache / "saved", env=env) as archive:
        yield Subject(path=archive, architecture=architecture)


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.endswith((".tar", ".tgz", "/"))
