"""Every byte of the image is in the picture once, under a name that says whose it is."""

from __future__ import annotations

from dataclasses import replace

from facts import STATIC, path
from paper_outcomes import RICH_FACTS
from seatrial.model.facts import PackageFact
from seatrial.papers.sizes import layers_by_part


def parts(layer: int) -> dict[str, tuple[str, int]]:
    return {
        part.name: (part.kind, part.size_bytes) for part in layers_by_part(RICH_FACTS.static)[layer].parts
    }


def test_layers_hold_what_their_facts_say() -> None:
    found = layers_by_part(RICH_FACTS.static)
    assert [layer.size_bytes for layer in found] == [4_000_000, 15_600_000, 900_000]
    assert [layer.name for layer in found] == [layer.created_by for layer in RICH_FACTS.static.layers]


def test_base_is_told_by_package_and_what_was_hidden() -> None:
    assert parts(0) == {
        "removed or replaced by a layer above": ("hidden", 1_968_800),
        "tzdata 2026b-0+deb13u1": ("package", 1_790_000),
        "ca-certificates 20250419": ("package", 229_000),
        "beside the packages": ("folder", 12_200),
    }


def test_program_is_told_by_module() -> None:
    assert parts(1) == {
        "the program's data and tables": ("data", 8_346_000),
        "modernc.org/sqlite": ("module", 3_400_000),
        "Go's runtime and library": ("module", 2_000_000),
        "modernc.org/libc": ("module", 900_000),
        "github.com/jackc/pgx/v5": ("module", 450_000),
        "code that no package owns": ("module", 300_000),
        "seatrial.dev/weave": ("module", 120_000),
        "example.com/orders": ("module", 84_000),
    }


def test_packages_share_what_a_minimal_image_left_of_them() -> None:
    static = RICH_FACTS.static
    doubled = tuple(replace(one, installed_bytes=2 * one.installed_bytes) for one in static.packages)
    found = layers_by_part(replace(static, packages=doubled, layers=()))[0]
    assert found.size_bytes == 2_031_200
    assert [part.size_bytes for part in found.parts] == [1_800_816, 230_383, 1]


def test_packages_that_cannot_be_right_are_not_believed() -> None:
    claimed = PackageFact(kind="deb", name="huge", version="1", installed_bytes=10**9)
    static = replace(RICH_FACTS.static, packages=(claimed,), layers=())
    assert {part.name for part in layers_by_part(static)[0].parts} == {
        "/usr/share",
        "/etc/ssl",
        "/usr/lib",
        "/var/lib",
    }


def test_smallest_parts_are_told_together() -> None:
    many = tuple(path(f"d{number:03}/f", size_bytes=1000 - number) for number in range(100))
    found = layers_by_part(replace(STATIC, paths=many, layer_sizes_bytes=(1,)))[0]
    assert found.parts[-1].name == "60 smaller ones"
    assert found.size_bytes == sum(file.size_bytes for file in many)


def test_image_without_files_has_no_part() -> None:
    assert layers_by_part(replace(STATIC, paths=())) == ()
