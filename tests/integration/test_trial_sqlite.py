"""Which requests need a SQLite database is found out by locking it: a real one, in the sandbox."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from builds import Seatrial
from engines import PROJECTS
from seatrial.checks.trial_spans import check_sql_spans
from seatrial.model.facts import RunningFacts
from seatrial.model.trial import TrialPlan, parse_request
from seatrial.model.verdict import Expectations, State, Verdict
from seatrial.observe.running import observe_running

pytestmark = [pytest.mark.go, pytest.mark.sandbox]

JOURNALS = ("journal_mode=delete", "journal_mode=wal")
EXCLUSIVE = "locking_mode=exclusive"
EXPECTED = Expectations(has_spans=True, has_database=True)


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service, woven."""
    place = tmp_path_factory.mktemp("sqlite-service") / "image"
    service = str(PROJECTS / "sqlite-service")
    done = Seatrial()("build", service, "--no-trial", "--base", "scratch", "-o", str(place))
    assert done.code == 0, done.stderr
    return place


def run(image: Path, *requests: str, **environment: str) -> RunningFacts:
    plan = TrialPlan(
        requests=tuple(parse_request(one) for one in requests), environment=tuple(environment.items())
    )
    facts = observe_running(image, plan, search_path=os.environ["PATH"])
    assert facts.services == ("sqlite",), facts.log_lines
    assert all(one.status for one in facts.exchanges), facts.log_lines
    return facts


def judge(facts: RunningFacts) -> Verdict:
    """Judge missing SQL spans: there are none of a request in any of these."""
    assert {one.trace_id for one in facts.exchanges} <= {one.trace_id for one in facts.spans}
    return check_sql_spans(facts, EXPECTED)


@pytest.mark.parametrize("journal", JOURNALS, ids=("delete", "wal"))
def test_requests_that_never_need_the_database_are_told_only(image: Path, journal: str) -> None:
    """Whatever else the service writes at that time: here a row every five milliseconds."""
    facts = run(image, "/nothing", "/clock", "/nowhere", PRAGMAS=journal, BACKGROUND="5ms")
    assert [one.status for one in facts.exchanges] == [200, 200, 404]
    assert facts.database_request == ""
    verdict = judge(facts)
    assert (verdict.state, verdict.is_blocking) == (State.UNKNOWN, False)
    assert "the requests did not ask the database" in verdict.reason


@pytest.mark.parametrize("journal", JOURNALS, ids=("delete", "wal"))
@pytest.mark.parametrize(
    "request_line", ["GET /past", "GET /login", "POST /add"], ids=["read", "turned-away", "write"]
)
def test_request_that_asks_past_the_instrumentation_fails(
    image: Path, journal: str, request_line: str
) -> None:
    """Also where its pages are in memory since the start, and where the answer is 401."""
    facts = run(image, "/nothing", request_line, PRAGMAS=journal)
    assert facts.database_request == request_line
    verdict = judge(facts)
    assert (verdict.state, verdict.is_blocking) == (State.FAIL, True)
    assert f"no database span of a request came; {request_line} needs the database" in verdict.reason


def test_answer_of_the_same_status_and_another_body_is_noticed(image: Path) -> None:
    assert run(image, "/quiet", PRAGMAS=JOURNALS[0]).database_request == "GET /quiet"


def test_what_is_asked_once_and_remembered_stays_unknown(image: Path) -> None:
    facts = run(image, "/once", PRAGMAS=JOURNALS[1])
    assert facts.database_request is None
    assert judge(facts).state is State.FAIL


def test_error_says_nothing_of_the_database(image: Path) -> None:
    """An error of any cause, such as a database that was busy, looks like one that the lock leads to."""
    facts = run(image, "/error", PRAGMAS=JOURNALS[0])
    assert facts.exchanges[0].status == 500
    assert facts.database_request is None


@pytest.mark.parametrize(
    "pragmas",
    [f"{JOURNALS[0]},{EXCLUSIVE}", f"{JOURNALS[1]},{EXCLUSIVE}", f"{EXCLUSIVE},{JOURNALS[1]}"],
    ids=["file", "file-and-index", "no-index"],
)
def test_database_that_its_service_keeps_locked_stays_unknown(image: Path, pragmas: str) -> None:
    facts = run(image, "/nothing", PRAGMAS=pragmas, SOURCE="-")
    assert facts.database_request is None
    assert judge(facts).state is State.FAIL


def test_database_that_is_read_without_locks_is_not_noticed(image: Path) -> None:
    facts = run(image, "/past", PRAGMAS=JOURNALS[0], SOURCE="file:/tmp/items.db?immutable=1")
    assert facts.exchanges[0].status == 200
    assert facts.database_request == ""


def test_nothing_is_tried_where_nothing_is_in_doubt(trial_image: Path) -> None:
    """Its requests have database spans: it is not started again to be asked while its file is locked."""
    plan = TrialPlan(requests=(parse_request("/"),))
    facts = observe_running(trial_image, plan, search_path=os.environ["PATH"])
    assert facts.services == ("sqlite",)
    assert facts.database_request is None
    assert check_sql_spans(facts, EXPECTED).state is State.PASS
