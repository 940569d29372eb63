"""A service that reads files at run time: from its tree into the image, or for the trial only."""

from __future__ import annotations

from pathlib import Path

import pytest

from builds import Run, commit_all, own_cache, write_service
from seatrial.formats.jsonvalue import as_list, as_table, text_at

pytestmark = [pytest.mark.go, pytest.mark.sandbox]

READER = """package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	settings, err := os.ReadFile("/etc/svc.conf")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if len(os.Args) > 1 && os.Args[1] == "--health-check" {
		fmt.Println("unhealthy")
		os.Exit(1)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		page, _ := os.ReadFile("pages/index.html")
		fmt.Fprintf(w, "%s %s", settings, page)
	})
	fmt.Println(http.ListenAndServe(":8080", nil))
}
"""
WAYS = ("--instrument", "none", "--base", "scratch", "--json")
CONFIGURED = """
[image]
files = {"/pages" = "pages"}
[trial]
files = {"/etc/svc.conf" = "port {postgres.port}"}
"""


def test_files_of_the_image_and_of_the_trial(tmp_path: Path) -> None:
    seatrial = own_cache(tmp_path / "cache")
    root = write_service(tmp_path / "svc", {"main.go": READER, "pages/index.html": "first"})
    commit_all(root)
    bare = seatrial("build", str(root), *WAYS)
    assert bare.code == 1
    starts = _verdict(bare, "trial.starts")
    assert "no such file or directory" in text_at(starts, "reason")
    assert "[image]\nfiles = " in text_at(starts, "fix")

    config = tmp_path / "seatrial.toml"
    config.write_text(CONFIGURED)
    done = seatrial("build", str(root), "--config", str(config), *WAYS)
    assert _bodies(done.at("trial", "exchanges")) == {"port 5432 first"}
    # Seen again with the file that it needs: the answer of the first run was not this one's.
    assert text_at(_verdict(done, "image.healthcheck"), "state") == "pass"

    (root / "pages/index.html").write_text("second")
    changed = seatrial("build", str(root), "--config", str(config), *WAYS)
    assert _bodies(changed.at("trial", "exchanges")) == {"port 5432 second"}


SERVER = """package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) != 3 || os.Args[1] != "serve" {
		fmt.Println("usage: svc serve WORD")
		os.Exit(2)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, os.Args[2]) })
	fmt.Println(http.ListenAndServe(":8080", nil))
}
"""


def test_arguments_of_the_image_start_it_and_the_trial_may_have_others(tmp_path: Path) -> None:
    seatrial = own_cache(tmp_path / "cache")
    root = write_service(tmp_path / "svc", {"main.go": SERVER})
    settings = '[image]\nname = "greeter"\narguments = ["serve", "a word"]\n'
    (root / "seatrial.toml").write_text(settings)
    commit_all(root)
    done = seatrial("build", str(root), *WAYS)
    assert done.code == 0, done.stderr
    assert str(done.at("image", "reference")).startswith("greeter:")
    assert _bodies(done.at("trial", "exchanges")) == {"a word"}

    (root / "seatrial.toml").write_text(f'{settings}[trial]\narguments = ["serve", "another"]\n')
    other = seatrial("build", str(root), *WAYS)
    assert _bodies(other.at("trial", "exchanges")) == {"another"}


def _verdict(run: Run, name: str) -> dict[str, object]:
    return next(row for row in map(as_table, as_list(run.at("verdicts"))) if text_at(row, "id") == name)


def _bodies(exchanges: object) -> set[str]:
    return {text_at(as_table(one), "body_excerpt") for one in as_list(exchanges)}
