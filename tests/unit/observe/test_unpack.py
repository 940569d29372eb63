"""What an image's configuration says of how it is run."""

from __future__ import annotations

import signal

import pytest

from seatrial.observe.shutdown import signal_name
from seatrial.observe.unpack import read_settings


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("", signal.SIGTERM),
        ("SIGQUIT", signal.SIGQUIT),
        ("quit", signal.SIGQUIT),
        ("3", signal.SIGQUIT),
        ("SIGRTMIN+3", signal.SIGRTMIN + 3),
        ("SIGTREM", signal.SIGTERM),
        ("900", signal.SIGTERM),
    ],
)
def test_stop_signal_is_read_as_engines_do(said: str, number: int) -> None:
    assert read_settings({"config": {"StopSignal": said}}).stop_signal == number


def test_signal_without_a_name_is_told_by_its_number() -> None:
    assert (signal_name(15), signal_name(int(signal.SIGRTMIN) + 3)) == ("SIGTERM", str(signal.SIGRTMIN + 3))
