"""A value that is worked out on a thread."""

from __future__ import annotations

from threading import Event

import pytest

from seatrial.host.later import Later


def test_work_goes_on_beside_and_its_value_is_waited_for() -> None:
    may_end = Event()

    def work() -> str:
        assert may_end.wait(10)
        return "done"

    later = Later(work)
    may_end.set()
    assert later.value() == "done"


def test_a_failure_is_raised_where_the_value_is_asked_for() -> None:
    def work() -> int:
        raise KeyError("x")

    later = Later(work)
    with pytest.raises(KeyError, match="x"):
        later.value()
