"""The pipelines of GitHub and GitLab, and the one shell file that names images in them and in make."""

from __future__ import annotations

import json
import re
from typing import Final

from seatrial.scaffold.files import Taken, Template
from seatrial.scaffold.fill import fill
from seatrial.scaffold.make import TAGS_SCRIPT, is_included
from seatrial.scaffold.values import Values

GITHUB: Final = ".github/workflows/image.yml"
GITLAB: Final = ".gitlab-ci.yml"
# What git allows in a branch's name and GitHub reads as a pattern (docs, "Filter pattern cheat sheet").
_GLOB: Final = re.compile(r"[+!]")


def render_tags_script(_: Values) -> str:
    """Return the rule of ``seatrial tags`` in POSIX shell: the same for each service, it asks git and CI."""
    return fill("version/image-tags.sh", {})


def render_github(values: Values) -> str:
    """Return the workflow: least privileges, each action by commit (docs/ci.md)."""
    actions = {
        "CHECKOUT": "actions/checkout",
        "SETUP_GO": "actions/setup-go",
        "GOLANGCI_ACTION": "golangci/golangci-lint-action",
        "UPLOAD": "actions/upload-artifact",
        "DOWNLOAD": "actions/download-artifact",
    }
    pinned = {word: values.pins.action(name).uses for word, name in actions.items()}
    more = {
        "BRANCH": json.dumps(_GLOB.sub(r"\\\g<0>", values.default_branch)),
        "GO": _github_go(values),
        "DIRECTORY": values.module_directory,
    }
    return fill("github.yml", {**_shared(values), **pinned, **more}, _words(values))


def render_gitlab(values: Values) -> str:
    """Return the pipeline: Docker's client and Go lie in two images, so building and judging are two jobs."""
    tools = values.pins.tools
    more = {
        "GOLANG": values.pins.golang,
        "DOCKER_CLI": tools["docker-cli"],
        "DOCKER_DIND": tools["docker-dind"],
        "GO_SUM": _in_module(values, "go.sum"),
    }
    return fill("gitlab.yml", {**_shared(values), **more}, _words(values))


def _shared(values: Values) -> dict[str, str]:
    tools = values.pins.tools
    targets = {
        "GENERATE": "generate",
        "LINT": "lint",
        "TEST": "test",
        "DOCKER_BUILD": "docker-build",
        "BUILD_INSTRUMENTED": "build-instrumented",
        "SCAN": "scan-vulnerabilities",
        "VERIFY": "verify-binary",
        "SBOM": "sbom",
    }
    return {
        "NAME": values.name,
        "P": "SEATRIAL_" if is_included(values) else "",
        "IS_WOVEN": " and woven" if values.is_woven else "",
        "TAGS_SCRIPT": values.path(TAGS_SCRIPT),
        "GOLANGCI": tools["golangci-lint"],
        "GOVULNCHECK": tools["govulncheck"],
        "SYFT": tools["syft"],
        "TRIVY": tools["trivy"],
        "TRIVY_NUMBER": tools["trivy"].removeprefix("v"),
        "TRIVY_SHA256": tools["trivy-linux-amd64-sha256"],
        **{word: values.target(target) for word, target in targets.items()},
    }


def _words(values: Values) -> dict[str, bool]:
    return {
        "lint_since": not values.has_linter_settings,
        "directory": values.module_directory != ".",
        # One Go in both places, and no C compiler that differs: the same bytes.
        "same_bytes": bool(values.pins.go) and not values.is_cgo,
    }


def _github_go(values: Values) -> str:
    """Return setup-go's choice: the very release of the builder image, where it is known."""
    if values.pins.go:
        return f'          go-version: "{values.pins.go.removeprefix("go")}"'
    return f"          go-version-file: {_in_module(values, 'go.mod')}"


def _in_module(values: Values, name: str) -> str:
    return name if values.module_directory == "." else f"{values.module_directory}/{name}"


TEMPLATES: Final = (
    Template(
        path=TAGS_SCRIPT,
        purpose="the image's tags, from git and CI",
        render=render_tags_script,
        taken=Taken.ASIDE,
        aside="scripts/seatrial-image-tags.sh",
    ),
    Template(
        path=GITHUB,
        purpose="GitHub: lint, test, build, judge, push",
        render=render_github,
        is_wanted=lambda values: "github" in values.hosts,
        taken=Taken.ASIDE,
        aside=".github/workflows/seatrial.yml",
    ),
    Template(
        path=GITLAB,
        purpose="GitLab: lint, test, build, judge, push",
        render=render_gitlab,
        is_wanted=lambda values: "gitlab" in values.hosts,
        taken=Taken.ASIDE,
        aside=".gitlab/seatrial.gitlab-ci.yml",
    ),
)
