"""The files themselves: what each says for several services, and that they call the compiler alike."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from scaffold_values import SERVICE
from seatrial.model.image import Healthcheck
from seatrial.model.plan import BuildPlan
from seatrial.scaffold import flags
from seatrial.scaffold.docker import needed_exceptions, render_dockerfile, render_dockerignore
from seatrial.scaffold.make import TARGETS, read_targets, render_makefile
from seatrial.scaffold.table import TEMPLATES
from seatrial.scaffold.values import Values
from seatrial.scaffold.weaving import render_settings
from seatrial.toolchains.go.compile import build_flags
from seatrial.toolchains.go.environment import GoEnvironment, GoFlags

CHECK = Healthcheck(
    argv=("/server", "--health-check"), interval_s=10, timeout_s=5, start_period_s=10, retries=3
)
PLAIN = replace(SERVICE, healthcheck=CHECK, health_settings="flag=woven&timeout=4s&check.a=%24B")
INCLUDED = {"Makefile": "seatrial.mk", "Dockerfile": "seatrial.Dockerfile"}
SERVICES = {
    "plain": PLAIN,
    "tools.mod": replace(PLAIN, pin_file="tools.mod"),
    "vendored": replace(PLAIN, pin_file="tools.mod", is_vendored=True),
    "in a directory": replace(PLAIN, module_directory="services/orders", main="."),
    "not woven": replace(PLAIN, is_woven=False, health_settings="", healthcheck=None),
    "C code": replace(PLAIN, is_cgo=True, tags=("sqlite", "x")),
    "own flags": replace(PLAIN, ldflags='-X main.version={version} -X "main.a=$b`"', tags=("x",)),
    "prepared": replace(PLAIN, prepare=("go generate ./...",), image_files=(("/m", "my files"),)),
    "beside others": replace(PLAIN, make_targets=frozenset({"build", "help"})).placed(INCLUDED),
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.key)
def test_nothing_floats_and_nothing_is_left_open(service: str, template: object) -> None:
    values = SERVICES[service]
    text = next(found for found in TEMPLATES if found is template).render(values)
    assert not re.search(r"@[A-Z][A-Z_]+@", text)
    assert not re.search(r"@latest\b|:latest\b", text)
    assert not [line for line in text.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize("name", ["plain", "C code", "own flags", "not woven"])
def test_compiler_is_called_as_by_seatrial_build(name: str) -> None:
    values = SERVICES[name]
    own = values.ldflags.replace("{version}", "1.2.3").replace("{revision}", "abc")
    plan = BuildPlan(
        instrument="orchestrion" if values.is_woven else "none",
        orchestrion_version="v1.15.0",
        integrations=(),
        architecture="amd64",
        tags=values.tags,
        ldflags=own,
        is_cgo=values.is_cgo,
        should_stamp_vcs=False,
        health=values.health_settings,
    )
    there = build_flags(plan, go_environment(), values.module)
    ldflags = flags.ldflags(values, version="1.2.3", revision="abc", is_woven=values.is_woven)
    script = f"printf '%s\\n' {flags.build_flags(values)} -ldflags=\"{ldflags}\""
    here = subprocess.run(
        ("sh", "-c", script), check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert sorted(here) == sorted(there)


def go_environment() -> GoEnvironment:
    return GoEnvironment(
        program=Path("/go"),
        version="go1.26.8",
        goroot=Path("/goroot"),
        gomodcache=Path("/mod"),
        gomod=None,
        gowork=None,
        flags=GoFlags(kept=(), ldflags="", mod="", buildvcs=""),
        cgo_enabled=None,
        variables={},
        settings=(),
        digest="",
    )


def test_dockerfile_pins_both_images_by_digest() -> None:
    images = re.findall(r"^FROM (?:--platform=\S+ )?(\S+)", render_dockerfile(PLAIN), re.MULTILINE)
    assert images == [PLAIN.pins.golang, PLAIN.pins.static]
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in images)


def test_c_code_is_compiled_on_its_own_platform() -> None:
    assert "$BUILDPLATFORM" in render_dockerfile(PLAIN)
    assert "$BUILDPLATFORM" not in render_dockerfile(SERVICES["C code"])


@pytest.mark.parametrize("name", ["plain", "tools.mod", "vendored", "in a directory"])
def test_orchestrion_is_made_for_the_machine_that_builds(name: str) -> None:
    """GOARCH is of the machine that runs the service: a tool made under it does not start here."""
    lines = render_dockerfile(SERVICES[name]).splitlines()
    (made,) = [number for number, line in enumerate(lines) if "-o /usr/local/bin/orchestrion" in line]
    (named,) = [number for number, line in enumerate(lines) if "GOARCH=" in line]
    assert made < named
    assert "GOARCH" not in lines[made]


def test_dockerfile_names_no_frontend() -> None:
    """A syntax line makes each build ask a registry for the frontend, and no build needs another one."""
    assert "syntax=" not in render_dockerfile(PLAIN)


def test_health_check_is_written_where_someone_answers() -> None:
    assert "--start-period=10s" in render_dockerfile(PLAIN)
    assert "HEALTHCHECK" not in render_dockerfile(replace(PLAIN, healthcheck=None))


def test_version_is_an_argument_of_the_build_where_the_program_holds_it() -> None:
    with_version = render_dockerfile(SERVICES["own flags"])
    build_stage = with_version.partition("\nFROM gcr.io")[0]
    assert "ARG VERSION" in build_stage
    assert "main.version=$VERSION" in build_stage
    assert "ARG VERSION" not in render_dockerfile(PLAIN).partition("\nFROM gcr.io")[0]


def test_context_lets_through_what_the_program_is_made_of() -> None:
    inputs = ("main.go", "internal/testdata/seed.json", ".env.example", "docs/readme.md", "certs/ca.pem")
    text = render_dockerignore(replace(PLAIN, inputs=inputs))
    assert [line for line in text.splitlines() if line.startswith("!")] == [
        "!.env.example",
        "!certs/ca.pem",
        "!internal/testdata/seed.json",
    ]
    assert "!" not in render_dockerignore(PLAIN)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("**/.git", "a/.git/config", True),
        ("**/.git", ".git", True),
        ("**/.git", ".github/x", False),
        ("bin", "bin/server", True),
        ("bin", "a/bin/x", False),
        ("/*.md", "README.md", True),
        ("/*.md", "docs/README.md", False),
        ("**/*_test.go", "a/b_test.go", True),
        ("**/*_test.go", "a/test.go", False),
        ("**/.env*", "a/.env.local", True),
    ],
)
def test_ignore_patterns_mean_what_they_mean_to_docker(pattern: str, path: str, expected: bool) -> None:
    assert bool(needed_exceptions((path,), (pattern,))) is expected


def test_all_targets_are_there_with_a_word_for_help() -> None:
    text = render_makefile(PLAIN)
    assert re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE) == list(TARGETS)


def test_targets_yield_to_those_of_the_users_makefile() -> None:
    text = render_makefile(SERVICES["beside others"])
    found = re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE)
    assert {"seatrial-build", "seatrial-help", "test"} <= set(found)
    assert not {"build", "help"} & set(found)
    assert "--file seatrial.Dockerfile" in text
    assert ".DEFAULT_GOAL" not in text
    # A variable of the user's own that has one of our names would change what their recipes do.
    set_here = set(re.findall(r"^(\w+) *:=", text, re.MULTILINE))
    assert all(name.startswith("SEATRIAL_") for name in set_here)


@pytest.mark.parametrize(
    ("makefile", "expected"),
    [
        ("build: main.go\n\tgo build\n", {"build"}),
        ("build lint::\n\ttrue\n", {"build", "lint"}),
        (".PHONY: build\nall: test\n", set()),
        ("build := x\nlint:=y\n\ttest: z\n", set()),
    ],
)
def test_targets_are_read_off_a_makefile(makefile: str, expected: set[str]) -> None:
    assert read_targets(makefile) == expected


def test_settings_say_what_both_builds_need() -> None:
    import tomllib

    found: Values = replace(PLAIN, module_directory="svc", answers_flag=True)
    table = tomllib.loads(render_settings(found))
    assert table["build"] == {"vcs": False}
    assert table["health"] == {"flag": True}
    assert table["service"] == {"main": "./svc/cmd/server"}
    assert "health" not in tomllib.loads(render_settings(PLAIN))
