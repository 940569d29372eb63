"""Bare ``orchestrion go build`` as a peer: what Seatrial's compilation is compared with."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.measure import Run, run
from bench.service import Service, edit, make_repository
from seatrial.cli.build import parse_request
from seatrial.toolchains.go.compile import Compilation, build_environment, build_flags
from seatrial.toolchains.go.view import View


@dataclass(frozen=True, kw_only=True)
class Bare:
    """A second copy of the service that asks for the aspects itself, as its developer would have it."""

    directory: Path
    argv: tuple[str, ...]
    env: Mapping[str, str]

    def edit(self, token: str) -> None:
        """Change the same line as in the other copy."""
        edit(self.directory, token)

    def build(self, changes: Mapping[str, str] | None = None) -> Run:
        """Run ``orchestrion go build``; changes: to the environment."""
        return run(self.argv, cwd=self.directory, env={**self.env, **(changes or {})})


def make_bare(service: Service) -> Bare:
    """Copy the view that Seatrial has made of the service: the same aspects, flags and settings.

    The service must have been built once.
    """
    plan, go = service.plan()
    directory = service.directory.with_name("bare")
    shutil.copytree(service.place / "view", directory, ignore=shutil.ignore_patterns(".git"))
    make_repository(directory, service.env)
    job = Compilation(
        plan=plan.build,
        project=replace(plan.project, repository=None),
        go=go,
        view=View(root=directory, origin=directory, directory=directory, workspace=None),
        pin=None,
    )
    tools = parse_request([str(service.directory)]).cache / "tools"
    program = (
        tools
        / f"orchestrion-{plan.build.orchestrion_version}-{plan.project.toolchain_version}"
        / "orchestrion"
    )
    output = str(service.output.with_name("bare-server"))
    argv = (
        str(program),
        "go",
        "build",
        *build_flags(plan.build, go, plan.project.module.path),
        "-o",
        output,
        "./cmd/server",
    )
    return Bare(directory=directory, argv=argv, env=build_environment(job))
