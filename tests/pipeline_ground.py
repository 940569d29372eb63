"""What pipelines run on: a service in a git repository, a Docker engine, a registry, and its tools.

Real here: git, make, Go, ``go test -race``, docker build and push, a registry that asks for a password,
readelf, golangci-lint, syft, govulncheck (its database is a directory: the real one is not reachable from
everywhere). A stand-in, named so: apk, which looks whether a program is there.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from buildkit import Images
from builds import GO_CACHE, Seatrial
from ci_tools import golangci_lint, govulncheck, wheel_tool
from engines import DockerEngine
from tagged_repositories import ENV, git

USER = "pusher"
# What a job gets that may write packages, and one that may not; the registry knows the first only.
TOKEN = "token-that-may-write"
READ_TOKEN = "token-that-may-read"
_PASSWORD_FILE = f"{USER}:$2b$05$abcdefghijklmnopqrstuusaMY3mQFih5Xe6UodL7mz1rfThGkS6C\n"  # of TOKEN

_SETTINGS = '[build]\nvcs = false\n[instrument]\nwith = "none"\n[image]\nports = ["8080"]\n'
_GO_MOD = "module example.com/orders\n\ngo 1.24\n"
_MAIN = """package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
)

var version = "unset"

func greeting(name string) string { return "hello " + name }

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--health-check" {
		request, err := http.NewRequestWithContext(context.Background(), "GET", "http://127.0.0.1:8080/", nil)
		if err != nil {
			log.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			log.Fatal(err)
		}
		_ = answer.Body.Close()
		return
	}
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, greeting("you"))
	})
	log.Print("version ", version)
	log.Fatal(http.ListenAndServe(":8080", nil))
}
"""
_TEST = """package main

import "testing"

func TestGreeting(t *testing.T) {
	if got := greeting("Ada"); got != "hello Ada" {
		t.Fatal(got)
	}
}
"""
_TOOLS = {
    "apk": """# apk add --no-cache PROGRAM...
shift 2
for program; do command -v "$program" >/dev/null || exit 1; done
""",
}


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where pipelines run. env: of every job. registry: HOST:PORT. tools: stand-ins and wrappers."""

    root: Path
    engine: DockerEngine
    images: Images
    registry: str
    tools: Path
    env: dict[str, str]

    def tags(self, name: str) -> set[str]:
        """Return the tags that the registry has for an image; none for one that it does not know."""
        request = urllib.request.Request(f"http://{self.registry}/v2/{name}/tags/list")
        request.add_header("Authorization", _basic())
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return set(json.load(answer)["tags"] or ())
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return set()

    def digest(self, name: str, tag: str) -> str:
        """Return the digest that a tag names."""
        request = urllib.request.Request(f"http://{self.registry}/v2/{name}/manifests/{tag}", method="HEAD")
        request.add_header("Authorization", _basic())
        request.add_header("Accept", "application/vnd.docker.distribution.manifest.v2+json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.headers["Docker-Content-Digest"])


def _basic() -> str:
    import base64

    return "Basic " + base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()


@pytest.fixture(scope="session")
def ground(
    docker_engine: DockerEngine, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    """Start the registry and lay out the tools; the Dockerfile begins with this machine's Go and a base."""
    root = tmp_path_factory.mktemp("ground")
    for program in ("docker-registry", "go", "readelf", "gcc"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    tools = _lay_out_tools(root)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"localhost:{probe.getsockname()[1]}"
    server = _start_registry(root, address)
    try:
        yield Ground(
            root=root,
            engine=docker_engine,
            images=images,
            registry=address,
            tools=tools,
            env={
                **{name: value for name, value in ENV.items() if not name.startswith("DOCKER_")},
                "PATH": f"{tools}:{Path(sys.executable).parent}:{ENV['PATH']}",
                "DOCKER_HOST": docker_engine.address,
                "SCANNERS": "govulncheck",
                "GOFLAGS": "-modcacherw",
                "GO_DATABASE": f"file://{root}/no-vulnerabilities",
            },
        )
    finally:
        server.terminate()
        server.wait(30)


def _start_registry(root: Path, address: str) -> subprocess.Popen[bytes]:
    (root / "passwords").write_text(_PASSWORD_FILE)
    settings = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(root / "registry")}},
        "http": {"addr": address.replace("localhost", "127.0.0.1")},
        "auth": {"htpasswd": {"realm": "test", "path": str(root / "passwords")}},
    }
    (root / "registry.yml").write_text(json.dumps(settings))
    with open(root / "registry.log", "wb") as log:
        argv = ("docker-registry", "serve", str(root / "registry.yml"))
        server = subprocess.Popen(argv, stdout=log, stderr=log)
    for _ in range(100):
        try:
            urllib.request.urlopen(f"http://{address}/v2/", timeout=5)
        except urllib.error.HTTPError:  # it answers: 401
            return server
        except OSError:
            time.sleep(0.1)
    server.kill()
    raise AssertionError((root / "registry.log").read_text())


def _lay_out_tools(root: Path) -> Path:
    tools = root / "tools"
    tools.mkdir()
    for name, text in _TOOLS.items():
        (tools / name).write_text(f"#!/bin/sh\n# Stand-in: see pipeline_ground.py.\n{text}")
        (tools / name).chmod(0o755)
    # It refuses to run beside another one that has the same temporary directory.
    (tools / "golangci-lint").write_text(f'#!/bin/sh\nTMPDIR="{root}" exec {golangci_lint()} "$@"\n')
    (tools / "golangci-lint").chmod(0o755)
    (tools / "govulncheck").symlink_to(govulncheck())
    (tools / "syft").symlink_to(wheel_tool("syft"))
    # The client that belongs to the engine: a newer one on PATH may lack its build plug-in.
    (tools / "docker").symlink_to("/usr/bin/docker")
    write_database(root / "no-vulnerabilities", fixed="1.0.0")
    write_database(root / "vulnerabilities", fixed="99.0.0")
    return tools


def write_database(root: Path, fixed: str, *, age_days: int = 0, is_known: bool = True) -> None:
    """Write a database of one entry, of net/http (go.dev/doc/security/vuln/database).

    is_known: False leaves out a word without which govulncheck 1.9.0 panics while it reports the entry.
    """
    now = (datetime.now(UTC) - timedelta(days=age_days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    entry: dict[str, object] = {
        "schema_version": "1.3.1",
        "id": "GO-2026-9999",
        "modified": now,
        "published": now,
        "summary": "a test's own",
        "affected": [
            {
                "package": {"name": "stdlib", "ecosystem": "Go"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
                "ecosystem_specific": {
                    "imports": [{"path": "net/http", "symbols": ["ListenAndServe", "Server.ListenAndServe"]}]
                },
            }
        ],
    }
    if is_known:
        entry["database_specific"] = {"url": "https://pkg.go.dev/vuln/GO-2026-9999"}
    files: dict[str, object] = {
        "index/db.json": {"modified": now},
        "index/modules.json": [
            {"path": "stdlib", "vulns": [{"id": "GO-2026-9999", "modified": now, "fixed": fixed}]}
        ],
        "index/vulns.json": [{"id": "GO-2026-9999", "modified": now}],
        "ID/GO-2026-9999.json": entry,
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(json.dumps(content))


def run_as_root(service: Path) -> None:
    """Add a line of one's own to the Dockerfile: the program is the same, and only a trial sees the user."""
    with open(service / "Dockerfile", "a") as stream:
        stream.write("USER 0:0\n")
    commit(service, "root")


def check_red_papers(papers: Path) -> None:
    """Hold that a directory has all papers of a run whose trial was red, and that they say why."""
    names = {"sbom.cdx.json", "trial.html", "trial.sarif", "trial.xml"}
    assert {path.name for path in papers.glob("*")} == names
    suites = ElementTree.parse(papers / "trial.xml").getroot()
    failed = [case.get("name", "") for case in suites.iter("testcase") if case.find("failure") is not None]
    assert any("root" in name or "user" in name for name in failed), failed
    results = json.loads((papers / "trial.sarif").read_text())["runs"][0]["results"]
    assert any(result["level"] == "error" for result in results)
    assert "pkg:golang/" in (papers / "sbom.cdx.json").read_text()
    assert "</html>" in (papers / "trial.html").read_text()


def make_service(root: Path, images: Images) -> Path:
    """Make the service's repository, with the files that ``seatrial init`` keeps in it, at v1.4.1."""
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    go = subprocess.check_output(("go", "env", "GOVERSION"), text=True).strip()
    pins = {"version": 1, "go": go, "images": {"golang": images.golang, "static": images.static}}
    own = {
        "go.mod": _GO_MOD,
        "main.go": _MAIN,
        "main_test.go": _TEST,
        ".gitignore": "/bin/\n/coverage.out\n",
        "seatrial.toml": _SETTINGS,
        "seatrial.lock": json.dumps(pins),
    }
    for name, text in own.items():
        (root / name).write_text(text)
    commit(root, "the service")
    done = Seatrial()("init", str(root), "--ci", "github", "--ci", "gitlab")
    assert done.code == 0, done.stderr
    commit(root, "its files")
    git(root, "tag", "v1.4.1")
    return root


def commit(root: Path, message: str) -> str:
    """Commit all that there is; return the commit."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)
    return git(root, "rev-parse", "HEAD")


def change(path: Path, old: str, new: str) -> None:
    """Change one text in a file; fail the test when it is not there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def job_environment(ground: Ground, home: Path) -> dict[str, str]:
    """Return a job's environment: its own home, so that no login outlives it; Go's caches are shared."""
    home.mkdir(parents=True, exist_ok=True)
    return {**ground.env, "HOME": str(home), "GOCACHE": str(GO_CACHE), "DOCKER_CONFIG": str(home / ".docker")}
