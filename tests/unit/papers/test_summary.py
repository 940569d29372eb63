"""The page that a CI job shows: what stops the image first, the rest folded."""

from __future__ import annotations

import re
from dataclasses import replace

from paper_outcomes import ATTACK, FAILED, GOOD, NOTHING, STOPPED
from seatrial.papers.summary import summary_text


def test_what_stops_the_image_comes_first_with_its_fix() -> None:
    text = summary_text(STOPPED)
    assert text.startswith(
        "### ✗ registry.example.com\\:5000/orders\\:1.4.2: 2 of 5 verdicts stop this image"
    )
    above, folded = text.split("<details>")
    assert "| ✗ failed **image.user** | the image names no user | set USER 65532\\:65532 |" in above
    assert "trial.spans" in above
    assert "1 hold, 2 only told" in folded
    assert folded.index("binary.stripped") < folded.index("image.size")


def test_good_image_has_everything_folded() -> None:
    text = summary_text(GOOD)
    assert text.startswith("### ✓ orders\\:1.4.2: ")
    assert "✗" not in text.partition("<details>")[0]
    assert text.count("|-|") == 1


def test_empty_set_of_verdicts_is_no_pass() -> None:
    assert summary_text(NOTHING).startswith("### ✗ : nothing was looked at")


def test_hostile_text_makes_no_markup() -> None:
    text = summary_text(ATTACK)
    assert "<script" not in text
    assert "\x1b" not in text
    assert not re.search(r"(?<!\\)\[", text)
    row = next(line for line in text.splitlines() if line.startswith("| ✗"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 5


def test_long_log_in_a_reason_is_cut() -> None:
    long = replace(STOPPED, verdicts=(replace(FAILED, reason="\n".join(map(str, range(99)))),))
    assert "<br>11<br>…" in summary_text(long)
