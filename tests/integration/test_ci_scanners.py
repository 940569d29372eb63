"""``make scan-vulnerabilities`` and ``make sbom`` with the real scanners: what they find, and that what they
have not looked at is never a pass."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from buildkit import DOCKER, Images, docker_environment, run
from builds import Seatrial, commit_all
from engines import DockerEngine
from registry import running_registry
from scanner_ground import (
    ADVISORY_ID,
    CVE,
    FIXED,
    VULNERABLE,
    go_modules,
    lay_out_tools,
    make_trivy_database,
    require,
    sbom_modules,
    write_go_database,
    write_service,
    write_trivy_layout,
)

pytestmark = [pytest.mark.go, pytest.mark.engine]
SETTINGS = '[instrument]\nwith = "none"\n[build]\nvcs = false\n'
GOVULNCHECK, TRIVY = "SCANNERS=govulncheck", "SCANNERS=trivy"


@dataclass(frozen=True, kw_only=True)
class Scans:
    """A service after init, whose images lie in an engine, and the databases that its scanners ask.

    trivy_databases: address of each by what it is, "fresh" or "stale".
    """

    root: Path
    environment: dict[str, str]
    trivy_databases: dict[str, str]

    def make(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run make, for the image of the fixed dependency where no word says otherwise."""
        given = ("make", f"DOCKER={DOCKER}", "VERSION=fixed", *words)
        return run(given, self.root, {**self.environment, **environment})

    def bad(self, *words: str, **environment: str) -> str:
        """Run make, which must fail; return what it said."""
        done = self.make(*words, **environment)
        assert done.returncode != 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def good(self, *words: str, **environment: str) -> str:
        """Run make, which must succeed; return what it said."""
        done = self.make(*words, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(
    docker_engine: DockerEngine, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scans]:
    """Build two images of the service, "vulnerable" and "fixed"; its tree is left at the fixed one."""
    place = tmp_path_factory.mktemp("scans")
    tools = lay_out_tools(place / "tools")
    root = write_service(place / "svc", VULNERABLE)
    (root / "seatrial.toml").write_text(SETTINGS)
    go = subprocess.run(("go", "env", "GOVERSION"), check=True, capture_output=True, text=True).stdout.strip()
    pins = {"golang": images.golang, "static": images.static}
    (root / "seatrial.lock").write_text(json.dumps({"version": 1, "go": go, "images": pins}))
    commit_all(root)
    done = Seatrial()("init", str(root), "--ci", "gitlab")
    assert done.code == 0, done.stderr
    environment = docker_environment(docker_engine)
    environment |= {
        "PATH": f"{tools}:{environment['PATH']}",
        "GO_DATABASE": f"file://{write_go_database(place / 'go')}",
    }
    database = make_trivy_database(place / "trivy")
    with running_registry() as registry:
        served = {
            name: registry.serve(name, write_trivy_layout(place / name, database, age_days=days))
            for name, days in {"fresh": 1, "stale": 4}.items()
        }
        scans = Scans(root=root, environment=environment, trivy_databases=served)
        scans.good("docker-build", "VERSION=vulnerable")
        require(root, FIXED)
        scans.good("docker-build")
        yield scans


@pytest.fixture
def scans(built: Scans, tmp_path: Path) -> Scans:
    """The same with a cache of trivy's that is empty, and a database that is fresh."""
    own = {"TRIVY_CACHE_DIR": str(tmp_path / "cache"), "TRIVY_DB_REPOSITORY": built.trivy_databases["fresh"]}
    return replace(built, environment={**built.environment, **own})


def test_fixed_dependency_passes_both_scanners(scans: Scans) -> None:
    scans.good("scan-vulnerabilities")
    report = json.loads((scans.root / "bin/vulnerabilities.json").read_text())
    assert [found["Type"] for found in report["Results"]] == ["gobinary"]


def test_vulnerable_dependency_is_found_in_the_code(scans: Scans) -> None:
    require(scans.root, VULNERABLE)
    try:
        assert f"Vulnerability #1: {ADVISORY_ID}" in scans.bad("scan-vulnerabilities", GOVULNCHECK)
    finally:
        require(scans.root, FIXED)


def test_vulnerable_dependency_is_found_in_the_image(scans: Scans) -> None:
    said = scans.bad("scan-vulnerabilities", TRIVY, "VERSION=vulnerable")
    assert CVE in said
    assert "golang.org/x/text" in said
    assert f'"{CVE}"' in (scans.root / "bin/vulnerabilities.json").read_text()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stale", "govulncheck's database is of 20"),
        ("empty", "govulncheck's database is of 0001-01-01"),
        ("missing", "govulncheck's database is of no known day"),
    ],
)
def test_govulncheck_without_a_fresh_database_is_no_pass(
    name: str, said: str, scans: Scans, tmp_path: Path
) -> None:
    write_go_database(tmp_path / "stale", age_days=32)
    (tmp_path / "empty").mkdir()
    where = f"GO_DATABASE=file://{tmp_path / name}"
    assert said in scans.bad("scan-vulnerabilities", GOVULNCHECK, where)
    if name == "stale":
        scans.good("scan-vulnerabilities", GOVULNCHECK, where, "GO_DATABASE_DAYS=40")


def test_govulncheck_that_crashes_is_no_pass(scans: Scans, tmp_path: Path) -> None:
    where = write_go_database(tmp_path / "go", is_known=False)
    scans.good("scan-vulnerabilities", GOVULNCHECK, f"GO_DATABASE=file://{where}")
    require(scans.root, VULNERABLE)
    try:
        said = scans.bad("scan-vulnerabilities", GOVULNCHECK, f"GO_DATABASE=file://{where}")
    finally:
        require(scans.root, FIXED)
    assert "panic: runtime error" in said
    assert "govulncheck did not come to its end" in said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("exit 7", "govulncheck did not come to its end"),
        ("exit 0", "go: is of no known version"),
    ],
)
def test_govulncheck_that_does_not_know_its_go_is_no_pass(
    answer: str, said: str, scans: Scans, tmp_path: Path
) -> None:
    """Left to ask for itself, govulncheck 1.9.0 goes on without: a vulnerable standard library passes."""
    go = tmp_path / "bin/go"
    go.parent.mkdir()
    go.write_text(f'#!/bin/sh\n[ "$*" = "env GOVERSION" ] && {answer}\nexec {shutil.which("go")} "$@"\n')
    go.chmod(0o755)
    path = f"{go.parent}:{scans.environment['PATH']}"
    where = write_go_database(tmp_path / "go")
    assert said in scans.bad("scan-vulnerabilities", GOVULNCHECK, f"GO_DATABASE=file://{where}", PATH=path)


def test_trivy_without_a_fresh_database_is_no_pass(scans: Scans) -> None:
    stale = scans.trivy_databases["stale"]
    assert "trivy's database is of 20" in scans.bad("scan-vulnerabilities", TRIVY, TRIVY_DB_REPOSITORY=stale)
    # Now it is in the cache, and trivy itself would go on with it for an hour, or for ever when told so.
    for more in ({}, {"TRIVY_SKIP_DB_UPDATE": "true"}):
        said = scans.bad("scan-vulnerabilities", TRIVY, TRIVY_DB_REPOSITORY=stale, **more)
        assert "trivy's database is of 20" in said
    scans.good("scan-vulnerabilities", TRIVY, "TRIVY_DATABASE_DAYS=5", TRIVY_DB_REPOSITORY=stale)


def test_trivy_without_a_database_is_no_pass(scans: Scans) -> None:
    nowhere = scans.trivy_databases["fresh"].replace("/fresh", "/nothing")
    said = scans.bad("scan-vulnerabilities", TRIVY, TRIVY_DB_REPOSITORY=nowhere)
    assert "failed to download vulnerability DB" in said


def test_image_that_cannot_be_read_is_no_pass(scans: Scans, tmp_path: Path) -> None:
    whole = scans.root / "bin/image.tar"
    scans.good("sbom")
    (tmp_path / "cut.tar").write_bytes(whole.read_bytes()[:100_000])
    (tmp_path / "text.tar").write_text("no archive")
    for name in ("cut.tar", "text.tar", "missing.tar"):
        for target in ("scan-vulnerabilities", "sbom"):
            scans.bad(target, TRIVY, f"IMAGE_TAR={tmp_path / name}")
    # Nothing goes by this name in the engine. In a registry there might be something.
    for target in ("scan-vulnerabilities", "sbom"):
        assert "alpine:3 is not in the engine" in scans.bad(target, TRIVY, "IMAGE=alpine", "VERSION=3")


def test_image_without_a_program_is_no_pass(scans: Scans, images: Images) -> None:
    for words in (("pull", images.static), ("tag", images.static, "svc:base")):
        done = run((DOCKER, *words), scans.root, scans.environment)
        assert done.returncode == 0, done.stderr
    for target, who in {"scan-vulnerabilities": "trivy", "sbom": "syft"}.items():
        said = scans.bad(target, TRIVY, "VERSION=base")
        assert f"{who} found no Go program in bin/image.tar" in said


@pytest.mark.parametrize("words", ["", "trivvy", "govulncheck trivvy"])
def test_scanner_that_nobody_knows_is_no_pass(words: str, scans: Scans) -> None:
    assert "name govulncheck or trivy or both" in scans.bad("scan-vulnerabilities", f"SCANNERS={words}")


def test_sbom_lists_the_modules_of_the_program(
    scans: Scans, docker_engine: DockerEngine, tmp_path: Path
) -> None:
    scans.good("sbom")
    document = json.loads((scans.root / "bin/sbom.cdx.json").read_text())
    assert (document["bomFormat"], document["metadata"]["component"]["name"]) == ("CycloneDX", "svc")
    container = docker_engine.docker("create", "svc:fixed", "x").strip()
    docker_engine.docker("cp", f"{container}:/server", str(tmp_path / "server"))
    docker_engine.docker("rm", container)
    modules = go_modules(tmp_path / "server")
    assert f"golang.org/x/text@{FIXED}" in modules
    listed = sbom_modules(scans.root / "bin/sbom.cdx.json")
    assert {module for module in listed if not module.startswith("example.com/svc@")} == modules
