"""What a code scanning service is told, in OASIS's form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from facts import STATIC, path
from paper_outcomes import EVERY, FACTS, FAILED, GOOD, STOPPED
from seatrial.formats.jsonvalue import as_list, as_table
from seatrial.model.outcome import TrialOutcome
from seatrial.papers.sarif import sarif_text

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas/sarif-2.1.0-rtm.5.json").read_text())


def the_run(outcome: TrialOutcome) -> dict[str, object]:
    return as_table(as_list(as_table(json.loads(sarif_text(outcome, "0.1.0")))["runs"])[0])


def results(outcome: TrialOutcome) -> list[dict[str, object]]:
    return [as_table(item) for item in as_list(the_run(outcome)["results"])]


def uris(outcome: TrialOutcome) -> list[str]:
    found = []
    for place in as_list(results(outcome)[0]["locations"]):
        physical = as_table(as_table(place)["physicalLocation"])
        found.append(str(as_table(physical["artifactLocation"])["uri"]))
    return found


@pytest.mark.parametrize("outcome", EVERY)
def test_document_follows_the_schema(outcome: TrialOutcome) -> None:
    jsonschema.Draft4Validator(SCHEMA).validate(json.loads(sarif_text(outcome, "0.1.0")))


def test_schema_refuses_what_is_not_sarif() -> None:
    document = json.loads(sarif_text(STOPPED, "0.1.0"))
    document["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(SCHEMA).validate(document)


def test_results_are_what_failed_and_what_was_promised_unseen() -> None:
    assert results(GOOD) == []
    found = [(one["ruleId"], one["level"]) for one in results(STOPPED)]
    assert found == [("image.user", "error"), ("trial.spans", "error"), ("binary.stripped", "note")]


def test_rule_of_a_result_has_its_help() -> None:
    rules = as_list(as_table(as_table(the_run(STOPPED)["tool"])["driver"])["rules"])
    first = results(STOPPED)[0]
    index = first["ruleIndex"]
    assert isinstance(index, int)
    rule = as_table(rules[index])
    assert rule["id"] == first["ruleId"]
    assert as_table(rule["help"])["text"] == "set USER 65532:65532\nCIS Docker 4.1"


def test_result_lies_at_the_paths_that_its_reason_names() -> None:
    static = replace(STATIC, paths=(path("bin/sh"), path("usr/bin/ash"), path("tmp")))
    verdict = replace(FAILED, id="image.no-shell", reason="a shell: bin/sh, /usr/bin/ash and usr/no; tmp")
    outcome = TrialOutcome(image="a:1", facts=replace(FACTS, static=static), verdicts=(verdict,))
    assert uris(outcome) == ["bin/sh", "usr/bin/ash"]
    assert uris(replace(outcome, verdicts=(replace(verdict, id="binary.static", reason="x"),))) == ["server"]
    assert uris(replace(outcome, verdicts=(FAILED,))) == ["a%3A1"]


def test_fingerprint_stays_from_tag_to_tag() -> None:
    later = replace(STOPPED, image="registry.example.com:5000/orders:1.5.0")
    other = replace(STOPPED, image="registry.example.com:5000/payments:1.4.2")
    prints = [results(outcome)[0]["partialFingerprints"] for outcome in (STOPPED, later, other)]
    assert prints[0] == prints[1] != prints[2]
