"""What the pipelines say: pins only, least privileges, and the service's own names."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from scaffold_values import PINS, SERVICE
from seatrial.scaffold.ci import GITHUB, GITLAB, TEMPLATES, render_github, render_gitlab
from seatrial.scaffold.values import Values

VARIANTS = {
    "plain": SERVICE,
    "not-woven": replace(SERVICE, is_woven=False),
    "cgo": replace(SERVICE, is_cgo=True),
    "in-a-directory": replace(SERVICE, module_directory="services/orders"),
    "beside-a-makefile": replace(
        SERVICE,
        make_targets=frozenset({"lint", "test"}),
        paths={"Makefile": "seatrial.mk", "scripts/image-tags.sh": "scripts/seatrial-image-tags.sh"},
    ),
    "unknown-go": replace(SERVICE, pins=replace(PINS, go="")),
    "odd-branch": replace(SERVICE, default_branch="release/1.x#2+"),
}


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_everything_from_outside_is_pinned(values: Values) -> None:
    github = render_github(values)
    uses = re.findall(r"uses: (\S+)", github)
    assert uses
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in uses)
    images = re.findall(r"(?:image|name): (\S+:\S+)", render_gitlab(values))
    assert len(images) == 4
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in images)
    for text in (github, render_gitlab(values)):
        assert "@latest" not in text
        assert all(re.search(r"@v\d+\.\d+\.\d+$", line) for line in text.splitlines() if "go install" in line)
        assert not re.search(r"@[A-Z]", text)


def test_only_the_last_job_may_write() -> None:
    jobs = re.split(r"\n  (?=\w+:\n    name:)", render_github(SERVICE))
    head, test, build, push = jobs
    assert "\npermissions: {}\n" in head
    for job in (test, build):
        assert re.findall(r"(\w+): (?:read|write)\b", job) == ["contents"]
        assert job.count("persist-credentials: false") == job.count("actions/checkout@")
    assert re.findall(r"(\w+): (read|write)\b", push) == [("packages", "write")]
    assert "checkout" not in push
    assert "make" not in push
    assert "if: github.event_name == 'push'\n" in push


def test_targets_and_files_are_the_service_s_own() -> None:
    values = VARIANTS["beside-a-makefile"]
    for text in (render_github(values), render_gitlab(values)):
        made = set(re.findall(r"\bmake ([a-z-]+)", text))
        assert {"seatrial-lint", "seatrial-test", "generate", "docker-build", "sbom"} <= made
        assert not made & {"lint", "test"}
        assert "sh scripts/seatrial-image-tags.sh" in text
        assert "sh scripts/image-tags.sh" not in text
        assert "make sbom SEATRIAL_IMAGE_TAR=" in text
        assert "make scan-vulnerabilities SEATRIAL_IMAGE_TAR=" in text
    for text in (render_github(SERVICE), render_gitlab(SERVICE)):
        assert "make sbom IMAGE_TAR=" in text


def test_programs_are_compared_only_where_they_must_be_equal() -> None:
    for render in (render_github, render_gitlab):
        assert "cmp " in render(SERVICE)
        assert "cmp " not in render(VARIANTS["cgo"])
        assert "cmp " not in render(VARIANTS["unknown-go"])
    assert 'go-version: "1.26.8"' in render_github(SERVICE)
    assert "go-version-file: go.mod" in render_github(VARIANTS["unknown-go"])


def test_each_host_gets_its_own_file() -> None:
    wanted = {host: replace(SERVICE, hosts=frozenset({host})) for host in ("github", "gitlab")}
    paths = {host: {t.path for t in TEMPLATES if t.is_wanted(values)} for host, values in wanted.items()}
    assert paths["github"] == {GITHUB, "scripts/image-tags.sh"}
    assert paths["gitlab"] == {GITLAB, "scripts/image-tags.sh"}
