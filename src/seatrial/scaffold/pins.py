"""The first pins: what a new lock holds. Seen in public files; no network is asked.

An image's digest is of the multi-platform index. A version beside a commit is its author's claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from seatrial.scaffold.values import ActionPin


@dataclass(frozen=True, kw_only=True)
class GolangPin:
    """A builder image. version: the Go inside, or "" where only the tag is known. minor: such as (1, 26)."""

    image: str
    version: str
    minor: tuple[int, int]


GOLANG: Final = (
    GolangPin(
        image="golang:1.26-bookworm@sha256:a688600ca24f8a4d3ca77f95b0dd40704a9fc787c826660eb7ba0b641b8b175d",
        version="go1.26.8",
        minor=(1, 26),
    ),
    GolangPin(
        image="golang:1.25-bookworm@sha256:3b4a11519ad929d1e1d261a12cff056f0c85b735253d7d861346b9c6f8b36437",
        version="go1.25.14",
        minor=(1, 25),
    ),
    GolangPin(
        image="golang:1.27-bookworm@sha256:648f440f42a0958804efb24df176f806f9d353b41f1c0627f666428e40310f6b",
        version="",
        minor=(1, 27),
    ),
)
STATIC: Final = (
    "gcr.io/distroless/static-debian13:nonroot"
    "@sha256:1c2c046bc09ed40fad370b599a0b1ae7987f55b01e247cf27a7c27cd97e5bbc7"
)
TOOLS: Final = {
    "golangci-lint": "v2.15.0",
    "govulncheck": "v1.9.0",
    "syft": "v1.57.0",
    "trivy": "v0.74.0",
    # Of that release's archive for linux/amd64, which CI takes: its action was taken over in 2026-03.
    "trivy-linux-amd64-sha256": "2ae6fe3ee734b7fdf11335663e18c75ea12dccc76062f09f164a3b0f8be4371a",
    "docker-cli": "docker:29.7.2-cli@sha256:3f4743208d2338c934d7b8bcfbe1bb54c0b2355c510ad5e0f31c0c4a54bd704e",
    "docker-dind": "docker:29.7.2-dind"
    "@sha256:3ef33f2e220b79ed3ef3b99d81746f06f306cd6340e2cb7331d17ae996e74cb6",
}
ACTIONS: Final = tuple(
    ActionPin(name=name, commit=commit, version=version)
    for name, commit, version in (
        ("actions/checkout", "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
        ("actions/setup-go", "b7ad1dad31e06c5925ef5d2fc7ad053ef454303e", "v7.0.0"),
        ("actions/cache", "55cc8345863c7cc4c66a329aec7e433d2d1c52a9", "v6.1.0"),
        ("actions/upload-artifact", "043fb46d1a93c77aae656e7c1c64a875d1fc6a0a", "v7.0.1"),
        ("actions/download-artifact", "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
        ("docker/setup-buildx-action", "bb05f3f5519dd87d3ba754cc423b652a5edd6d2c", "v4.2.0"),
        ("docker/build-push-action", "53b7df96c91f9c12dcc8a07bcb9ccacbed38856a", "v7.3.0"),
        ("docker/metadata-action", "dc802804100637a589fabce1cb79ff13a1411302", "v6.2.0"),
        ("docker/login-action", "dbcb813823bdd20940b903addbd779551569679f", "v4.6.0"),
        ("github/codeql-action/upload-sarif", "5595ccaf912efad79be6eef63a5619ff05969be3", "v4.37.6"),
        ("golangci/golangci-lint-action", "ba0d7d2ec06a0ea1cb5fa41b2e4a3ab91d21278a", "v9.3.0"),
    )
)


def choose_golang(go_version: str, go_line: str) -> GolangPin | None:
    """Return the builder image for a service; None when none is new enough.

    go_version: of this machine, such as "go1.26.8": its minor release is kept where there is a pin for
    it. go_line: of go.mod, such as "1.24" or "1.26.3".
    """
    needed = _numbers(go_line)
    fitting = [pin for pin in GOLANG if _fits(pin, needed)]
    mine = _numbers(go_version)[:2]
    same = [pin for pin in fitting if pin.minor == mine]
    newer = sorted((pin for pin in fitting if pin.minor > mine), key=lambda pin: pin.minor)
    return next(iter([*same, *newer, *fitting]), None)


def _fits(pin: GolangPin, needed: tuple[int, ...]) -> bool:
    inside = _numbers(pin.version) if pin.version else (*pin.minor, 99)
    return inside >= needed


def _numbers(version: str) -> tuple[int, ...]:
    """Return "go1.26.8" or "1.26" as numbers; what follows them, as in 1.27rc1, is left out."""
    numbers: list[int] = []
    for word in version.removeprefix("go").split("."):
        digits = word[: len(word) - len(word.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
        if digits != word:
            break
    return tuple(numbers)
