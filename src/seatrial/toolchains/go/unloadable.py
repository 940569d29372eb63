"""Packages that Go cannot load: what kind of trouble its message is, and what mends it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from seatrial.errors import NetworkError, SeatrialError, UserBuildFailed
from seatrial.toolchains.go.packages import ListedPackage
from seatrial.toolchains.go.unmade import advise, missing_embeds

_PREPARE_HINT: Final = (
    "if another step makes these files, name it in seatrial.toml: "
    '[build] prepare = ["go generate ./..."] (run in a private copy of the tree)'
)

# A proxy's or an origin's refusal, or none of them there (cmd/go/internal/web, modfetch).
_UNREACHED: Final = re.compile(
    r"reading https?://\S+: [45]\d\d |dial tcp|no such host|module lookup disabled by GOPROXY|TLS handshake"
)
_UNREACHED_HINT: Final = (
    "a module could not be had: `go env GOPROXY GOPRIVATE` says where Go looks. One that is gone or refused "
    "can\nstill be built from vendor/, or from another place (go mod edit -replace)"
)


def refuse_broken(listed: Iterable[ListedPackage], *, module_path: str, root: Path, goroot: Path) -> None:
    """Raise UserBuildFailed, with Go's own messages, when a package of these cannot be compiled.

    root: where the service's own steps that make files are looked for. goroot: of this Go.
    """
    broken = [package for package in listed if package.error]
    if not broken:
        return
    message = "\n".join(dict.fromkeys(package.error for package in broken))
    missing = missing_embeds(broken, root)
    if missing:
        raise UserBuildFailed(message, hint=advise(missing, root))
    experiments = sorted({name for package in broken for name in _experiments(package, goroot)})
    if experiments:
        names = ", ".join(f'"{name}"' for name in experiments)
        raise UserBuildFailed(
            message,
            hint="it is an experiment of Go, which seatrial.toml switches on:\n"
            f"[build]\nexperiments = [{names}]\n"
            f"or, for once: GOEXPERIMENT={','.join(experiments)} seatrial build",
        )
    raise explain_unloadable(message, module_path)


def _experiments(package: ListedPackage, goroot: Path) -> set[str]:
    """Return what switches on a package of Go's own that is left out as a whole (internal/goexperiment)."""
    if not package.directory.is_relative_to(goroot) or "build constraints exclude" not in package.error:
        return set()
    lines = (path.read_text(errors="replace") for path in package.directory.glob("*.go"))
    return {name for text in lines for name in re.findall(r"^//go:build\s+goexperiment\.(\w+)", text, re.M)}


def explain_unloadable(message: str, module_path: str = "") -> SeatrialError:
    """Return the error of a message of Go's, with what mends it."""
    if _UNREACHED.search(message):
        return NetworkError(message, hint=_UNREACHED_HINT)
    hint = ""
    if "no matching files found" in message and "pattern" in message:
        hint = f"an embedded file is not there; {_PREPARE_HINT}"
    elif module_path and _names_missing_package(message, module_path):
        hint = f"a package of this module is not there; {_PREPARE_HINT}"
    elif "missing go.sum entry" in message or "updates to go.mod needed" in message:
        hint = "run `go mod tidy` and commit go.mod and go.sum"
    elif "inconsistent vendoring" in message:
        hint = "run `go mod vendor` and commit vendor/"
    elif re.search(r"no required module provides|cannot find module", message):
        hint = "run `go mod tidy`; for a private module see GOPRIVATE (go help private)"
    return UserBuildFailed(message, hint=hint)


def _names_missing_package(message: str, module_path: str) -> bool:
    """Go says it in several ways, by where the import path might have come from."""
    own = rf"{re.escape(module_path)}(/\S+)?"
    return bool(
        re.search(rf"package {own} is not in std", message)
        or re.search(rf"no required module provides package {own}[;:]", message)
        or re.search(rf"module {own}\S* .*does not contain package", message)
        or re.search(rf"no Go files in .*|cannot find package \"?{own}", message)
    )
