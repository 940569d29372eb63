"""The GitHub workflow run by act, which reads its expressions, conditions and order as others do.

Each ``run:`` is executed on this machine (``-self-hosted``). The actions are local ones, in GitHub's own
format, that do what is needed of each; act itself copies the sources instead of a checkout.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from test_ci_github import TOOLS_STEP

from ci_tools import wheel_tool
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
)
from seatrial.scaffold.ci import GITHUB
from tagged_repositories import git

pytestmark = pytest.mark.engine
_ACTIONS = {
    "actions/setup-go": (
        ("go-version", "cache", "cache-dependency-path"),
        'test "$(go env GOVERSION)" = "go$1"',
    ),
    "golangci/golangci-lint-action": (("version", "install-only", "skip-cache"), "command -v golangci-lint"),
    "actions/upload-artifact": (
        ("name", "path", "if-no-files-found", "retention-days"),
        """mkdir -p "$ARTIFACTS/$1"
while read -r file; do [ ! -f "$file" ] || cp "$file" "$ARTIFACTS/$1"; done <<< "$2"
[ -n "$(ls "$ARTIFACTS/$1")" ] || [ "$3" != error ]
""",
    ),
    "actions/download-artifact": (("name",), 'cp "$ARTIFACTS/$1"/* .'),
}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What act did. jobs: result by id, of those that ran. artifacts: NAME/FILE of all that was kept."""

    jobs: dict[str, str]
    artifacts: set[str]
    log: str


@dataclass(frozen=True, kw_only=True)
class Act:
    """act, in one repository."""

    ground: Ground
    service: Path
    actions: Path

    def __call__(self, event: str, payload: Mapping[str, object], *, version: str = "", **more: str) -> Ran:
        """Run the workflow for an event. version: of Seatrial, a variable. more: of the environment."""
        place = self.actions / event
        place.mkdir()
        payload = {"repository": {"default_branch": "main"}, **payload}
        (place / "event.json").write_text(json.dumps(payload))
        home = job_environment(self.ground, place / "home")
        environment = {**home, "ARTIFACTS": str(place / "artifacts"), **more}
        options = [
            *("-e", str(place / "event.json"), "-P", "ubuntu-24.04=-self-hosted", "--json", "-a", USER),
            *(
                "-s",
                f"GITHUB_TOKEN={TOKEN}",
                "--var",
                f"SEATRIAL={version}",
                "--no-cache-server",
                "--action-offline-mode",
            ),
            *(word for name in _ACTIONS for word in ("--local-repository", self._local(name))),
            *(word for name, value in environment.items() for word in ("--env", f"{name}={value}")),
        ]
        done = subprocess.run(
            (wheel_tool("act"), event, *options),
            cwd=self.service,
            env={**environment, "XDG_CACHE_HOME": str(place / "cache")},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        kept = (place / "artifacts").glob("*/*")
        return Ran(
            jobs={line["jobID"]: line["jobResult"] for line in lines if "jobResult" in line},
            artifacts={str(path.relative_to(place / "artifacts")) for path in kept},
            log="".join(str(line["msg"]) for line in lines) + done.stderr,
        )

    def _local(self, name: str) -> str:
        """Write an action, and return what act is told: NAME@COMMIT=DIRECTORY."""
        inputs, script = _ACTIONS[name]
        place = self.actions / name
        place.mkdir(parents=True, exist_ok=True)
        words = {f"WORD_{number}": f"${{{{ inputs.{word} }}}}" for number, word in enumerate(inputs)}
        given = " ".join(f'"${word}"' for word in words)
        step = {"shell": "bash", "env": words, "run": f"set -- {given}\n{script}"}
        action = {
            "name": name,
            "description": "of the tests",
            "inputs": {word: {"description": word} for word in inputs},
            "runs": {"using": "composite", "steps": [step]},
        }
        (place / "action.yml").write_text(json.dumps(action))  # JSON is YAML
        return f"{name}@{pinned(self.service)[name]}={place}"


@functools.cache
def pinned(service: Path) -> dict[str, str]:
    """Return the commit of each action that the workflow uses."""
    return dict(re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40})", (service / GITHUB).read_text()))


@pytest.fixture
def act(ground: Ground, tmp_path: Path) -> Act:
    service = make_service(tmp_path / "orders", ground.images)
    git(service, "remote", "add", "origin", "https://github.com/ByAct/orders.git")
    change(service / GITHUB, "REGISTRY: ghcr.io", f"REGISTRY: {ground.registry}")
    text = (service / GITHUB).read_text()
    text, count = re.subn(
        rf"(name: {TOOLS_STEP}\n        run: )\|\n(?:          .*\n)+",
        r"\1command -v govulncheck syft\n",
        text,
    )
    assert count == 1
    (service / GITHUB).write_text(text)
    commit(service, "what the test brings itself")
    return Act(ground=ground, service=service, actions=tmp_path)


ALL = {"test": "success", "build": "success", "push": "success"}


def test_main_is_pushed(act: Act, ground: Ground) -> None:
    before = ground.tags("byact/orders")
    ran = act("push", {"ref": "refs/heads/main"})
    assert ran.jobs == ALL, ran.log[-4000:]
    assert ground.tags("byact/orders") - before == {
        "edge",
        f"sha-{git(act.service, 'rev-parse', 'HEAD')[:12]}",
    }
    assert ran.artifacts == {"coverage/coverage.out", "reports/sbom.cdx.json", "image/image.tar"}


def test_release_is_pushed_with_its_tags(act: Act, ground: Ground) -> None:
    git(act.service, "tag", "v2.0.0")
    git(act.service, "checkout", "-q", "--detach")
    ran = act("push", {"ref": "refs/tags/v2.0.0"})
    assert ran.jobs == ALL, ran.log[-4000:]
    assert {"2.0.0", "2.0", "2"} <= ground.tags("byact/orders")
    assert ground.digest("byact/orders", "latest") == ground.digest("byact/orders", "2.0.0")


def test_pull_request_is_judged_and_not_pushed(act: Act, ground: Ground) -> None:
    before = ground.tags("byact/orders")
    git(act.service, "checkout", "-q", "--detach")
    request = {"number": 7, "head": {"ref": "topic", "sha": "0" * 40}, "base": {"ref": "main"}}
    ran = act("pull_request", {"number": 7, "pull_request": request})
    assert ran.jobs["test"] == ran.jobs["build"] == "success", ran.log[-4000:]
    assert ran.jobs.get("push", "skipped") == "skipped"
    assert "pr-7" in ran.log
    assert ground.tags("byact/orders") == before


def test_vulnerability_is_not_pushed(act: Act, ground: Ground) -> None:
    before = ground.tags("byact/orders")
    ran = act("push", {"ref": "refs/heads/main"}, GO_DATABASE=f"file://{ground.root}/vulnerabilities")
    assert (ran.jobs["test"], ran.jobs["build"]) == ("success", "failure")
    assert "push" not in ran.jobs
    assert "GO-2026-9999" in ran.log
    assert ground.tags("byact/orders") == before


def test_red_trial_leaves_its_papers(act: Act, ground: Ground) -> None:
    """By act's own reading of the condition of the step that keeps them."""
    before = ground.tags("byact/orders")
    change(act.service / GITHUB, "seatrial sync --check", "true # the test's own edits are in the way")
    run_as_root(act.service)
    ran = act("push", {"ref": "refs/heads/main"}, version="0.1.0")
    assert (ran.jobs["test"], ran.jobs["build"]) == ("success", "failure"), ran.log[-4000:]
    assert "push" not in ran.jobs
    check_red_papers(act.actions / "push/artifacts/reports")
    assert not any(name.startswith("image/") for name in ran.artifacts)
    assert ground.tags("byact/orders") == before
