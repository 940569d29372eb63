"""How the kept files call the compiler: to the byte what ``seatrial build`` does (toolchains/go/compile.py).

A test holds both against each other; a flag that only one of them had would give other programs.
"""

from __future__ import annotations

import re
from typing import Final

from seatrial.scaffold.values import Values

WEAVE_MODULE: Final = "seatrial.dev/weave"
WEAVE_DIRECTORY: Final = "third_party/weave"
TOOLS_MOD: Final = "tools.mod"
_STATIC_CGO: Final = "-linkmode external -extldflags '-static'"
_CGO_TAGS: Final = ("netgo", "osusergo", "sqlite_omit_load_extension")


def build_flags(values: Values) -> str:
    """Return the flags beside -ldflags, as shell words."""
    tags = (*values.tags, *(_CGO_TAGS if values.is_cgo else ()))
    return " ".join(("-trimpath", "-buildvcs=false", *((f"-tags={','.join(tags)}",) if tags else ())))


def ldflags(values: Values, *, version: str, revision: str, is_woven: bool) -> str:
    """Return the value of -ldflags for double quotes in a shell.

    version, revision: what stands for {version} and {revision} in the user's own, such as "$VERSION".
    """
    own = re.sub(r'([\\"$`])', r"\\\1", values.ldflags)
    own = own.replace("{version}", version).replace("{revision}", revision)
    health = f"-X {WEAVE_MODULE}/health.settings={values.health_settings}" if is_woven else ""
    words = (
        own,
        "-s -w -buildid=",
        health if values.health_settings else "",
        _STATIC_CGO if values.is_cgo else "",
    )
    return " ".join(filter(None, words))


def names_version(values: Values) -> bool:
    """True when the program's bytes depend on the version or revision."""
    return "{version}" in values.ldflags or "{revision}" in values.ldflags


def environment(values: Values, *, is_woven: bool) -> str:
    """Return the assignments before the command."""
    words = [f"CGO_ENABLED={int(values.is_cgo)}"]
    if is_woven and values.pin_file == TOOLS_MOD:
        # Orchestrion would look for its own version in go.mod.
        words.append("DD_ORCHESTRION_IS_GOMOD_VERSION=true")
    return " ".join(words)
