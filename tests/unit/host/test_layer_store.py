"""Layers that were unpacked before: kept the second time, whole or not at all."""

from __future__ import annotations

import os
import tarfile
import tempfile
from pathlib import Path

import pytest

from seatrial.errors import FormatError
from seatrial.host import layer_store
from seatrial.host.layer_store import LayerStore

FIRST, SECOND = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def keep(store: LayerStore, diff_id: str, content: bytes) -> None:
    keeper = store.keeper(diff_id)
    assert keeper is not None
    keeper.write(content)
    member = tarfile.TarInfo("etc/caf\udce9")
    member.size, member.mode, member.uid, member.gid = len(content) - 1, 0o4711, 7, 8
    keeper.note(member, 1)
    keeper.close(is_right=True)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} - {"seen"}


def test_a_layer_is_kept_when_it_comes_again(tmp_path: Path) -> None:
    store = LayerStore(tmp_path / "layers")
    assert store.keeper(FIRST) is None
    keep(store, FIRST, b"tar")
    found = store.open(FIRST)
    assert found is not None
    with found, tempfile.TemporaryFile() as content:
        (member,) = found
        found.copy(content)
        content.seek(0)
        assert content.read() == b"ar"
    assert (member.name, member.mode, member.uid, member.gid) == ("etc/caf\udce9", 0o4711, 7, 8)
    assert store.open(SECOND) is None


@pytest.mark.parametrize("damage", ["", "cut", "other", "far"])
def test_a_file_that_is_not_as_it_was_written_is_no_layer(tmp_path: Path, damage: str) -> None:
    store = LayerStore(tmp_path)
    store.keeper(FIRST)
    keep(store, FIRST, b"tar")
    path = tmp_path / f"{'1' * 64}.tar"
    content = path.read_bytes()
    changed = {
        "": b"",
        "cut": content[:-1],
        "other": content[:-1] + b"\0",
        "far": content.replace(b'"", 1]', b'"", 9]'),
    }[damage]
    assert changed != content
    path.write_bytes(changed)
    assert store.open(FIRST) is None
    assert not path.exists()
    keep(store, FIRST, b"tar")
    assert path.read_bytes() == content


def test_a_file_in_pieces_is_not_kept(tmp_path: Path) -> None:
    store = LayerStore(tmp_path)
    store.keeper(FIRST)
    keeper = store.keeper(FIRST)
    assert keeper is not None
    keeper.write(b"tar")
    keeper.note(tarfile.TarInfo("sparse"), None)
    keeper.close(is_right=True)
    assert names(tmp_path) == set()


def test_a_layer_that_shrinks_while_it_is_unpacked_is_told(tmp_path: Path) -> None:
    store = LayerStore(tmp_path)
    store.keeper(FIRST)
    keep(store, FIRST, b"tar")
    found = store.open(FIRST)
    assert found is not None
    os.truncate(tmp_path / f"{'1' * 64}.tar", 0)
    with found, tempfile.TemporaryFile() as content:
        assert len(list(found)) == 1
        with pytest.raises(FormatError, match="cut short"):
            found.copy(content)


def test_what_was_not_right_leaves_nothing(tmp_path: Path) -> None:
    store = LayerStore(tmp_path)
    store.keeper(FIRST)
    keeper = store.keeper(FIRST)
    assert keeper is not None
    keeper.write(b"half")
    keeper.close(is_right=False)
    assert store.open(FIRST) is None
    assert names(tmp_path) == set()


@pytest.mark.parametrize("diff_id", ["", "sha256:../../etc/passwd", "sha512:" + "1" * 64])
def test_no_other_name_is_taken(tmp_path: Path, diff_id: str) -> None:
    store = LayerStore(tmp_path)
    assert store.keeper(diff_id) is None
    assert store.keeper(diff_id) is None
    assert store.open(diff_id) is None
    assert names(tmp_path) == set()


def test_what_was_used_longest_ago_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_store, "_MOST_BYTES", 100)
    store = LayerStore(tmp_path)
    for age_s, diff_id in ((100, FIRST), (50, SECOND)):
        store.keeper(diff_id)
        keep(store, diff_id, b"12345678")
        path = tmp_path / f"{diff_id.removeprefix('sha256:')}.tar"
        os.utime(path, ns=(0, path.stat().st_mtime_ns - age_s * 10**9))
    store.forget_old()
    assert names(tmp_path) == {"2" * 64 + ".tar"}


def test_a_place_that_cannot_be_written_to_only_costs_time(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("")
    store = LayerStore(place)
    assert store.keeper(FIRST) is None
    assert store.keeper(FIRST) is None
    assert store.open(FIRST) is None
    store.forget_old()
