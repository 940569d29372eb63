"""The GitHub workflow is run here, for each event that starts it: what is pushed, and what never is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from workflow_runner import Event, Job, Runner

from pipeline_ground import (
    READ_TOKEN,
    TOKEN,
    Ground,
    change,
    check_red_papers,
    commit,
    job_environment,
    make_service,
    run_as_root,
)
from seatrial.scaffold.ci import GITHUB
from tagged_repositories import git

pytestmark = pytest.mark.engine
TOOLS_STEP = "Bring the tools, at the versions of seatrial.lock"


class Run(Protocol):
    """Runs the workflow for an event, and gives the jobs. version: of Seatrial, as the repository has it."""

    def __call__(self, name: str, ref: str, *, version: str = "", **overrides: str) -> dict[str, Job]: ...


@pytest.fixture
def service(ground: Ground, tmp_path: Path) -> Path:
    return make_service(tmp_path / "service", ground.images)


@pytest.fixture
def run(ground: Ground, service: Path, tmp_path: Path) -> Run:
    count = iter(range(100))

    def start(name: str, ref: str, *, version: str = "", **overrides: str) -> dict[str, Job]:
        runner = Runner(
            repository=service,
            root=tmp_path / f"run{next(count)}",
            environment=lambda home: job_environment(ground, home),
            token=lambda permissions: TOKEN if permissions.get("packages") == "write" else READ_TOKEN,
            overrides={"REGISTRY": ground.registry, **overrides},
            variables={"SEATRIAL": version} if version else {},
            replaced={TOOLS_STEP: "command -v govulncheck syft"},
        )
        event = Event(name=name, ref=ref, commit=git(service, "rev-parse", "HEAD"))
        return runner.run(GITHUB, event)

    return start


def results(jobs: dict[str, Job]) -> dict[str, str]:
    failed = [job.log for job in jobs.values() if job.result == "failure"]
    print("\n".join(failed)[-6000:])  # noqa: T201 - shown by pytest when a test fails
    return {name: job.result for name, job in jobs.items()}


KEPT = "These files are as seatrial.lock has them"
ALL = {"test": "success", "build": "success", "push": "success"}


def test_main_and_releases_are_pushed_with_their_tags(run: Run, service: Path, ground: Ground) -> None:
    before = ground.tags("acme/orders")
    jobs = run("push", "refs/heads/main")
    assert results(jobs) == ALL
    sha = f"sha-{git(service, 'rev-parse', 'HEAD')[:12]}"
    assert ground.tags("acme/orders") - before == {"edge", sha}
    assert jobs["build"].outputs == {"version": "1.4.1", "tags": f"edge {sha} "}
    assert "total:" in jobs["test"].summary
    assert ground.digest("acme/orders", "edge") in jobs["push"].summary

    git(service, "tag", "v1.4.2")
    assert results(run("push", "refs/tags/v1.4.2")) == ALL
    assert ground.tags("acme/orders") - before == {"edge", sha, "1.4.2", "1.4", "1", "latest"}
    newest = ground.digest("acme/orders", "latest")
    assert newest == ground.digest("acme/orders", "1.4.2")

    # An old release is built again, from other sources: it moves nothing.
    change(service / "main.go", '"hello "', '"good day "')
    change(service / "main_test.go", '"hello Ada"', '"good day Ada"')
    commit(service, "a fix for an old line")
    git(service, "tag", "v1.3.9")
    assert results(run("push", "refs/tags/v1.3.9")) == ALL
    assert ground.tags("acme/orders") - before == {"edge", sha, "1.4.2", "1.4", "1", "latest", "1.3.9", "1.3"}
    assert ground.digest("acme/orders", "latest") == ground.digest("acme/orders", "1.4") == newest
    assert ground.digest("acme/orders", "1.3") != newest


def test_pull_request_is_built_and_judged_and_not_pushed(run: Run, service: Path, ground: Ground) -> None:
    before = ground.tags("acme/orders")
    git(service, "checkout", "-q", "-b", "latest")
    change(service / "main.go", '"hello "', '"hello  "')
    change(service / "main_test.go", '"hello Ada"', '"hello  Ada"')
    commit(service, "change")
    git(service, "checkout", "-q", "main")
    git(service, "merge", "-q", "--no-ff", "-m", "merge", "latest")
    jobs = run("pull_request", "refs/pull/7/merge", version="0.1.0")
    assert results(jobs) == {**ALL, "push": "skipped"}
    assert jobs["build"].outputs["tags"] == "pr-7 "
    assert re.search(rf"^## {KEPT}: [0-9.]+ s$", jobs["test"].log, re.MULTILINE)
    assert "## Sea trial: skipped" not in jobs["build"].log
    assert "verdicts" in jobs["build"].summary
    assert ground.tags("acme/orders") == before


def test_kept_file_that_was_edited_is_not_pushed_where_seatrial_looks(
    run: Run, service: Path, ground: Ground
) -> None:
    before = ground.tags("acme/orders")
    change(service / "Makefile", "LIMIT := 50000000", "LIMIT := 60000000")
    commit(service, "larger")
    jobs = run("push", "refs/heads/main", version="0.1.0")
    assert jobs["test"].failed_step == KEPT
    assert "-IMAGE_LIMIT := 60000000\n+IMAGE_LIMIT := 50000000" in jobs["test"].log
    assert ground.tags("acme/orders") == before


@pytest.mark.parametrize(
    ("name", "ref"), [("push", "refs/heads/topic"), ("push", "refs/tags/nightly"), ("fork", "")]
)
def test_nothing_else_starts_it(name: str, ref: str, run: Run) -> None:
    assert run(name, ref) == {}


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """One edit of one file, and the step that must fail for it."""

    file: str
    edit: tuple[str, str]
    job: str
    step: str


GENERATE = '//go:generate sh -c "echo // >> main.go"\npackage main\n'
WRONG = {
    "failing test": Wrong(
        file="main_test.go",
        edit=('"hello Ada"', '"bye Ada"'),
        job="test",
        step="Test, with the race detector",
    ),
    "lint": Wrong(
        file="main.go",
        edit=("func main() {", 'func main() {\n\tlog.Printf("%d", "x")'),
        job="test",
        step="Lint",
    ),
    "generated code": Wrong(
        file="main.go",
        edit=("package main\n", GENERATE),
        job="test",
        step="Generated code is as committed",
    ),
    "too large": Wrong(
        file="Makefile",
        edit=("LIMIT := 50000000", "LIMIT := 5000000"),
        job="build",
        step="Build the image, within its size",
    ),
    "another program": Wrong(
        file="Dockerfile",
        edit=('-ldflags="', '-ldflags="-X main.version=other '),
        job="build",
        step="The image holds that program",
    ),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_not_pushed(wrong: Wrong, run: Run, service: Path, ground: Ground) -> None:
    before = ground.tags("acme/orders")
    change(service / wrong.file, *wrong.edit)
    commit(service, "wrong")
    jobs = run("push", "refs/heads/main")
    assert jobs[wrong.job].failed_step == wrong.step, jobs[wrong.job].log
    expected = ("failure", "skipped") if wrong.job == "test" else ("success", "failure")
    assert tuple(results(jobs).values()) == (*expected, "skipped")
    assert ground.tags("acme/orders") == before


def test_known_vulnerability_is_not_pushed(run: Run, ground: Ground) -> None:
    before = ground.tags("acme/orders")
    jobs = run("push", "refs/heads/main", GO_DATABASE=f"file://{ground.root}/vulnerabilities")
    assert results(jobs) == {"test": "success", "build": "failure", "push": "skipped"}
    assert jobs["build"].failed_step == "No known vulnerabilities"
    assert "Your code is affected by 1 vulnerability" in jobs["build"].log
    assert ground.tags("acme/orders") == before


def test_red_trial_leaves_its_papers_and_no_image(
    run: Run, service: Path, ground: Ground, tmp_path: Path
) -> None:
    before = ground.tags("acme/orders")
    run_as_root(service)
    jobs = run("push", "refs/heads/main", version="0.1.0")
    assert results(jobs) == {"test": "success", "build": "failure", "push": "skipped"}
    assert jobs["build"].failed_step == "Sea trial"
    check_red_papers(tmp_path / "run0/artifacts/reports")
    assert not (tmp_path / "run0/artifacts/image").exists()
    assert "verdicts" in jobs["build"].summary
    assert ground.tags("acme/orders") == before


def test_changed_tree_is_not_pushed(run: Run, service: Path, ground: Ground) -> None:
    """What a step writes into the checkout is another source than the commit's."""
    before = ground.tags("acme/orders")
    change(service / GITHUB, "      - name: Name the", "      - run: touch new.go\n      - name: Name the")
    commit(service, "a step of one's own")
    jobs = run("push", "refs/heads/main")
    assert (jobs["build"].result, jobs["build"].failed_step) == ("failure", "Name the image")
    assert "changed files" in jobs["build"].log
    assert ground.tags("acme/orders") == before


def test_job_without_the_right_to_push_cannot(run: Run, service: Path, ground: Ground) -> None:
    change(service / GITHUB, "packages: write", "packages: read")
    commit(service, "less rights")
    jobs = run("push", "refs/heads/main")
    assert (jobs["push"].result, jobs["build"].result) == ("failure", "success")
    assert "401 Unauthorized" in jobs["push"].log
