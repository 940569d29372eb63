"""Image -> RunningFacts: start it, drive it, listen, stop it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seatrial.model.facts import RunningFacts
from seatrial.model.trial import TrialPlan


def observe_running(
    layout: Path, plan: TrialPlan, *, search_path: str, cache: Path | None = None, digest: str = ""
) -> RunningFacts:
    """Run an image as a container would and return what was seen.

    layout: an OCI image layout. digest: of the manifest in it; empty when it holds one only.
    search_path: as PATH, to find bwrap when its wheel is not installed. cache: a directory that may
    keep a prepared database between runs.
    A service that fails is a fact, not an error. Raises MachineError (no namespaces here),
    MissingTool (bwrap, or PostgreSQL when asked for), FormatError, UntrustedInput (the layout).
    """
    raise NotImplementedError


def detect_health_flag(
    paths: Mapping[str, Path],
    argv: tuple[str, ...],
    *,
    search_path: str,
    environment: tuple[tuple[str, str], ...] = (),
    timeout_s: float = 3.0,
) -> bool:
    """Return whether ``argv --health-check`` is a health command, by running it with no server up.

    paths: path in the image ("/server") -> file on this machine; enough for a static program.
    Only a real flag ends by itself, with a failure, without listening, and differently from the
    same program given a flag that nobody knows.
    Raises MachineError and MissingTool as ``observe_running`` does.
    """
    raise NotImplementedError
