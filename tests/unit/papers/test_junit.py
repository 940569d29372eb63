"""What a CI system is told of each verdict, in the form that it takes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from paper_outcomes import ATTACK, EVERY, GOOD, STOPPED
from seatrial.model.outcome import TrialOutcome
from seatrial.papers.junit import junit_text

XSD = Path(__file__).parents[2] / "schemas/junit-10.xsd"


def cases(outcome: TrialOutcome) -> dict[str, ET.Element]:
    root = ET.fromstring(junit_text(outcome))
    return {case.attrib["name"]: case for case in root.iter("testcase")}


@pytest.mark.parametrize("outcome", EVERY)
def test_document_follows_the_schema(outcome: TrialOutcome, tmp_path: Path) -> None:
    if shutil.which("xmllint") is None:
        pytest.skip("needs xmllint (apt-get install libxml2-utils)")
    place = tmp_path / "junit.xml"
    place.write_text(junit_text(outcome))
    done = subprocess.run(
        ("xmllint", "--noout", "--schema", XSD, place), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_verdict_is_a_case_and_passes_are_empty() -> None:
    found = cases(GOOD)
    assert set(found) == {verdict.id for verdict in GOOD.verdicts}
    assert len(found["image.user"]) == 0
    assert found["image.user"].attrib["classname"] == "seatrial.image"


def test_what_stops_the_image_is_a_failure_or_an_error_and_the_rest_is_skipped() -> None:
    found = {name: [child.tag for child in case] for name, case in cases(STOPPED).items()}
    assert found == {
        "image.user": ["failure"],
        "trial.spans": ["error"],
        "binary.stripped": ["skipped"],
        "trial.health-down": ["skipped"],
        "image.size": [],
    }
    suite = ET.fromstring(junit_text(STOPPED)).find("testsuite")
    assert suite is not None
    counts = {key: suite.attrib[key] for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "1", "errors": "1", "skipped": "2"}


def test_failure_carries_reason_fix_and_reference() -> None:
    failure = cases(STOPPED)["image.user"][0]
    assert failure.attrib == {"message": "the image names no user", "type": "high"}
    assert failure.text == "the image names no user\nFix: set USER 65532:65532\nReference: CIS Docker 4.1"


def test_hostile_text_is_text() -> None:
    failure = cases(ATTACK)["image.user"][0]
    assert failure.text is not None
    assert failure.text.startswith("<script>alert(1)</script>|`*_[x](http://x)\ufffd\ufffd[31m\ufffd\ufffd &")
