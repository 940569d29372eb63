"""The Dockerfile, and what its build does not see."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Final

from seatrial.scaffold.files import Taken, Template
from seatrial.scaffold.fill import fill
from seatrial.scaffold.flags import TOOLS_MOD, build_flags, environment, ldflags, names_version
from seatrial.scaffold.gomod import GO_MOD, ORCHESTRION
from seatrial.scaffold.values import Values

_LABELS: Final = (
    ("org.opencontainers.image.version", "$VERSION"),
    ("org.opencontainers.image.revision", "$REVISION"),
)


def render_dockerfile(values: Values) -> str:
    """Return the Dockerfile: BuildKit's, multi-stage, every image by digest."""
    go_build = "orchestrion go build" if values.is_woven else "go build"
    is_own_file = values.pin_file == TOOLS_MOD
    pins = values.pins
    return fill(
        "Dockerfile",
        {
            "GO": pins.go or "the newest release of its tag",
            # C code is compiled for the machine that compiles it.
            "PLATFORM": "" if values.is_cgo else "--platform=$BUILDPLATFORM ",
            "GOLANG": pins.golang,
            "STATIC": pins.static,
            "EXPERIMENTS": ",".join(values.experiments),
            "PREPARE": _prepare(values),
            "TOOL_FILES": " ".join(_in_module(values, name) for name in (GO_MOD, TOOLS_MOD, "tools.sum")),
            "TOOL_PLACE": "./" if values.module_directory == "." else f"{values.module_directory}/",
            "BUILD_TOOL": _build_tool(values),
            "WORKDIR": "" if values.module_directory == "." else f"WORKDIR /src/{values.module_directory}",
            "ENVIRONMENT": environment(values, is_woven=values.is_woven),
            "GO_BUILD": f"{go_build} {build_flags(values)}",
            "LDFLAGS": ldflags(values, version="$VERSION", revision="$REVISION", is_woven=values.is_woven),
            "MAIN": values.main,
            "FILES": "\n".join(_copied(source, path) for path, source in values.image_files),
            "EXPOSE": f"EXPOSE {' '.join(values.ports)}" if values.ports else "",
            "CMD": f"CMD {json.dumps(values.arguments, ensure_ascii=False)}" if values.arguments else "",
            "HEALTH_TIMES": _health_times(values),
            "LABELS": _labels(values),
        },
        {
            "tools_mod": values.is_woven and is_own_file,
            "go_mod": values.is_woven and not is_own_file,
            "prepare": bool(values.prepare),
            "experiments": bool(values.experiments),
            "version": names_version(values),
            "healthcheck": values.healthcheck is not None,
        },
    )


def _in_module(values: Values, name: str) -> str:
    return name if values.module_directory == "." else f"{values.module_directory}/{name}"


def _build_tool(values: Values) -> str:
    """Not ``go tool`` with GOARCH set: it would make Orchestrion for the machine that runs the service."""
    is_own_file = values.pin_file == TOOLS_MOD
    # Its own step comes before the sources and their WORKDIR.
    place = f"-C {values.module_directory} " if is_own_file and values.module_directory != "." else ""
    source = f"-modfile={TOOLS_MOD} " if is_own_file else ""
    mod = "GOFLAGS=-mod=mod " if values.is_vendored and not source else ""
    return (
        f"GOWORK=off {mod}CGO_ENABLED=0 go build {place}{source}-o /usr/local/bin/orchestrion {ORCHESTRION}"
    )


def _prepare(values: Values) -> str:
    """Each command in a shell of its own, as everywhere: what one does to its directory is over with it."""
    if not values.prepare:
        return ""
    cache = "--mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build"
    commands = values.prepare if len(values.prepare) == 1 else [f"({command})" for command in values.prepare]
    run = f"RUN {cache} \\\n    " + " && \\\n    ".join(commands)
    place = values.prepare_directory
    return run if place == "." else f"WORKDIR /src/{place}\n{run}\nWORKDIR /src"


def _copied(source: str, path: str) -> str:
    words = f"{source} {path}"
    return f"COPY {json.dumps([source, path]) if words.count(' ') > 1 else words}"


def _health_times(values: Values) -> str:
    check = values.healthcheck
    if check is None:
        return ""
    return (
        f"--interval={check.interval_s:g}s --timeout={check.timeout_s:g}s "
        f"--start-period={check.start_period_s:g}s --retries={check.retries}"
    )


def _labels(values: Values) -> str:
    fixed = {"org.opencontainers.image.title": values.name}
    if values.source_url:
        fixed["org.opencontainers.image.source"] = values.source_url
    fixed |= dict(values.labels)
    quoted = [f"{key}={json.dumps(text).replace('$', chr(92) + '$')}" for key, text in sorted(fixed.items())]
    return " \\\n      ".join([*quoted, *(f'{key}="{text}"' for key, text in _LABELS)])


def render_dockerignore(values: Values) -> str:
    """Return .dockerignore: what is left out, and what of it the program needs after all."""
    bare = fill("dockerignore", {"NEEDED": ""}, {"needed": False})
    needed = needed_exceptions(values.inputs, bare.splitlines())
    lines = "\n".join(f"!{path}" for path in needed)
    return fill("dockerignore", {"NEEDED": lines}, {"needed": bool(needed)})


def needed_exceptions(inputs: Iterable[str], patterns: Iterable[str]) -> tuple[str, ...]:
    """Return the inputs of the build, relative to the root, that the patterns would keep out."""
    rules = [_pattern(line) for line in patterns if line and not line.startswith("#")]
    return tuple(sorted(path for path in inputs if any(rule.fullmatch(path) for rule in rules)))


def _pattern(line: str) -> re.Pattern[str]:
    """Translate a .dockerignore pattern (patternmatcher): a directory that matches takes all below it."""
    parts = re.split(r"(\*\*/|\*|\?)", line.lstrip("/"))
    words = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part, re.escape(part)) for part in parts) + "(?:/.*)?")


def _is_aside(values: Values) -> bool:
    return values.path("Dockerfile") != "Dockerfile"


TEMPLATES: Final = (
    Template(
        path="Dockerfile",
        purpose="the image",
        render=render_dockerfile,
        taken=Taken.ASIDE,
        aside="seatrial.Dockerfile",
    ),
    # BuildKit reads DOCKERFILE.dockerignore in place of .dockerignore, which the user's own builds read.
    Template(
        path="seatrial.Dockerfile.dockerignore",
        purpose="what the image's build does not see",
        render=render_dockerignore,
        is_wanted=_is_aside,
    ),
    Template(
        path="Dockerfile.dockerignore",
        purpose="what the image's build does not see",
        render=render_dockerignore,
        is_wanted=lambda values: not _is_aside(values) and values.has_other_dockerfiles,
    ),
    Template(
        path=".dockerignore",
        purpose="what docker build does not see",
        render=render_dockerignore,
        is_wanted=lambda values: not _is_aside(values) and not values.has_other_dockerfiles,
    ),
)
