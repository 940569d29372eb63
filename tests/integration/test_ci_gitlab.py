"""The GitLab pipeline is run here by gitlab-ci-local: which jobs run, what is pushed, and what never is.

Every ``script:`` is executed as it is, each job in a directory of its own with the artifacts of its needs.
Only ``before_script:``, which brings programs from the network, is replaced; and Docker is this machine's.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from builds import GO_CACHE
from ci_tools import gitlab_runner
from pipeline_ground import (
    TOKEN,
    USER,
    Ground,
    change,
    check_red_papers,
    commit,
    job_environment,
    make_service,
    run_as_root,
    write_database,
)
from tagged_repositories import git

pytestmark = pytest.mark.engine
# gitlab-ci-local reads this file beside .gitlab-ci.yml, and it has the last word.
_LOCAL = """
test:
  before_script: [command -v golangci-lint]
judge:
  before_script: [command -v govulncheck syft]
build:
  services: []
push:
  services: []
"""
_TIMEOUT_S = 600.0


@pytest.fixture
def service(ground: Ground, tmp_path: Path) -> Path:
    root = make_service(tmp_path / "service", ground.images)
    (root / ".gitlab-ci-local.yml").write_text(_LOCAL)
    with open(root / ".git/info/exclude", "a") as exclude:
        exclude.write("/.gitlab-ci-local*\n")
    git(root, "remote", "add", "origin", "git@gitlab.example.com:acme/orders.git")
    git(root, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(root, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    return root


def variables(ground: Ground, service: Path, event: Mapping[str, str]) -> tuple[str, ...]:
    """Return what GitLab sets for an event (docs.gitlab.com, "Predefined CI/CD variables")."""
    words = {
        "CI_COMMIT_SHA": git(service, "rev-parse", "HEAD"),
        "CI_DEFAULT_BRANCH": "main",
        "CI_REGISTRY": ground.registry,
        "CI_REGISTRY_IMAGE": f"{ground.registry}/group/orders",
        "CI_REGISTRY_USER": USER,
        "CI_REGISTRY_PASSWORD": TOKEN,
        "DOCKER_HOST": ground.engine.address,
        "DOCKER_TLS_VERIFY": "",
        "DOCKER_CERT_PATH": "",
        # This machine's, which are warm: the job's own would be made again for each test.
        "GOCACHE": str(GO_CACHE),
        "GOMODCACHE": go_variable("GOMODCACHE"),
        **event,
    }
    unset = {"CI_COMMIT_BRANCH", "CI_COMMIT_TAG", "CI_MERGE_REQUEST_IID"} - set(event)
    return (
        *(word for name, text in words.items() for word in ("--variable", f"{name}={text}")),
        *(word for name in sorted(unset) for word in ("--unset-variable", name)),
    )


def go_variable(name: str) -> str:
    return subprocess.check_output(("go", "env", name), text=True).strip()


PUSH = {"CI_PIPELINE_SOURCE": "push"}
EVENTS = {
    "main": {**PUSH, "CI_COMMIT_BRANCH": "main"},
    "tag": {**PUSH, "CI_COMMIT_TAG": "v1.4.2"},
    "merge request": {"CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "7"},
    "branch": {**PUSH, "CI_COMMIT_BRANCH": "topic"},
}


def started(ground: Ground, service: Path, event: str) -> list[str]:
    """Return the jobs that an event starts, in order."""
    done = run(ground, service, event, "--list-json")
    text = "\n" + done.stdout  # a warning may stand before
    jobs = json.loads(text[text.index("\n[\n") :])
    return [job["name"] for job in jobs if job["when"] != "never"]


def run(ground: Ground, service: Path, event: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = service.with_name("home")
    options = ("--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source", "--color=false")
    return subprocess.run(
        (gitlab_runner(), *options, *arguments, *variables(ground, service, EVENTS[event])),
        cwd=service,
        env={**job_environment(ground, home), "GCL_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


def test_events_start_their_jobs(ground: Ground, service: Path) -> None:
    assert started(ground, service, "main") == ["test", "build", "judge", "push"]
    assert started(ground, service, "tag") == ["test", "build", "judge", "push"]
    assert started(ground, service, "merge request") == ["test", "build", "judge"]
    # gitlab-ci-local does not read workflow: rules, by which GitLab starts nothing here; push has its own.
    assert started(ground, service, "branch") == ["test", "build", "judge"]


def test_main_and_releases_are_pushed_with_their_tags(ground: Ground, service: Path) -> None:
    before = ground.tags("group/orders")
    done = run(ground, service, "main")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    sha = f"sha-{git(service, 'rev-parse', 'HEAD')[:12]}"
    assert ground.tags("group/orders") - before == {"edge", sha}

    git(service, "tag", "v1.4.2")
    git(service, "checkout", "-q", "--detach")
    done = run(ground, service, "tag")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert ground.tags("group/orders") - before == {"edge", sha, "1.4.2", "1.4", "1", "latest"}
    assert ground.digest("group/orders", "latest") == ground.digest("group/orders", "1.4.2")


def test_merge_request_is_built_and_judged_and_not_pushed(ground: Ground, service: Path) -> None:
    before = ground.tags("group/orders")
    done = run(ground, service, "merge request", "--variable", "SEATRIAL=0.1.0")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "pr-7" in done.stdout
    assert re.search(r"judge > outcome +\d+ of \d+ verdicts hold, and none stops", done.stdout)
    assert ground.tags("group/orders") == before


def test_kept_file_that_was_edited_stops_the_job_where_seatrial_looks(ground: Ground, service: Path) -> None:
    change(service / "Makefile", "LIMIT := 50000000", "LIMIT := 60000000")
    commit(service, "larger")
    done = run(ground, service, "main", "test", "--variable", "SEATRIAL=0.1.0")
    assert done.returncode != 0
    assert "+IMAGE_LIMIT := 50000000" in done.stdout, done.stdout[-3000:]
    assert "coverage" not in done.stdout


@pytest.mark.parametrize(
    ("file", "edit", "said"),
    [
        ("main_test.go", ('"hello Ada"', '"bye Ada"'), "FAIL: TestGreeting"),
        ("Makefile", ("LIMIT := 50000000", "LIMIT := 5000000"), "the image is too large"),
    ],
    ids=["failing test", "too large"],
)
def test_what_is_wrong_is_not_pushed(
    file: str, edit: tuple[str, str], said: str, ground: Ground, service: Path
) -> None:
    before = ground.tags("group/orders")
    change(service / file, *edit)
    commit(service, "wrong")
    done = run(ground, service, "main")
    assert done.returncode != 0
    assert said in done.stdout + done.stderr, done.stdout[-3000:]
    assert ground.tags("group/orders") == before


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ("vulnerabilities", "Your code is affected by 1 vulnerability"),
        ("crash", "govulncheck did not come to its end"),
        ("stale", "may be 30 days old at most"),
        ("nothing", "govulncheck's database is of no known day"),
    ],
)
def test_scan_that_is_no_pass_stops_the_job(database: str, said: str, ground: Ground, service: Path) -> None:
    """The scan is in a job with only the image before it: enough to see that nothing after it is reached."""
    where = ground.root / database
    if database in {"crash", "stale"}:
        write_database(
            where,
            fixed="99.0.0" if database == "crash" else "1.0.0",
            age_days=32 if database == "stale" else 0,
            is_known=database != "crash",
        )
    env = {**ground.env, "GO_DATABASE": f"file://{where}"}
    before = ground.tags("group/orders")
    done = run(
        replace(ground, env=env),
        service,
        "main",
        *(("judge", "--needs") if where.name != "vulnerabilities" else ()),
    )
    assert done.returncode != 0
    assert said in done.stdout + done.stderr, done.stdout[-3000:]
    assert "bin/server: static" not in done.stdout
    assert ground.tags("group/orders") == before


def test_red_trial_leaves_its_papers(ground: Ground, service: Path) -> None:
    before = ground.tags("group/orders")
    run_as_root(service)
    done = run(ground, service, "main", "--variable", "SEATRIAL=0.1.0")
    assert done.returncode != 0
    assert "bin/server: static" in done.stdout, done.stdout[-3000:]
    check_red_papers(service / ".gitlab-ci-local/artifacts/judge/bin")
    assert ground.tags("group/orders") == before
