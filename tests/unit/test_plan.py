"""What is decided before anything is built."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from go_project import go_project
from seatrial.config import Settings
from seatrial.model.request import Request
from seatrial.plan import make_plan

PROJECT = go_project(Path("/s"))
REQUEST = Request(
    root=Path("/s"),
    main="",
    instrument="",
    base="",
    architecture="amd64",
    host_architecture="amd64",
    outputs=(),
    reference="",
    should_try=False,
    config_file=None,
    cache=Path("/c"),
    env={},
    now=datetime(2026, 1, 2, tzinfo=UTC),
)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("github.com/acme/orders", "orders"),
        ("github.com/acme/Orders_API/v3", "orders-api"),
        ("orders.example/v2", "orders"),
        ("orders.example.com", "orders"),
        ("orders", "orders"),
        ("v2", "service"),
    ],
)
def test_image_is_called_after_the_module(module: str, name: str) -> None:
    project = replace(PROJECT, module=replace(PROJECT.module, path=module))
    plan = make_plan(project, REQUEST, Settings(), orchestrion_version="", has_c_compiler=False)
    assert (plan.image.name, plan.image.reference) == (name, f"{name}:latest")
    named = make_plan(
        project, REQUEST, Settings(image_name="mine"), orchestrion_version="", has_c_compiler=False
    )
    assert named.image.reference == "mine:latest"
