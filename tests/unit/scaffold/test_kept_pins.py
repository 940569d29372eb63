"""Which builder image a service gets."""

from __future__ import annotations

import pytest

from seatrial.scaffold.pins import ACTIONS, GOLANG, STATIC, choose_golang


@pytest.mark.parametrize(
    ("machine", "go_line", "tag"),
    [
        ("go1.26.8", "1.22", "golang:1.26-"),
        ("go1.26.1", "1.26.3", "golang:1.26-"),
        ("go1.25.0", "1.24", "golang:1.25-"),
        ("go1.25.0", "1.26", "golang:1.26-"),
        ("go1.24.0", "1.24", "golang:1.25-"),
        ("go1.27.3", "1.27", "golang:1.27-"),
        ("go1.28rc1", "1.24", "golang:1.26-"),
        ("go1.26.8", "1.26.9", "golang:1.27-"),
    ],
)
def test_image_fits_the_service_and_is_near_to_the_machine(machine: str, go_line: str, tag: str) -> None:
    found = choose_golang(machine, go_line)
    assert found is not None
    assert found.image.startswith(tag)


def test_service_that_is_too_new_has_none() -> None:
    assert choose_golang("go1.26.8", "1.28") is None


def test_every_pin_is_exact() -> None:
    for image in (*(pin.image for pin in GOLANG), STATIC):
        assert len(image.partition("@sha256:")[2]) == 64
    assert all(len(pin.commit) == 40 for pin in ACTIONS)
