"""A promise is what somebody wrote; a default promises nothing of a stranger's image."""

from __future__ import annotations

import pytest

from facts import RUNNING, STATIC, settings
from seatrial.config import Settings, parse_settings
from seatrial.errors import ConfigError
from seatrial.model.facts import Facts
from seatrial.model.verdict import Expectations
from seatrial.trial.promises import Promises, promises

FACTS = Facts(static=STATIC, running=RUNNING)


def from_file(text: str, *words: str) -> Promises:
    return promises(parse_settings(text.encode(), "seatrial.toml"), words)


def test_nothing_is_promised_of_a_strangers_image() -> None:
    expected = promises(Settings(), ()).expectations(FACTS, is_run=True)
    assert expected == Expectations(
        user="", size_limit_bytes=None, is_static=False, has_healthcheck=True, is_run=True
    )


@pytest.mark.parametrize("check", [None, {"Test": []}, {"Test": ["NONE"]}, "odd"])
def test_image_without_a_health_check_is_not_held_to_one(check: object) -> None:
    static = STATIC.__class__(**{**vars(STATIC), "config": settings(Healthcheck=check)})
    facts = Facts(static=static, running=None)
    assert Promises().expectations(facts, is_run=False).has_healthcheck is False
    assert from_file("", "healthcheck").expectations(facts, is_run=False).has_healthcheck is True


def test_section_of_the_file_promises_what_it_sets() -> None:
    assert from_file("[gates]\nimage_size = '3MB'").size_limit_bytes == 3_000_000
    assert from_file("[health]\nflag = false").has_healthcheck is False
    assert from_file("[health]\nretries = 2").has_healthcheck is True
    assert from_file("[trial]\nrequests = ['/x']") == Promises()


def test_instrument_section_promises_spans_of_what_it_names() -> None:
    woven = from_file("[instrument]\nwith = 'orchestrion'")
    assert (woven.is_static, woven.is_woven, woven.has_spans, woven.has_database) == (True, True, True, None)
    assert from_file("[instrument]\nintegrations = ['pgx']").has_spans is False
    assert from_file("[instrument]\nwith = 'none'") == Promises()
    with_database = from_file("[instrument]\n[trial]\nservices = ['postgres']")
    assert with_database.has_database is True


def test_words_promise_one_thing_each() -> None:
    assert from_file("", "static", "woven") == Promises(is_static=True, is_woven=True)
    assert from_file("", "spans", "database") == Promises(has_spans=True, has_database=True)
    assert from_file("", "size=48MiB", "user=1000") == Promises(user="1000", size_limit_bytes=48 << 20)


def test_all_is_what_a_build_promises_and_keeps_what_is_said_beside_it() -> None:
    whole = from_file("", "user=1000", "all")
    assert whole == Promises(
        user="1000",
        size_limit_bytes=50_000_000,
        is_static=True,
        is_woven=True,
        has_healthcheck=True,
        has_spans=True,
        has_database=True,
    )


@pytest.mark.parametrize("word", ["statics", "size=", "size=many", "user=root", "user", "all=1"])
def test_word_that_is_no_promise_is_refused(word: str) -> None:
    with pytest.raises(ConfigError, match="--expect"):
        from_file("", word)
