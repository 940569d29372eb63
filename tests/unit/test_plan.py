"""What is decided before anything is built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from go_project import REQUEST, go_project
from seatrial.config import Settings
from seatrial.plan import make_plan

PROJECT = go_project(Path("/s"))


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
