"""The tags that git and CI give an image: legal whatever a branch is called, and told apart."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.model.tagging import GitNames
from seatrial.tags import image_tags, legal_tag

LEGAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
NAMES = GitNames(
    commit="0123456789abcdef0123456789abcdef01234567",
    directory="",
    branch="",
    default_branch="",
    tags_here=(),
    tags=(),
    described="0123456789ab",
    is_dirty=False,
    is_shallow=False,
)


def tagged(version: str, *others: str, directory: str = "") -> tuple[str, ...]:
    names = replace(NAMES, tags=(version, *others), directory=directory)
    return image_tags(names, {"GITHUB_REF": f"refs/tags/{version}"}).tags


def test_newest_release_has_all_its_tags() -> None:
    assert tagged("v1.4.2", "v1.4.1", "v1.3.9", "v0.9.0") == ("1.4.2", "1.4", "1", "latest")


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (("v2.0.0",), ("1.4.2", "1.4", "1")),
        (("v1.10.0",), ("1.4.2", "1.4")),
        (("v1.4.10",), ("1.4.2",)),
        (("v2.0.0-rc.1",), ("1.4.2", "1.4", "1", "latest")),
        (("v9", "v9.0", "nightly", "v9.0.0.1", "9.0.0"), ("1.4.2", "1.4", "1", "latest")),
        (("svc/v9.0.0",), ("1.4.2", "1.4", "1", "latest")),
    ],
)
def test_older_release_moves_no_tag_back(others: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert tagged("v1.4.2", *others) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("v1.5.0-rc.1", ("1.5.0-rc.1",)),
        ("v1.4.2+build.5", ("1.4.2_build.5",)),
        ("v0.4.2", ("0.4.2", "0.4", "latest")),
    ],
)
def test_pre_release_build_and_zero_versions(tag: str, expected: tuple[str, ...]) -> None:
    assert tagged(tag) == expected


@pytest.mark.parametrize("tag", ["v1.4", "1.4.2", "v01.4.2", "v1.4.2-", "v1.4.²", "latest", "other/v1.4.2"])
def test_other_tags_are_names_and_never_releases(tag: str) -> None:
    (found,) = tagged(tag)
    assert LEGAL.fullmatch(found)
    assert not re.fullmatch(r"[0-9.]+|latest", found)


def test_tag_of_a_directory_counts_its_own_releases_only() -> None:
    assert tagged("svc/v1.0.0", "v2.0.0", "svc/v0.9.0", directory="services/svc/") == (
        *("1.0.0", "1.0", "1", "latest"),
    )
    assert tagged("svc/v1.0.0", directory="mysvc/") == ("svc-v1.0.0-" + legal_tag("svc/v1.0.0")[-8:],)


def test_own_tag_comes_before_the_repository_s_on_one_commit() -> None:
    names = replace(NAMES, tags_here=("v9.0.0", "svc/v1.0.0"), directory="svc/", branch="main")
    assert image_tags(names, {}).tags[0] == "1.0.0"
    assert image_tags(replace(names, directory=""), {}).tags[0] == "9.0.0"


def test_shallow_clone_gives_only_what_it_knows_and_says_so() -> None:
    names = replace(NAMES, tags=("v1.4.2",), is_shallow=True)
    found = image_tags(names, {"CI_COMMIT_TAG": "v1.4.2"})
    assert found.tags == ("1.4.2",)
    assert "shallow" in found.warnings[0]


def test_changed_files_are_in_every_tag_and_stay_here() -> None:
    found = image_tags(replace(NAMES, tags_here=("v1.4.2",), is_dirty=True), {})
    assert (found.tags, found.version) == (("1.4.2-dirty",), "1.4.2-dirty")
    assert not found.is_pushable
    assert image_tags(replace(NAMES, tags_here=("v1.4.2",)), {}).is_pushable


@pytest.mark.parametrize(
    ("env", "tags"),
    [
        ({"GITHUB_REF": "refs/pull/7/merge", "GITHUB_EVENT_NAME": "pull_request"}, ("pr-7",)),
        ({"GITHUB_REF": "refs/heads/main", "GITHUB_EVENT_NAME": "pull_request_target"}, ("pr-target",)),
        ({"CI_MERGE_REQUEST_IID": "7", "CI_COMMIT_SHA": NAMES.commit}, ("pr-7",)),
    ],
)
def test_pull_request_is_never_pushed(env: dict[str, str], tags: tuple[str, ...]) -> None:
    found = image_tags(replace(NAMES, tags_here=("v1.4.2",), branch="main"), env)
    assert found.tags == tags
    assert not found.is_pushable


def test_default_branch_is_what_ci_or_the_clone_says() -> None:
    edge = ("edge", "sha-0123456789ab")
    trunk = replace(NAMES, branch="trunk")
    assert image_tags(trunk, {}).tags == ("trunk",)
    assert image_tags(replace(trunk, default_branch="trunk"), {}).tags == edge
    assert image_tags(trunk, {"CI_DEFAULT_BRANCH": "trunk"}).tags == edge
    assert image_tags(replace(trunk, branch="main"), {"DEFAULT_BRANCH": "trunk"}).tags == ("main",)
    assert image_tags(replace(trunk, branch="master"), {}).tags == edge


def test_ci_s_word_counts_before_the_checkout_s() -> None:
    here = replace(NAMES, tags_here=("v1.4.2",), branch="main", tags=("v1.4.2",))
    assert image_tags(here, {}).tags == ("1.4.2", "1.4", "1", "latest")
    assert image_tags(here, {"GITHUB_REF": "refs/heads/topic"}).tags == ("topic",)


def test_detached_head_is_its_commit() -> None:
    assert image_tags(NAMES, {}).tags == ("sha-0123456789ab",)


@pytest.mark.parametrize(
    "name", ["latest", "edge", "1.4", "2024-fix", "pr-7", "sha-abc", "x-dirty", "a-0123abcd"]
)
def test_branch_called_like_another_kind_of_tag_is_hashed(name: str) -> None:
    assert legal_tag(name) != name
    assert LEGAL.fullmatch(legal_tag(name))


ANY_BYTES = st.binary(min_size=1, max_size=140).map(lambda data: data.decode(errors="surrogateescape"))


@given(st.text(min_size=1) | ANY_BYTES, st.text(min_size=1) | ANY_BYTES)
def test_any_name_is_legal_and_two_names_are_two_tags(one: str, two: str) -> None:
    for name in (one, two):
        assert LEGAL.fullmatch(legal_tag(name) + "-dirty")
    assert (legal_tag(one) == legal_tag(two)) == (one == two)


@given(st.lists(st.tuples(*[st.integers(0, 12)] * 3), min_size=1))
def test_latest_is_given_to_one_release_of_any_history(numbers: list[tuple[int, int, int]]) -> None:
    tags = [f"v{a}.{b}.{c}" for a, b, c in numbers]
    holders = {tag for tag in tags if "latest" in tagged(tag, *tags)}
    assert holders == {"v{}.{}.{}".format(*max(numbers))}
