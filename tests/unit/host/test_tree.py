"""Files that a service reads at run time become entries: the same ones, whatever the day and the owner."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import ConfigError
from seatrial.formats.tarball import write_layer
from seatrial.host.tree import paths_below, read_entries
from seatrial.model.image import EntryKind


def test_directory_brings_all_below_it_and_its_parents(tmp_path: Path) -> None:
    tree = tmp_path / "web" / "css"
    tree.mkdir(parents=True)
    (tree / "a.css").write_text("a")
    (tree / "run.sh").write_text("#!")
    (tree / "run.sh").chmod(0o4711)
    (tmp_path / "web" / "latest").symlink_to("css")
    (tmp_path / "web" / ".git").mkdir()
    (tmp_path / "web" / ".git" / "HEAD").write_text("ref")
    entries = read_entries((("/srv/app", "web"),), tmp_path, mtime_epoch_s=7)
    found = {entry.path: (entry.kind, entry.mode) for entry in entries}
    assert found == {
        "srv": (EntryKind.DIRECTORY, 0o755),
        "srv/app": (EntryKind.DIRECTORY, 0o755),
        "srv/app/css": (EntryKind.DIRECTORY, 0o755),
        "srv/app/css/a.css": (EntryKind.FILE, 0o644),
        "srv/app/css/run.sh": (EntryKind.FILE, 0o755),
        "srv/app/latest": (EntryKind.SYMLINK, 0o777),
    }
    assert {entry.mtime_epoch_s for entry in entries} == {7}
    write_layer(entries, tmp_path / "layer.tar.gz")  # parents are complete


def test_two_places_may_share_a_parent(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    entries = read_entries((("/etc/svc/a", "a"), ("/etc/svc/b", "b")), tmp_path, mtime_epoch_s=0)
    assert sorted(entry.path for entry in entries) == ["etc", "etc/svc", "etc/svc/a", "etc/svc/b"]


@pytest.mark.parametrize(
    ("source", "words"), [("nothere", "there is no"), ("../x", "outside"), ("/etc", "outside")]
)
def test_what_cannot_be_taken_is_named(tmp_path: Path, source: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_entries((("/srv", source),), tmp_path, mtime_epoch_s=0)


def test_a_file_that_appears_is_watched_by_its_directory(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "x").write_text("x")
    assert paths_below((("/web", "web"),), tmp_path) == (tmp_path / "web", tmp_path / "web/x")
