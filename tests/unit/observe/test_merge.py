"""Layers on layers: replacing, whiteouts, links in the way."""

from __future__ import annotations

import base64
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.observe.merge import MergedPaths


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 1) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type = kind
    found.linkname = link
    found.size = size if kind == tarfile.REGTYPE else 0
    return found


def directory(name: str) -> tarfile.TarInfo:
    return member(name, tarfile.DIRTYPE)


def link(name: str, target: str) -> tarfile.TarInfo:
    return member(name, tarfile.SYMTYPE, target)


def merge(*layers: list[tarfile.TarInfo]) -> MergedPaths:
    merged = MergedPaths()
    for number, layer in enumerate(layers):
        for item in layer:
            merged.add(item, number)
    return merged


def names(merged: MergedPaths) -> dict[str, int]:
    return {fact.path: fact.layer for fact in merged.paths()}


def test_later_layer_replaces() -> None:
    merged = merge([directory("./etc/"), member("./etc/a"), member("/etc/b")], [member("etc/a", size=9)])
    assert names(merged) == {"etc": 0, "etc/a": 1, "etc/b": 0}
    found = merged.get("etc/a")
    assert found is not None
    assert found.size_bytes == 9


def test_whiteout_removes_a_path_and_all_below_it() -> None:
    merged = merge([directory("a"), directory("a/b"), member("a/b/c"), member("a/d")], [member("a/.wh.b")])
    assert names(merged) == {"a": 0, "a/d": 0}


def test_whiteout_spares_its_own_layer_in_any_order() -> None:
    lower = [directory("a"), member("a/old")]
    for upper in ([member("a/new"), member(".wh.a")], [member(".wh.a"), directory("a"), member("a/new")]):
        assert "a/old" not in names(merge(lower, upper))
        assert names(merge(lower, upper))["a/new"] == 1


def test_opaque_whiteout_hides_what_the_directory_held() -> None:
    lower = [directory("a"), member("a/old"), directory("a/b"), member("a/b/c")]
    merged = merge(lower, [member("a/new"), member("a/.wh..wh..opq")])
    assert names(merged) == {"a": 0, "a/new": 1}
    assert names(merge(lower, [member(".wh..wh..opq")])) == {}


def test_notes_of_aufs_are_no_whiteouts() -> None:
    assert names(merge([member("plnk")], [member(".wh..wh.plnk")])) == {"plnk": 0}


def test_file_in_place_of_a_directory_ends_what_was_below() -> None:
    assert names(merge([directory("a"), member("a/b")], [member("a")])) == {"a": 1}
    assert names(merge([member("a")], [directory("a"), member("a/b")])) == {"a": 1, "a/b": 1}


def test_directory_again_keeps_what_is_below() -> None:
    assert names(merge([directory("a"), member("a/b")], [directory("a")])) == {"a": 1, "a/b": 0}


def test_member_below_a_link_lies_where_the_link_leads() -> None:
    lower = [directory("usr"), directory("usr/lib"), link("lib", "usr/lib"), link("abs", "/usr/lib")]
    merged = merge(lower, [member("lib/x"), member("abs/y"), member("lib/.wh.z")])
    assert {"usr/lib/x", "usr/lib/y"} <= set(names(merged))
    assert "lib/x" not in names(merged)


def test_paths_are_resolved_inside_the_root() -> None:
    merged = merge([link("up", "../../../etc"), directory("etc"), member("etc/x"), link("loop", "loop")])
    assert merged.resolve("up/x") == "etc/x"
    assert merged.resolve("loop/x") is None
    assert merged.resolve("../../etc/./x") == "etc/x"


def test_member_below_a_file_or_a_loop_is_a_problem() -> None:
    merged = merge([member("a"), member("a/b"), link("loop", "loop"), member("loop/x")], [member("a/c")])
    assert names(merged) == {"a": 0, "loop": 0}
    assert len(merged.problems) == 3


def test_path_that_climbs_out_is_a_problem_not_a_path() -> None:
    merged = merge([member("../evil"), member("a/../../b"), member("fine")])
    assert names(merged) == {"fine": 0}
    assert len(merged.problems) == 2


@pytest.mark.parametrize(
    ("uid", "mode", "count"), [(0, 0o755, 0), (0, 0o1777, 0), (0, 0o777, 1), (65532, 0o755, 1)]
)
def test_root_directory_that_others_may_change_is_a_problem(uid: int, mode: int, count: int) -> None:
    root = directory("./")
    root.uid, root.mode = uid, mode
    merged = merge([root, member("server")])
    assert names(merged) == {"server": 0}
    assert len(merged.problems) == count


kinds = st.sampled_from((tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE))
parts = st.sampled_from(("a", "b", "c", ".wh.a", ".wh.b", ".wh..wh..opq"))
members = st.builds(
    member,
    st.lists(parts, min_size=1, max_size=4).map("/".join),
    kinds,
    st.lists(st.sampled_from(("a", "b", "..", "/")), max_size=3).map("/".join),
)


@given(st.lists(st.lists(members, max_size=8), max_size=4))
def test_whatever_the_layers_the_result_is_a_tree(layers: list[list[tarfile.TarInfo]]) -> None:
    merged = merge(*layers)
    facts = {fact.path: fact for fact in merged.paths()}
    assert list(facts) == sorted(facts)
    for path in facts:
        above = path.rpartition("/")[0]
        while above:
            assert above not in facts or facts[above].kind == "directory"
            above = above.rpartition("/")[0]


def device(name: str, major: int, minor: int, kind: bytes = tarfile.CHRTYPE) -> tarfile.TarInfo:
    found = member(name, kind)
    found.devmajor, found.devminor = major, minor
    return found


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([[member("a"), member("a")]], "'a' is there twice"),
        ([[directory("a"), member("a")]], "'a' is there twice"),
        ([[member("../etc/passwd")]], "climbs out"),
        ([[member("a"), member("a/b")]], "lies below something that is no directory"),
        ([[member("hard", tarfile.LNKTYPE, "nothing")]], "hard link to 'nothing'"),
        ([[member("hard", tarfile.LNKTYPE, "../../etc/shadow")]], "climbs out"),
        ([[device("dev/sda", 8, 0, tarfile.BLKTYPE)]], "'dev/sda' is a device (8, 0)"),
        ([[device("dev/null", 1, 1)]], "'dev/null' is a device (1, 1)"),
    ],
)
def test_what_engines_may_take_otherwise_is_a_problem(
    layers: list[list[tarfile.TarInfo]], words: str
) -> None:
    (problem,) = merge(*layers).problems
    assert words in problem


def test_clean_layers_have_no_problems() -> None:
    lower = [directory("etc/"), directory("etc/"), member("etc/a"), device("dev/null", 1, 3)]
    upper = [member("etc/.wh.a"), member("etc/b"), member("etc/c", tarfile.LNKTYPE, "etc/b"), member("etc/a")]
    merged = merge(lower, upper, [directory("new"), member("new/.wh..wh..opq")])
    assert (merged.problems, merged.oddities) == ([], [])


@pytest.mark.parametrize("name", ["/etc/a", ".wh.gone"])
def test_what_all_engines_take_alike_is_only_odd(name: str) -> None:
    merged = merge([member("b")], [member(name)])
    assert merged.problems == []
    assert len(merged.oddities) == 1


def test_hard_link_through_a_linked_directory_finds_its_file() -> None:
    merged = merge([directory("usr/bin"), link("bin", "usr/bin"), member("usr/bin/a")])
    merged.add(member("b", tarfile.LNKTYPE, "bin/a"), 1)
    found = merged.get("b")
    assert found is not None
    assert (found.link_target, merged.problems) == ("usr/bin/a", [])


CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")


@pytest.mark.parametrize(
    "headers",
    [
        {"SCHILY.xattr.security.capability": CAPABILITY.decode(errors="surrogateescape")},
        {"LIBARCHIVE.xattr.security.capability": base64.b64encode(CAPABILITY).decode().rstrip("=")},
    ],
)
def test_file_capabilities_and_times_are_kept(headers: dict[str, str]) -> None:
    ping = member("ping")
    ping.pax_headers = headers
    ping.mtime = 1_700_000_000
    found = merge([ping]).get("ping")
    assert found is not None
    assert (found.capabilities, found.mtime_epoch_s) == (CAPABILITY.hex(), 1_700_000_000)
