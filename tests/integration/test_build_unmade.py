"""Files that another step makes, and experiments of Go: the advice is the project's own, and works."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from builds import PLAIN, Seatrial, commit_all, snapshot, write_service

pytestmark = pytest.mark.go

PAGES = """package main

import "embed"

//go:embed docs all:dist/* index.html
var pages embed.FS

func main() { _ = pages }
"""
MAKEFILE = """.PHONY: build clean pages

build: pages
	go build .

clean:
	rm -rf docs dist index.html

index:
	echo x > index.html

pages:
	mkdir -p docs $(CURDIR)/dist
	touch docs/one.html dist/app.js
	@$(MAKE) index.html

index.html:
	echo page > index.html
"""
SCRIPTS = '{"scripts": {"build": "vite build"}}'


def _advice(seatrial: Seatrial, root: Path) -> list[str]:
    """Return the lines of advice for a tree that cannot be loaded."""
    done = seatrial("build", str(root), *PLAIN)
    assert done.code == 3, done.stderr
    return [line.strip() for line in done.stderr.splitlines()]


def _settings(lines: list[str], number: int) -> str:
    found = [line for line in lines if line.startswith("prepare = ")]
    return f"[build]\n{found[number]}\n"


@pytest.mark.parametrize("number", [0, 1])
def test_advice_for_embedded_files_is_the_projects_own_and_builds(
    seatrial: Seatrial, tmp_path: Path, number: int
) -> None:
    """All that is missing is named at once; its Makefile's target makes it, and so does the stand-in."""
    root = write_service(tmp_path / "svc", {"main.go": PAGES, "Makefile": MAKEFILE})
    commit_all(root)
    lines = _advice(seatrial, root)
    assert any("not there: dist/*, docs, index.html;" in line for line in lines)
    assert 'prepare = ["make pages"]' in _settings(lines, 0)
    settings = tmp_path / "settings.toml"
    settings.write_text(_settings(lines, number))
    before = snapshot(root)
    done = seatrial("build", str(root), *PLAIN, "--config", str(settings), "-o", str(tmp_path / "out"))
    assert done.code == 0, done.stderr
    assert snapshot(root) == before


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"web/package.json": SCRIPTS}, "cd web && npm install && npm run build"),
        ({"web/package.json": SCRIPTS, "web/pnpm-lock.yaml": ""}, "cd web && pnpm install --frozen-lockfile"),
        ({"package.json": SCRIPTS, "package-lock.json": "{}"}, "npm ci && npm run build"),
        ({"web/package.json": SCRIPTS, "app/package.json": SCRIPTS}, "go generate ./..."),
        ({"web/package.json": '{"scripts": {}}'}, "go generate ./..."),
    ],
)
def test_advice_for_an_interface_is_its_own_script(
    seatrial: Seatrial, tmp_path: Path, files: dict[str, str], command: str
) -> None:
    root = write_service(tmp_path / "svc", {"main.go": PAGES, **files})
    commit_all(root)
    assert f'prepare = ["{command}' in _settings(_advice(seatrial, root), 0)


def test_experiment_of_go_is_named_with_the_setting_that_builds(seatrial: Seatrial, tmp_path: Path) -> None:
    """The command line of the advice builds it, and so do its lines for seatrial.toml and init's Makefile."""
    code = 'package main\n\nimport "encoding/json/v2"\n\nfunc main() { _, _ = json.Marshal(1) }\n'
    root = write_service(tmp_path / "svc", {"main.go": code})
    commit_all(root)
    lines = _advice(seatrial, root)
    found = re.search(r"GOEXPERIMENT=(\w+) seatrial build", " ".join(lines))
    assert found, lines
    out = ("-o", str(tmp_path / "out"))
    done = seatrial("build", str(root), *PLAIN, *out, GOEXPERIMENT=found[1])
    assert done.code == 0, done.stderr
    setting = next(line for line in lines if line.startswith("experiments = "))
    (root / "seatrial.toml").write_text(f'[build]\n{setting}\n[instrument]\nwith = "none"\n')
    commit_all(root)
    done = seatrial("build", str(root), *PLAIN, *out)
    assert done.code == 0, done.stderr
    assert seatrial("init", str(root)).code == 0
    assert f"ENV GOEXPERIMENT={found[1]}\n" in (root / "Dockerfile").read_text()
    subprocess.run(("make", "-C", str(root), "build"), check=True, env=seatrial.environment())
    assert seatrial("sync", str(root), "--check").code == 0


def test_module_that_cannot_be_had_is_a_matter_of_the_network(seatrial: Seatrial, tmp_path: Path) -> None:
    code = 'package main\n\nimport "example.com/gone"\n\nfunc main() { gone.Do() }\n'
    mod = "module example.com/svc\n\ngo 1.24\n\nrequire example.com/gone v1.0.0\n"
    sums = "".join(f"example.com/gone v1.0.0{part} h1:{'A' * 43}=\n" for part in ("", "/go.mod"))
    root = write_service(tmp_path / "svc", {"main.go": code, "go.mod": mod, "go.sum": sums})
    commit_all(root)
    done = seatrial("build", str(root), *PLAIN, GOPROXY="off")
    assert done.code == 5, done.stderr
    assert "main.go:3:8: module lookup disabled by GOPROXY=off" in done.stderr
    assert "go env GOPROXY" in done.stderr
