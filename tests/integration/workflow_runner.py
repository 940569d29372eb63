"""A GitHub workflow, run on this machine as GitHub runs it: triggers, jobs, steps, expressions, artifacts.

Every ``run:`` is executed as it is, by the shell that the workflow names. The few actions are done by local
equivalents of what their documents promise: checkout (git fetch, with GitHub's refs and depth), setup-go
(this machine's Go, which must be the release asked for), golangci-lint-action (installs only),
upload-artifact and download-artifact (directories). What is not understood fails the test.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ci_tools import python_tool
from seatrial.formats.jsonvalue import as_list, as_table, table_at, text_at
from tagged_repositories import git

_READ_YAML = (
    "import sys, json, ruamel.yaml; json.dump(ruamel.yaml.YAML(typ='safe').load(sys.stdin), sys.stdout)"
)


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened. name: push or pull_request. ref: such as refs/heads/main. commit: what is built."""

    name: str
    ref: str
    commit: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """How a job ended. result: success, failure or skipped. log: of every step, in order."""

    result: str
    log: str = ""
    failed_step: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""


@dataclass(frozen=True, kw_only=True)
class Runner:
    """Runs workflows of one repository.

    repository: what is checked out. root: an empty directory for this run. environment: of a job, given
    its home. token: of a job, given its permissions. variables: of the repository. replaced: steps by name,
    and the script that stands in for each.
    """

    repository: Path
    root: Path
    environment: Callable[[Path], dict[str, str]]
    token: Callable[[Mapping[str, str]], str]
    overrides: Mapping[str, str]
    variables: Mapping[str, str]
    replaced: Mapping[str, str]

    def run(self, path: str, event: Event) -> dict[str, Job]:
        """Run a workflow for an event; return its jobs, none when the event does not start it."""
        text = git(self.repository, "show", f"{event.commit}:{path}")
        workflow = read_yaml(text)
        if not starts(table_at(workflow, "on"), event):
            return {}
        done: dict[str, Job] = {}
        jobs = table_at(workflow, "jobs")
        while len(done) < len(jobs):
            name = next(n for n, job in jobs.items() if n not in done and _needs(as_table(job)) <= set(done))
            done[name] = _JobRun(self, event, workflow, name, done).run()
        return done


def read_yaml(text: str) -> dict[str, object]:
    """Parse YAML 1.2, in which "on" is a word."""
    argv = (python_tool("python"), "-c", _READ_YAML)
    return as_table(
        json.loads(subprocess.run(argv, input=text, text=True, check=True, capture_output=True).stdout)
    )


def starts(triggers: Mapping[str, object], event: Event) -> bool:
    """Say whether an event starts a workflow (docs.github.com, "Events that trigger workflows")."""
    if event.name not in triggers:
        return False
    filters = triggers[event.name]
    if filters is None:
        return True
    kind, name = event.ref.removeprefix("refs/").split("/", 1)
    patterns = as_list(as_table(filters).get({"heads": "branches", "tags": "tags"}[kind]))
    # In a push with both kinds of filter, each looks at its own; "*" does not match "/".
    return any(fnmatch.fnmatchcase(name, str(p)) and name.count("/") == str(p).count("/") for p in patterns)


def _needs(job: Mapping[str, object]) -> set[str]:
    needs = job.get("needs", [])
    return {needs} if isinstance(needs, str) else {str(name) for name in as_list(needs)}


class _JobRun:
    """One job on its own machine: an empty workspace, and what its permissions give it."""

    def __init__(
        self, runner: Runner, event: Event, workflow: dict[str, object], name: str, done: Mapping[str, Job]
    ) -> None:
        self.runner = runner
        self.event = event
        self.workflow = workflow
        self.job = table_at(table_at(workflow, "jobs"), name)
        self.needs = {need: done[need] for need in _needs(self.job)}
        self.home = runner.root / name
        self.workspace = self.home / "work"
        self.steps: dict[str, dict[str, str]] = {}
        self.log: list[str] = []
        self.env: dict[str, str] = {}

    def run(self) -> Job:
        if any(need.result != "success" for need in self.needs.values()):
            return Job(result="skipped")
        if not self._holds(text_at(self.job, "if")):
            return Job(result="skipped")
        self._set_up()
        failed_step = ""
        for step in as_list(self.job["steps"]):
            table = as_table(step)
            name = text_at(table, "name") or text_at(table, "uses")
            # After a failure only those run that ask for it (docs.github.com, "Status check functions").
            is_asked_for = not failed_step or "cancelled()" in text_at(table, "if")
            if not is_asked_for or not self._holds(text_at(table, "if")):
                self.log.append(f"## {name}: skipped")
                continue
            began = time.monotonic()
            is_done = self._step(table, name)
            self.log.append(f"## {name}: {time.monotonic() - began:.1f} s")
            if not is_done:
                failed_step = failed_step or name
        return self._ended("failure" if failed_step else "success", failed_step)

    def _ended(self, result: str, failed_step: str) -> Job:
        outputs = {name: self._filled(str(text)) for name, text in table_at(self.job, "outputs").items()}
        return Job(
            result=result,
            log="\n".join(self.log),
            failed_step=failed_step,
            outputs=outputs,
            summary=(self.home / "summary").read_text(),
        )

    def _set_up(self) -> None:
        self.workspace.mkdir(parents=True)
        for name in ("output", "env", "summary"):
            (self.home / name).touch()
        (self.home / "temp").mkdir()
        self.env = {
            **self.runner.environment(self.home / "home"),
            **{name: self._filled(str(text)) for name, text in table_at(self.workflow, "env").items()},
            **{name: str(text) for name, text in table_at(self.job, "env").items()},
            **self.runner.overrides,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "pusher",
            "GITHUB_ENV": str(self.home / "env"),
            "GITHUB_EVENT_NAME": self.event.name,
            "GITHUB_OUTPUT": str(self.home / "output"),
            "GITHUB_REF": self.event.ref,
            "GITHUB_REPOSITORY": "Acme/orders",
            "GITHUB_REPOSITORY_OWNER": "Acme",
            "GITHUB_SHA": self.event.commit,
            "GITHUB_STEP_SUMMARY": str(self.home / "summary"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.home / "temp"),
        }

    def _step(self, step: dict[str, object], name: str) -> bool:
        if "uses" in step:
            action = text_at(step, "uses").partition("@")[0]
            inputs = {key: self._filled(_plain(value)) for key, value in table_at(step, "with").items()}
            return ACTIONS[action](self, inputs)
        script = self.runner.replaced.get(name, text_at(step, "run"))
        directory = self.workspace / text_at(step, "working-directory", ".")
        shell = text_at(table_at(table_at(self.workflow, "defaults"), "run"), "shell")
        assert shell == "bash"
        path = self.home / "temp" / "step.sh"
        path.write_text(self._filled(script))
        given = {key: self._filled(_plain(value)) for key, value in table_at(step, "env").items()}
        # What "shell: bash" means (docs.github.com, "Workflow syntax").
        argv = ("bash", "--noprofile", "--norc", "-eo", "pipefail", str(path))
        done = subprocess.run(
            argv,
            cwd=directory,
            env={**self.env, **given},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=900,
        )
        path.unlink()
        self.log.append(done.stdout)
        self._take_files(step)
        return done.returncode == 0

    def _take_files(self, step: dict[str, object]) -> None:
        """Read what a step left in $GITHUB_OUTPUT and $GITHUB_ENV; only NAME=VALUE lines are used here."""
        for file, into in (("output", self.steps.setdefault(text_at(step, "id"), {})), ("env", self.env)):
            for line in (self.home / file).read_text().splitlines():
                name, equals, value = line.partition("=")
                assert equals, line
                into[name] = value
            (self.home / file).write_text("")

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{\{(.*?)\}\}", lambda found: self._value(found[1].strip()), text)

    def _holds(self, condition: str) -> bool:
        expression = condition.strip().removeprefix("${{").removesuffix("}}").strip()
        return not expression or self._value(expression) == "true"

    def _value(self, expression: str) -> str:
        """Evaluate the expressions that are in use: a value, or two compared."""
        comparison = re.fullmatch(r"(\S+) (==|!=) ('[^']*')", expression)
        if comparison:
            equal = self._value(comparison[1]) == self._value(comparison[3])
            return "true" if equal == (comparison[2] == "==") else "false"
        if quoted := re.fullmatch(r"'([^']*)'", expression):
            return quoted[1]
        context, _, path = expression.partition(".")
        if context == "env":
            return self.env.get(path, "")
        if context == "needs":
            need, _, output = path.partition(".outputs.")
            return self.needs[need].outputs.get(output, "")
        if context == "steps":
            step, _, output = path.partition(".outputs.")
            return self.steps[step].get(output, "")
        permissions = {name: str(text) for name, text in table_at(self.job, "permissions").items()}
        return {
            "!cancelled()": "true",
            "github.event_name": self.event.name,
            "github.ref": self.event.ref,
            "github.event.repository.default_branch": "main",
            "vars.SEATRIAL": self.runner.variables.get("SEATRIAL", ""),
            "github.token": self.runner.token(permissions),
        }[expression]


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _checkout(job: _JobRun, inputs: Mapping[str, str]) -> bool:
    """actions/checkout: a branch is checked out as one, all else detached; no tags but with depth 0."""
    assert inputs["persist-credentials"] == "false"
    event = job.event
    work = job.workspace
    git(work, "init", "-q")
    git(work, "remote", "add", "origin", f"file://{job.runner.repository}")
    kind, name = event.ref.removeprefix("refs/").split("/", 1)
    local = {"heads": f"refs/remotes/origin/{name}", "tags": event.ref, "pull": f"refs/remotes/pull/{name}"}[
        kind
    ]
    git(job.runner.repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    if inputs.get("fetch-depth") == "0":
        git(work, "fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        git(work, "fetch", "-q", "origin", f"+{event.commit}:{local}")
    else:
        git(work, "fetch", "-q", "--no-tags", "--depth=1", "origin", f"+{event.commit}:{local}")
    if kind == "heads":
        git(work, "checkout", "-q", "-B", name, local)
    else:
        git(work, "checkout", "-q", "--detach", local)
    return True


def _setup_go(job: _JobRun, inputs: Mapping[str, str]) -> bool:
    version = subprocess.check_output(("go", "env", "GOVERSION"), env=job.env, text=True).strip()
    job.log.append(f"{version}; cache: {inputs['cache']}")
    return version == f"go{inputs['go-version']}"


def _golangci(job: _JobRun, inputs: Mapping[str, str]) -> bool:
    assert inputs["install-only"] == "true"
    return shutil.which("golangci-lint", path=job.env["PATH"]) is not None


def _upload(job: _JobRun, inputs: Mapping[str, str]) -> bool:
    """actions/upload-artifact: those files that are there, below the common directory of all."""
    paths = [job.workspace / line for line in inputs["path"].splitlines() if line]
    found = [path for path in paths if path.exists()]
    if not found:
        return inputs.get("if-no-files-found") != "error"
    common = Path(os.path.commonpath([path.parent for path in paths]))
    for path in found:
        target = job.runner.root / "artifacts" / inputs["name"] / path.relative_to(common)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return True


def _download(job: _JobRun, inputs: Mapping[str, str]) -> bool:
    shutil.copytree(job.runner.root / "artifacts" / inputs["name"], job.workspace, dirs_exist_ok=True)
    return True


ACTIONS: dict[str, Callable[[_JobRun, Mapping[str, str]], bool]] = {
    "actions/checkout": _checkout,
    "actions/setup-go": _setup_go,
    "golangci/golangci-lint-action": _golangci,
    "actions/upload-artifact": _upload,
    "actions/download-artifact": _download,
}
