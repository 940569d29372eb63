"""Running ``seatrial build`` as a user does, on services that a test makes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PLAIN = ("--instrument", "none", "--no-trial", "--base", "scratch")
# Kept between runs: what is woven and installed at a pin need not be made again for each session.
CACHE = Path(os.environ.get("SEATRIAL_TEST_CACHE") or Path.home() / ".cache" / "seatrial-tests")
# Go's, of whatever the tests compile: the standard library is compiled once, and once with -race.
GO_CACHE = CACHE / "go-build"
ORDERS = Path(__file__).parents[1] / "examples" / "orders"

MAIN = """package main

import "fmt"

func main() { fmt.Println("one") }
"""
SERVER = """package main

import (
	"log/slog"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--health-check" {
		if _, err := http.Get("http://127.0.0.1:8080/"); err != nil {
			println(err.Error())
			os.Exit(1)
		}
		return
	}
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		slog.InfoContext(r.Context(), "asked")
		w.WriteHeader(http.StatusNoContent)
	})
	if err := http.ListenAndServe(":8080", nil); err != nil {
		panic(err)
	}
}
"""
# Before a command: it runs in a user namespace that allows no other, as containers often are.
_CLOSED = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$0" "$@"'
NO_NAMESPACES = ("unshare", "--user", "--map-root-user", "/bin/sh", "-c", _CLOSED)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One finished command."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, object]:
        """The one object that --json prints."""
        found = json.loads(self.stdout)
        assert isinstance(found, dict)
        return found

    def at(self, *keys: str) -> object:
        """Return a nested value of the object."""
        value: object = self.json
        for key in keys:
            assert isinstance(value, dict), (keys, value)
            value = value[key]
        return value


@dataclass(frozen=True, kw_only=True)
class Seatrial:
    """The command with its environment. A cache of its own shares what is installed at a pin."""

    env: dict[str, str] = field(default_factory=dict)

    def argv(self, *arguments: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "seatrial", *arguments)

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "OTEL_"))}
        return {**kept, "GOFLAGS": "-buildvcs=auto", "XDG_CACHE_HOME": str(CACHE), **self.env, **more}

    def __call__(self, *arguments: str, **more: str) -> Run:
        done = subprocess.run(
            self.argv(*arguments),
            check=False,
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=1200,
        )
        return Run(code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def popen(self, *arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.argv(*arguments),
            cwd=cwd,
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=heed_ctrl_c,  # noqa: PLW1509 - no thread runs here
        )


def heed_ctrl_c() -> None:
    """Undo what a test run in the background inherits from its shell: SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def own_cache(place: Path, *, is_go_cold: bool = False) -> Seatrial:
    """Return a command with an empty cache, but for what its own digest pins: tools and base layers.

    is_go_cold: Go's cache is empty, too. It compiles the standard library then: 25 s of processor time.
    """
    (place / "seatrial").mkdir(parents=True)
    for name in ("tools", "base"):
        (CACHE / "seatrial" / name).mkdir(parents=True, exist_ok=True)
        (place / "seatrial" / name).symlink_to(CACHE / "seatrial" / name)
    go = place / "go-build" if is_go_cold else GO_CACHE
    return Seatrial(env={"XDG_CACHE_HOME": str(place), "GOCACHE": str(go)})


def write_service(
    root: Path, files: dict[str, str], *, module: str = "example.com/svc", go: str = "1.24"
) -> Path:
    """Write a module and return its directory."""
    for name, content in {"go.mod": f"module {module}\n\ngo {go}\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def git(directory: Path, *arguments: str) -> str:
    """Run git with a fixed identity and date."""
    date = "2026-01-02T03:04:05Z"
    done = subprocess.run(
        ("git", "-c", "user.name=n", "-c", "user.email=n@example.com", *arguments),
        cwd=directory,
        env={**os.environ, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def commit_all(directory: Path) -> None:
    """Make the directory a repository with one commit of all that it holds."""
    git(directory, "init", "-q")
    git(directory, "add", "-A")
    git(directory, "commit", "-qm", "all")


def snapshot(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return every file with its mode, change time and content: all that a write would show in."""
    return {
        str(path.relative_to(directory)): (path.stat().st_mode, path.stat().st_ctime_ns, path.read_bytes())
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A committed service of one file."""
    root = write_service(tmp_path / "svc", {"main.go": MAIN})
    commit_all(root)
    return root


@pytest.fixture
def seatrial() -> Seatrial:
    """The command, with the cache that the tests share."""
    return Seatrial()
