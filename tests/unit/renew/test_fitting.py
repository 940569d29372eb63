"""Newer pins that fit together: what is taken, what holds the rest, and that nothing moves backwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.errors import ConfigError
from seatrial.renew.cooldown import CoolDown
from seatrial.renew.fitting import Fit, builder_tags, canonical_go, fit
from seatrial.renew.found import Floor, GoFacts, GolangImage, GoPins, Group, Proposal, Release
from seatrial.renew.versions import go_numbers, is_prerelease, order_key

GO_VERSIONS = ("1.25.14", "1.26.0", "1.26.8", "1.26.9", "1.26.11", "1.27.0", "1.27.4", "1.28rc1")
ORCHESTRION = tuple(
    Release(version=version, needs_go=needs)
    for version, needs in (
        ("v1.8.0", "1.24.0"),
        ("v1.13.1", "1.25.0"),
        ("v1.15.0", "1.26.0"),
        ("v1.16.0", "1.27.0"),
        ("v1.17.0-rc.1", "1.26.0"),
    )
)
PINS = GoPins(
    go="go1.26.8",
    golang="golang:1.26-bookworm@sha256:" + "a" * 64,
    orchestrion="v1.15.0",
    tools={"syft": "v1.57.0"},
    floors=(Floor(go="1.24", reason="go.mod says go 1.24"),),
    groups=frozenset(Group),
)
FACTS = GoFacts(
    go_versions=GO_VERSIONS,
    releases={"orchestrion": ORCHESTRION, "syft": (Release(version="v1.57.1", needs_go="1.26.8"),)},
    golang={
        "1.26-bookworm": GolangImage(digest="sha256:" + "b" * 64, go="go1.26.9"),
        "1.27-bookworm": GolangImage(digest="sha256:" + "c" * 64, go="go1.27.4"),
    },
)


def by_name(found: Fit) -> dict[str, Proposal]:
    return {proposal.name: proposal for proposal in found.proposals}


def images(**tags: GolangImage | None) -> Mapping[str, GolangImage | None]:
    return {name.replace("_", ".").replace("x", "-bookworm"): image for name, image in tags.items()}


def test_go_stays_in_its_minor_and_is_what_the_image_holds() -> None:
    found = by_name(fit(PINS, FACTS))
    assert found["go"].after == "go1.26.9"
    assert found["images.golang"].after == "golang:1.26-bookworm@sha256:" + "b" * 64
    assert "still holds go1.26.9, and go1.26.11 is out" in found["go"].held_by
    assert "--go 1.27" in found["go"].held_by
    assert found["orchestrion"].after == "v1.15.0"
    assert found["orchestrion"].held_by == "v1.16.0 needs Go 1.27.0, and go1.26.9 is pinned"
    assert found["tools.syft"].after == "v1.57.1"


def test_asked_go_brings_the_newer_orchestrion() -> None:
    found = by_name(fit(replace(PINS, asked_minor="1.27"), FACTS))
    assert (found["go"].after, found["orchestrion"].after) == ("go1.27.4", "v1.16.0")
    assert found["go"].why == "--go asks for it"
    assert not found["orchestrion"].held_by


@pytest.mark.parametrize(
    ("asked", "words"), [("1.25", "too old"), ("1.99", "no release"), ("x", "no release")]
)
def test_go_that_cannot_be_had_is_refused(asked: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        fit(replace(PINS, asked_minor=asked), FACTS)


def test_impossible_triple_is_explained_and_mended() -> None:
    """Orchestrion v0.18.0 with golang:1.22: neither can stay, and both reasons are said."""
    pins = replace(
        PINS, go="go1.22.12", golang="golang:1.22-bookworm@sha256:" + "d" * 64, orchestrion="v0.18.0"
    )
    found = fit(pins, FACTS)
    after = by_name(found)
    assert after["go"].after == "go1.27.4"
    assert "Go 1.22 is out of support" in after["go"].why
    assert "tool lines in go.mod came with Go 1.24" in after["go"].why
    assert after["orchestrion"].after == "v1.16.0"
    assert "v0.18.0 was never published" in after["orchestrion"].why
    assert not found.problems


def test_minor_without_a_bookworm_image_falls_back_to_the_older_supported_one() -> None:
    pins = replace(PINS, go="go1.25.14", golang="golang:1.25-bookworm@sha256:" + "d" * 64)
    facts = replace(FACTS, golang={**FACTS.golang, "1.27-bookworm": None})
    found = by_name(fit(replace(pins, orchestrion="v1.13.1"), facts))
    assert found["go"].after == "go1.26.9"
    assert "golang:1.27-bookworm is not there" in found["go"].held_by
    assert found["orchestrion"].after == "v1.15.0"


def test_what_cannot_be_satisfied_is_a_problem_with_its_reason() -> None:
    pins = replace(PINS, floors=(Floor(go="1.27.1", reason="go.mod says go 1.27.1"),))
    facts = replace(FACTS, golang={"1.26-bookworm": FACTS.golang["1.26-bookworm"], "1.27-bookworm": None})
    found = fit(pins, facts)
    assert by_name(found)["go"].after == "go1.26.8"
    (problem,) = found.problems
    assert problem == "go.mod says go 1.27.1, and Go stays at go1.26.8 (golang:1.27-bookworm is not there)"


def test_exact_tag_follows_the_chosen_go_and_waits_for_its_image() -> None:
    pins = replace(PINS, golang="golang:1.26.8-bookworm@sha256:" + "a" * 64)
    assert builder_tags(pins, FACTS) == ("1.26.11-bookworm", "1.26.9-bookworm", "1.26.8-bookworm")
    facts = replace(
        FACTS,
        golang={"1.26.11-bookworm": None, "1.26.9-bookworm": GolangImage(digest="sha256:" + "e" * 64, go="")},
    )
    found = by_name(fit(pins, facts))
    assert found["go"].after == "go1.26.9"
    assert found["images.golang"].after.startswith("golang:1.26.9-bookworm@sha256:e")
    assert "golang:1.26.11-bookworm is not there" in found["go"].held_by


def test_image_that_lies_about_its_tag_is_not_taken() -> None:
    lies = {"1.26-bookworm": GolangImage(digest="sha256:" + "e" * 64, go="go1.25.14")}
    found = by_name(fit(PINS, replace(FACTS, golang=lies)))
    assert found["images.golang"].after == PINS.golang
    assert "golang:1.26-bookworm holds go1.25.14" in found["images.golang"].held_by
    silent = {"1.26-bookworm": GolangImage(digest="sha256:" + "e" * 64, go="")}
    found = by_name(fit(PINS, replace(FACTS, golang=silent)))
    assert "does not say which Go it holds" in found["go"].held_by


NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
WAITING = replace(PINS, cool_down=CoolDown(days=3, now=NOW))


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def test_release_that_is_too_young_waits_and_an_older_one_is_taken() -> None:
    releases = {
        "syft": (
            Release(version="v1.57.0", needs_go="1.26.8"),
            Release(version="v1.57.1", needs_go="1.26.8", published=days_ago(3)),
            Release(version="v1.58.0", needs_go="1.26.8", published=days_ago(2.9)),
            Release(version="v1.59.0", needs_go="1.27.0", published=days_ago(1)),
        )
    }
    found = by_name(fit(WAITING, replace(FACTS, releases=releases)))["tools.syft"]
    assert found.after == "v1.57.1"
    assert found.why == "the newest of 3 days or more, needs Go 1.26.8"
    assert found.held_by == "v1.59.0 is 24 hours old (--min-release-age 3)"
    at_once = by_name(fit(PINS, replace(FACTS, releases=releases)))["tools.syft"]
    assert at_once.after == "v1.58.0"
    assert at_once.held_by == "v1.59.0 needs Go 1.27.0, and go1.26.9 is pinned"


def test_go_that_is_too_young_waits_with_its_image() -> None:
    facts = replace(FACTS, go_published={"1.26.9": days_ago(2), "1.26.11": days_ago(0)})
    found = by_name(fit(WAITING, facts))
    assert (found["go"].after, found["images.golang"].after) == (PINS.go, PINS.golang)
    words = "golang:1.26-bookworm holds go1.26.9 now, and go1.26.9 is 2 days old (--min-release-age 3)"
    assert found["images.golang"].held_by == found["go"].held_by == words
    exact = replace(WAITING, golang="golang:1.26.8-bookworm@sha256:" + "a" * 64)
    patches = replace(facts, go_published={"1.26.11": days_ago(0)})
    image = GolangImage(digest="sha256:" + "e" * 64, go="go1.26.9", created=days_ago(9))
    patches = replace(patches, golang={"1.26.9-bookworm": image})
    found = by_name(fit(exact, patches))
    assert found["go"].after == "go1.26.9"
    assert "go1.26.11 is 0 hours old" in found["go"].held_by


def test_image_that_was_made_a_moment_ago_waits_and_the_pinned_one_is_not_asked() -> None:
    young = GolangImage(digest="sha256:" + "b" * 64, go="go1.26.9", created=days_ago(1.5))
    found = by_name(fit(WAITING, replace(FACTS, golang={"1.26-bookworm": young})))
    assert found["images.golang"].after == PINS.golang
    assert found["go"].held_by == "golang:1.26-bookworm is 36 hours old (--min-release-age 3)"
    pinned = replace(WAITING, go="go1.26.9", golang=f"golang:1.26-bookworm@{young.digest}")
    assert not by_name(fit(pinned, replace(FACTS, golang={"1.26-bookworm": young})))["go"].has_moved
    timeless = replace(young, created=None)
    found = by_name(fit(WAITING, replace(FACTS, golang={"1.26-bookworm": timeless})))
    assert found["images.golang"].why.endswith("says so; how long it has been out is not known")


def test_go_that_is_needed_or_asked_for_and_too_young_is_told() -> None:
    facts = replace(FACTS, go_published={"1.27.0": days_ago(2), "1.27.4": days_ago(1)})
    with pytest.raises(ConfigError, match=r"go1\.27\.4 is 24 hours old") as caught:
        fit(replace(WAITING, asked_minor="1.27"), facts)
    assert "--min-release-age 0" in caught.value.hint
    floor = Floor(go="1.27.0", reason="go.mod says go 1.27.0")
    (problem,) = fit(replace(WAITING, floors=(floor,)), facts).problems
    assert "go.mod says go 1.27.0, and Go stays at go1.26.8 (go1.27.4 is 24 hours old" in problem


def test_groups_that_are_left_out_stay_and_hold_the_others() -> None:
    only_go = by_name(fit(replace(PINS, groups=frozenset({Group.GO})), FACTS))
    assert set(only_go) == {"go", "orchestrion"}
    assert "--only leaves images out" in only_go["go"].held_by
    only_images = by_name(fit(replace(PINS, groups=frozenset({Group.IMAGES})), FACTS))
    assert set(only_images) == {"images.golang"}
    assert "holds go1.26.9 now, and --only keeps go1.26.8" in only_images["images.golang"].held_by


def test_settings_decide_about_orchestrion() -> None:
    found = fit(replace(PINS, fixed_orchestrion="v1.13.1"), FACTS)
    assert by_name(found)["orchestrion"].after == "v1.13.1"
    found = fit(replace(PINS, fixed_orchestrion="v0.18.0"), FACTS)
    assert any("v0.18.0 was never published" in problem for problem in found.problems)


def test_tag_that_names_no_go_is_held() -> None:
    found = by_name(fit(replace(PINS, golang="example.com/builder:stable@sha256:" + "a" * 64), FACTS))
    assert "does not name a Go release" in found["go"].held_by
    assert not found["go"].has_moved


@pytest.mark.parametrize(
    ("version", "expected"),
    [("go1.26.8-X:nodwarf5", "go1.26.8"), ("go1.26.8", "go1.26.8"), ("devel", "devel")],
)
def test_go_with_experiments_is_its_release(version: str, expected: str) -> None:
    assert canonical_go(version) == expected


GO_NUMBERS = st.tuples(st.integers(22, 29), st.integers(0, 4))
GO_NAMES = GO_NUMBERS.map(lambda found: f"1.{found[0]}.{found[1]}")
RELEASES = st.lists(
    st.builds(
        Release,
        version=st.builds(
            lambda minor, patch, tail: f"v1.{minor}.{patch}{tail}",
            st.integers(0, 6),
            st.integers(0, 2),
            st.sampled_from(["", "", "-rc.1"]),
        ),
        needs_go=st.one_of(st.just(""), GO_NAMES),
    ),
    unique_by=lambda release: release.version,
    max_size=8,
).map(tuple)


@st.composite
def situations(draw: st.DrawFn) -> tuple[GoPins, GoFacts]:
    """Pins and a world around them; the pins may be as odd as hands can make them."""
    versions = draw(st.lists(GO_NAMES, unique=True, max_size=14))
    go = draw(GO_NAMES)
    tag = draw(st.sampled_from(["", go, go.rpartition(".")[0], draw(GO_NAMES)]))
    pins = GoPins(
        go=f"go{go}",
        golang=f"golang:{tag}-bookworm@sha256:{'a' * 64}" if tag else "",
        orchestrion=draw(st.sampled_from(["", "v0.18.0", "v1.3.0", "v1.2.1-rc.1"])),
        tools={"syft": draw(st.sampled_from(["v1.0.0", "v1.3.1"]))},
        floors=tuple(Floor(go=floor, reason="r") for floor in draw(st.lists(GO_NAMES, max_size=2))),
        groups=frozenset(draw(st.sets(st.sampled_from(list(Group))))),
    )
    facts = GoFacts(
        go_versions=tuple(versions),
        releases={"orchestrion": draw(RELEASES), "syft": draw(RELEASES)},
    )
    golang = {
        name: draw(
            st.one_of(
                st.none(),
                st.builds(
                    GolangImage,
                    digest=st.just("sha256:" + "b" * 64),
                    go=st.one_of(st.just(""), GO_NAMES.map("go{}".format)),
                ),
            )
        )
        for name in builder_tags(pins, facts)
    }
    return pins, replace(facts, golang=golang)


@settings(max_examples=600, deadline=None)
@given(situations())
def test_result_fits_or_says_why_not_and_nothing_moves_backwards(found: tuple[GoPins, GoFacts]) -> None:
    pins, facts = found
    result = fit(pins, facts)
    after = by_name(result)
    go = go_numbers(after["go"].after if "go" in after else pins.go)
    pinned = go_numbers(pins.go)
    assert go is not None
    assert pinned is not None
    assert go >= pinned
    for proposal in result.proposals:
        assert proposal.group in pins.groups
        if proposal.group is Group.TOOLS or proposal.name == "orchestrion":
            key = proposal.name.removeprefix("tools.")
            assert order_key(proposal.after) >= order_key(proposal.before)
            if proposal.has_moved:
                (release,) = [one for one in facts.releases[key] if one.version == proposal.after]
                assert (go_numbers(release.needs_go) or (0, 0, 0)) <= go
                assert is_prerelease(proposal.before) or not is_prerelease(proposal.after)
                assert proposal.why
        if proposal.has_moved:
            assert proposal.why or proposal.held_by, proposal
    image = after.get("images.golang")
    if image is not None and image.has_moved:
        tag = image.after.removeprefix("golang:").partition("@")[0]
        told = facts.golang[tag]
        assert told is not None
        inside = go_numbers(told.go) or go_numbers(tag.removesuffix("-bookworm"))
        assert inside == go
    elif pins.golang and Group.GO in pins.groups:
        assert go == pinned
    if Group.GO in pins.groups and not result.problems:
        assert all((go_numbers(floor.go) or ()) <= go for floor in pins.floors)
    newest = {one[:2] for name in facts.go_versions if (one := go_numbers(name))}
    if go != pinned and go[:2] != pinned[:2]:
        assert go[:2] in sorted(newest)[-2:]
