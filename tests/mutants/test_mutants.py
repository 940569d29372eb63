"""Does a pass mean anything? The good image passes, and what claims a mutant notices it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mutants.corpus import CORPUS, UNCLAIMED
from mutants.good import Good, build_good
from mutants.mutant import REFUSED, Mutant
from mutants.table import MARK
from mutants.trials import Trials
from mutants.trying import (
    SERVICES,
    Noticed,
    compare,
    false_alarms,
    try_good,
    try_mutant,
    unfounded,
)
from seatrial.model.outcome import TrialOutcome
from seatrial.model.verdict import Severity, State, Verdict

BY_NAME = {mutant.name: mutant for mutant in CORPUS}
DOCUMENT = Path(__file__).parents[2] / "docs/mutants.md"
UNCHANGED = Mutant(name="unchanged", change="nothing", claims=("image.user",), apply=id)


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Good:
    return build_good(tmp_path_factory.mktemp("mutants"))


@pytest.fixture(scope="session")
def tried_good(good: Good) -> dict[str, TrialOutcome]:
    """What came of the good image, with each database."""
    return {service: try_good(good, service) for service in SERVICES}


@pytest.fixture(scope="session")
def trials(good: Good, tried_good: object, request: pytest.FixtureRequest) -> Iterator[Trials]:
    """The trials of the mutants whose tests were asked for; the good image is tried first."""
    asked = {item.name.partition("[")[2].removesuffix("]") for item in request.session.items}
    with Trials(tuple(mutant for mutant in CORPUS if mutant.name in asked), good) as begun:
        yield begun


@pytest.mark.go
@pytest.mark.sandbox
@pytest.mark.parametrize("service", SERVICES)
def test_good_image_passes(service: str, tried_good: dict[str, TrialOutcome]) -> None:
    assert len(tried_good[service].verdicts) > 50
    assert false_alarms(tried_good[service]) == ()


@pytest.mark.go
@pytest.mark.sandbox
@pytest.mark.parametrize("name", BY_NAME)
def test_mutant_is_noticed_by_what_claims_it(
    name: str, trials: Trials, tried_good: dict[str, TrialOutcome]
) -> None:
    if BY_NAME[name].needs_root and os.geteuid() != 0:
        pytest.skip("needs root")
    finding = trials.finding(name)
    assert finding.missed == ()
    assert finding.strays == ()
    assert finding.silent == ()
    assert unfounded(BY_NAME[name], tried_good[BY_NAME[name].service]) == ()


@pytest.mark.go
@pytest.mark.sandbox
def test_every_check_is_claimed_by_a_mutant(tried_good: dict[str, TrialOutcome]) -> None:
    known = {verdict.id for outcome in tried_good.values() for verdict in outcome.verdicts}
    claimed = {claim for mutant in CORPUS for claim in mutant.claims} - {REFUSED}
    assert claimed <= known
    assert claimed.isdisjoint(UNCLAIMED)
    assert claimed | set(UNCLAIMED) == known


def test_corpus_is_large_and_each_name_is_there_once() -> None:
    assert len(CORPUS) >= 60
    assert Counter(mutant.name for mutant in CORPUS).most_common(1)[0][1] == 1


def test_document_lists_the_corpus() -> None:
    table = DOCUMENT.read_text().partition(MARK)[2].splitlines()
    rows = [line.split(" | ") for line in table if line.startswith("| ")][1:]
    assert [row[0].removeprefix("| ") for row in rows] == [*BY_NAME]
    assert {row[3] for row in rows} == {"caught", "told"}


@pytest.mark.go
def test_image_without_a_change_is_missed(good: Good) -> None:
    finding = try_mutant(UNCHANGED, good)
    assert finding.noticed is Noticed.MISSED
    assert finding.missed == ("image.user: runs as 65532:65532",)


def verdict(name: str, state: State, severity: Severity = Severity.HIGH) -> Verdict:
    return Verdict(id=name, state=state, severity=severity, reason="seen")


def test_check_that_nobody_named_is_a_false_alarm() -> None:
    found = compare(UNCHANGED, (verdict("image.user", State.FAIL), verdict("image.env", State.UNKNOWN)))
    assert (found.noticed, found.strays) == (Noticed.CAUGHT, ("image.env: seen",))


def test_information_does_not_catch_what_must_be_stopped() -> None:
    found = compare(UNCHANGED, (verdict("image.user", State.FAIL, Severity.INFO),))
    assert (found.noticed, found.missed) == (Noticed.MISSED, ("image.user: seen",))
