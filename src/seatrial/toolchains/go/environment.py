"""Which Go is in force for a directory, and with which settings of the user's."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.errors import ConfigError, MachineError, ProjectError
from seatrial.formats.jsonvalue import as_table, text_at
from seatrial.host.process import find_program, run
from seatrial.toolchains.go.answers import Answers

# go env answers in milliseconds, but it may fetch another toolchain first (GOTOOLCHAIN=auto).
_TIMEOUT_S = 600.0
_SETTINGS = ("GOAMD64", "GOARM64", "GOEXPERIMENT", "GOFIPS140", "GODEBUG", "CC", "CXX", "PKG_CONFIG")
_C_SETTINGS = ("CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_LDFLAGS")


@dataclass(frozen=True, kw_only=True)
class GoFlags:
    """The user's GOFLAGS, taken apart. kept: passed on as they are."""

    kept: tuple[str, ...]
    ldflags: str
    mod: str
    buildvcs: str


@dataclass(frozen=True, kw_only=True)
class GoEnvironment:
    """Go as it answers in one directory.

    program: the go on PATH. version: of the toolchain in force, such as "go1.26.8".
    gomod, gowork: the files in force, or None. cgo_enabled: None unless the user said so.
    variables: the environment for every later call of go, GOFLAGS already without what is ours.
    settings: what else changes the compiler's output, wherever the user set it (environment or go env -w).
    digest: of all that Go said of its settings. answers: what it said of the sources.
    """

    program: Path
    version: str
    goroot: Path
    gomodcache: Path
    gomod: Path | None
    gowork: Path | None
    flags: GoFlags
    cgo_enabled: bool | None
    variables: Mapping[str, str]
    settings: tuple[tuple[str, str], ...]
    digest: str
    answers: Answers = field(default_factory=Answers)


def read_environment(directory: Path, env: Mapping[str, str]) -> GoEnvironment:
    """Ask Go itself.

    Raises MissingTool, MachineError (Go too old), ConfigError (flags that cannot be kept).
    """
    program = find_program("go", env.get("PATH", ""))
    done = run((program, "env", "-json"), cwd=directory, env=env, timeout_s=_TIMEOUT_S)
    if done.returncode != 0:
        raise explain_refusal(done.stderr.decode(errors="replace"), directory)
    answer = as_table(json.loads(done.stdout))
    flags = parse_goflags(text_at(answer, "GOFLAGS"))
    if text_at(answer, "GO111MODULE") == "off":
        raise ProjectError("GO111MODULE=off: only modules can be built", hint="unset GO111MODULE")
    return GoEnvironment(
        program=Path(program),
        version=text_at(answer, "GOVERSION").split(" ")[0],
        goroot=Path(text_at(answer, "GOROOT")),
        gomodcache=Path(text_at(answer, "GOMODCACHE")),
        gomod=_file(text_at(answer, "GOMOD")),
        gowork=_file(text_at(answer, "GOWORK")),
        flags=flags,
        cgo_enabled={"0": False, "1": True}.get(env.get("CGO_ENABLED", "")),
        # Never empty: an empty GOFLAGS makes Go fall back to the one in its own settings file.
        variables={**env, "GOFLAGS": " ".join(("-trimpath", *map(_quoted, flags.kept)))},
        settings=tuple((name, text_at(answer, name)) for name in (*_SETTINGS, *_C_SETTINGS)),
        digest=_digest(answer),
    )


def _digest(answer: Mapping[str, object]) -> str:
    """Return a digest of go env's answer, less the name of a temporary directory."""
    lasting = {name: value for name, value in answer.items() if name != "GOGCCFLAGS"}
    return hashlib.sha256(json.dumps(lasting, sort_keys=True).encode()).hexdigest()


def parse_goflags(text: str) -> GoFlags:
    """Take GOFLAGS apart: what is kept, what is merged with ours, what cannot be honoured.

    Raises ConfigError for -toolexec, -modfile and -overlay: each replaces a part of the weaving.
    """
    kept: list[str] = []
    special = {"ldflags": "", "mod": "", "buildvcs": ""}
    for flag in shlex.split(text):
        name, _, value = flag.lstrip("-").partition("=")
        if name in {"toolexec", "modfile", "overlay", "o", "C"}:
            raise ConfigError(
                f"-{name} in GOFLAGS cannot be combined with a woven build",
                where="GOFLAGS",
                hint=f"take it out of GOFLAGS for this command (go env GOFLAGS says: {text})",
            )
        if name in special:
            special[name] = value
        elif name not in {"trimpath", "v", "x", "a", "json"}:
            kept.append(flag)
    return GoFlags(kept=tuple(kept), **special)


def _quoted(flag: str) -> str:
    """Quote as GOFLAGS wants it (go help environment): the whole flag in quotes when it has spaces."""
    return f"'{flag}'" if re.search(r"[\s\"]", flag) else flag


def _file(text: str) -> Path | None:
    """Read GOMOD and GOWORK: empty, "off" and the null device all mean that there is none."""
    return None if text in {"", "off", "/dev/null", "NUL"} else Path(text)


def explain_refusal(message: str, directory: Path) -> MachineError | ProjectError:
    """Tell a Go that is too old from a file that Go cannot read."""
    text = message.strip()
    wanted = re.search(r"requires go >= (\S+) \(running go (\S+?);", text)
    if wanted:
        return MachineError(
            f"this service needs Go {wanted[1]}, and Go {wanted[2]} is on PATH",
            where=str(directory),
            hint=f"GOTOOLCHAIN=go{_full(wanted[1])} seatrial build   (Go fetches it itself), "
            "or install it from https://go.dev/dl/",
        )
    return ProjectError(text.removeprefix("go: "), where=str(directory), hint="go mod tidy says more")


def _full(version: str) -> str:
    """Go names toolchains with three numbers since 1.21: 1.27 -> 1.27.0."""
    return version if version.count(".") >= 2 or "rc" in version else f"{version}.0"
