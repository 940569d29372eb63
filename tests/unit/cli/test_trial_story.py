"""What a person reads of a trial on a terminal."""

from __future__ import annotations

import io
import json
from dataclasses import replace

from facts import RUNNING
from paper_outcomes import ATTACK, EVERY, GOOD, STOPPED
from seatrial.cli.colour import coloured, is_wanted
from seatrial.cli.failure import json_text
from seatrial.cli.trial_story import trial_json, trial_text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_good_image_is_told_in_ten_lines() -> None:
    lines = trial_text(GOOD, is_verbose=False).splitlines()
    assert len(lines) <= 10
    assert lines[0].startswith("image    orders:1.4.2  sha256:")
    assert "start    listening on 8080 after 20 ms, healthy after 40 ms" in lines
    assert "asked    GET /orders -> 200 (1.0 ms)" in lines
    assert "spans    2 (1 client, 1 server)" in lines
    health = next(line for line in lines if line.startswith("health "))
    assert "up: exit 0 (5 ms); database stopped: exit 1 (5 ms); database back: exit 0 (5 ms)" in health
    assert "stop     SIGTERM: exit 0 after 4 ms" in lines
    assert "✓" not in "".join(lines)


def test_what_stops_the_image_is_told_first_with_its_fix() -> None:
    lines = trial_text(STOPPED, is_verbose=False).splitlines()
    assert lines[:3] == [
        "✗ image.user: the image names no user",
        "    set USER 65532:65532",
        "? trial.spans: no request was answered",
    ]
    assert "note     not started" in lines
    assert lines[-1] == "outcome  2 of 5 verdicts stop this image"


def test_verbose_lists_every_verdict() -> None:
    text = trial_text(STOPPED, is_verbose=True)
    assert all(verdict.id in text for verdict in STOPPED.verdicts)


def test_requests_of_one_kind_are_one_word() -> None:
    assert GOOD.facts is not None
    exchanges = RUNNING.exchanges * 5 + tuple(replace(RUNNING.exchanges[0], path=f"/{n}") for n in range(4))
    outcome = replace(GOOD, facts=replace(GOOD.facts, running=replace(RUNNING, exchanges=exchanges)))
    text = trial_text(outcome, is_verbose=False)
    assert (
        "GET /orders x5 -> 200 (1.0 ms); GET /0 -> 200 (1.0 ms); GET /1 -> 200 (1.0 ms); and 2 more" in text
    )


def test_image_cannot_steer_the_terminal() -> None:
    text = trial_text(ATTACK, is_verbose=True)
    assert "\x1b" not in text
    assert "\u202e" not in text
    text.encode()


def test_object_says_what_the_text_says() -> None:
    for outcome in EVERY:
        found = json.loads(json_text(trial_json(outcome)))
        assert found["holds"] is outcome.holds
        assert len(found["verdicts"]) == len(outcome.verdicts)
        json_text(trial_json(outcome)).encode()


def test_colour_repeats_what_the_words_say() -> None:
    text = trial_text(STOPPED, is_verbose=True)
    assert coloured(text, is_wanted=False) == text
    bright = coloured(text, is_wanted=True)
    assert "\x1b[31m✗ \x1b[1mimage.user\x1b[0m: the image names no user" in bright
    plain = bright
    for code in ("31", "32", "33", "1", "2", "0"):
        plain = plain.replace(f"\x1b[{code}m", "")
    assert plain == text


def test_colour_is_for_terminals_that_want_it() -> None:
    assert is_wanted(Terminal(), {"TERM": "xterm"})
    assert not is_wanted(io.StringIO(), {"TERM": "xterm"})
    assert not is_wanted(Terminal(), {"TERM": "xterm", "NO_COLOR": "1"})
    assert not is_wanted(Terminal(), {"TERM": "dumb"})
