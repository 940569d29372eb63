"""The Makefile; or seatrial.mk beside the user's own, which includes it."""

from __future__ import annotations

import re
from typing import Final

from seatrial.scaffold.files import MAKEFILE, Taken, Template
from seatrial.scaffold.fill import fill
from seatrial.scaffold.flags import (
    TOOLS_MOD,
    build_flags,
    environment,
    ldflags,
)
from seatrial.scaffold.gomod import ORCHESTRION
from seatrial.scaffold.values import Values

TARGETS: Final = (
    "help",
    "build",
    "build-instrumented",
    "docker-build",
    "generate",
    "test",
    "lint",
    "scan-vulnerabilities",
    "sbom",
    "verify-binary",
    "tags",
)
# Only where [build] prepare names commands.
PREPARE: Final = "prepare"
INCLUDED: Final = "seatrial.mk"
# In the order in which GNU make looks for them.
NAMES: Final = ("GNUmakefile", "makefile", MAKEFILE)
TAGS_SCRIPT: Final = "scripts/image-tags.sh"
_TARGET_LINE: Final = re.compile(r"^([A-Za-z0-9_./ -]+?)\s*::?(?!=)", re.MULTILINE)


def render_makefile(values: Values) -> str:
    """Return the targets; under other names, and with variables of its own, beside a user's Makefile."""
    is_whole = not is_included(values)
    targets = (*TARGETS, PREPARE) if values.prepare else TARGETS
    names = {_placeholder(target): values.target(target) for target in targets}
    prefix = "" if is_whole else "SEATRIAL_"
    plain = environment(values, is_woven=False)
    woven = f"{environment(values, is_woven=True)} $({prefix}ORCHESTRION) $({prefix}GO_BUILD)"
    return fill(
        "Makefile",
        {
            **names,
            "P": prefix,
            "PHONY": " ".join(names.values()),
            "WIDTH": str(max(map(len, names.values())) + 2),
            "PREPARED": f" {values.target(PREPARE)}" if values.prepare else "",
            "PREPARE": _prepare(values),
            "NAME": values.name,
            "TAGS_SCRIPT": values.path(TAGS_SCRIPT),
            "LIMIT": str(values.size_limit_bytes),
            "EXPERIMENTS": ",".join(values.experiments),
            "BUILD_FLAGS": build_flags(values),
            "TAGS_FLAG": "".join(
                f" {word}" for word in build_flags(values).split() if word.startswith("-tags=")
            ),
            "TEST_TAGS": f"-tags={','.join(values.tags)} " if values.tags else "",
            "LINT_TAGS": f"--build-tags={','.join(values.tags)} " if values.tags else "",
            "MODFILE": f"-modfile={TOOLS_MOD} " if values.pin_file == TOOLS_MOD else "",
            "MODULE": ORCHESTRION,
            "CD": "" if values.module_directory == "." else f"cd {values.module_directory} && ",
            "ENVIRONMENT": plain,
            "WOVEN_BUILD": woven if values.is_woven else f"{plain} $({prefix}GO_BUILD)",
            "PLAIN_LDFLAGS": _make_ldflags(values, prefix, is_woven=False),
            "LDFLAGS": _make_ldflags(values, prefix, is_woven=values.is_woven),
            "MAIN": values.main,
            "DOCKERFILE": values.path("Dockerfile"),
            "GOLANGCI": values.pins.tools["golangci-lint"],
            "GOVULNCHECK": values.pins.tools["govulncheck"],
            "TRIVY": values.pins.tools["trivy"],
            "SYFT": values.pins.tools["syft"],
            "IS_WOVEN": ", and woven" if values.is_woven else "",
            "ORCHESTRION_VERSION": values.pins.orchestrion,
        },
        {
            "whole": is_whole,
            "woven": values.is_woven,
            "prepare": bool(values.prepare),
            "experiments": bool(values.experiments),
        },
    )


def _prepare(values: Values) -> str:
    """One line each: make gives each a shell of its own, as the Dockerfile and ``seatrial build`` do."""
    enter = "" if values.prepare_directory == "." else f"cd {values.prepare_directory} && "
    return "\n".join(f"\t{enter}{command}" for command in values.prepare).replace("$", "$$")


def _placeholder(target: str) -> str:
    return f"{target.upper().replace('-', '_')}_TARGET"


def _make_ldflags(values: Values, prefix: str, *, is_woven: bool) -> str:
    """A $ of the user's own is doubled for make; the version's is make's."""
    text = ldflags(values, version="\0VERSION\0", revision="\0REVISION\0", is_woven=is_woven)
    text = text.replace("$", "$$")
    return text.replace("\0VERSION\0", f"$({prefix}VERSION)").replace("\0REVISION\0", f"$({prefix}REVISION)")


def is_included(values: Values) -> bool:
    """True where the user has a Makefile of their own, and ours is a second file."""
    return values.path(MAKEFILE) == INCLUDED


def read_targets(makefile: str) -> frozenset[str]:
    """Return the targets of ours that a user's Makefile has, too."""
    found = {word for match in _TARGET_LINE.finditer(makefile) for word in match[1].split()}
    return frozenset(found & {*TARGETS, PREPARE})


TEMPLATES: Final = (
    Template(
        path=MAKEFILE,
        purpose="build, test, lint, scan, SBOM and image by one word each",
        render=render_makefile,
        taken=Taken.ASIDE,
        aside=INCLUDED,
    ),
    Template(
        path=MAKEFILE,
        name="include",
        purpose=f"includes {INCLUDED}",
        render=lambda _: f"include {INCLUDED}\n",
        is_wanted=is_included,
        taken=Taken.APPEND,
    ),
    Template(
        path=".gitignore",
        purpose="what make writes",
        # A file that git does not know makes a version "-dirty".
        render=lambda _: "/bin/\n/coverage.out\n",
        is_wanted=lambda values: values.wants_ignores,
        taken=Taken.APPEND,
    ),
)
