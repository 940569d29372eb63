"""The service's own Dockerfile, where services keep one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

RECIPES: Final = (
    "Dockerfile",
    *(f"{folder}/Dockerfile" for folder in ("build", "build/package", "deploy", "deployments", "docker")),
    "Dockerfile.prod",
    "prod.Dockerfile",
)


def read_recipe(folders: Iterable[Path]) -> str:
    """Return the text of the first Dockerfile in one of these folders, or ""."""
    for folder in folders:
        for name in RECIPES:
            try:
                return (folder / name).read_text(errors="replace")
            except OSError:
                continue
    return ""
