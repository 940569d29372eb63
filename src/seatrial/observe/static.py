"""Image at rest -> StaticFacts: what the finished bytes say, read as a stranger would."""

from __future__ import annotations

from pathlib import Path

from seatrial.model.facts import StaticFacts


def observe_static(image: Path, *, scratch: Path, architecture: str = "") -> StaticFacts:
    """Read a whole image and return what it holds; every digest and size is checked on the way.

    image: a layout directory, or a tar (OCI layout, hybrid, or what ``docker save`` writes).
    scratch: a directory for one unnamed temporary file (the executable).
    architecture: which image of several; "" takes the only one.
    Raises UntrustedInput (bytes that are not what their digest promises), FormatError (no image),
    MachineError (cannot be read).
    """
    raise NotImplementedError(image, scratch, architecture)
