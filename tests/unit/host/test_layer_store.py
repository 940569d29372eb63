"""Layers that were unpacked before: kept the second time, whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seatrial.host import layer_store
from seatrial.host.layer_store import LayerStore

FIRST, SECOND = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def keep(store: LayerStore, diff_id: str, content: bytes) -> None:
    keeper = store.keeper(diff_id)
    assert keeper is not None
    keeper.write(content)
    keeper.close(is_right=True)


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} - {"seen"}


def test_a_layer_is_kept_when_it_comes_again(tmp_path: Path) -> None:
    store = LayerStore(tmp_path / "layers")
    assert store.keeper(FIRST) is None
    keep(store, FIRST, b"tar")
    stream = store.open(FIRST)
    assert stream is not None
    with stream:
        assert stream.read() == b"tar"
    assert store.open(SECOND) is None


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
    monkeypatch.setattr(layer_store, "_MOST_BYTES", 10)
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
