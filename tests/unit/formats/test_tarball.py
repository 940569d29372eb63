"""The layer writer: the same bytes always, read back by tarfile and gzip, and nothing unsafe."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import FormatError, MachineError, OutputError, SeatrialError
from seatrial.formats.layer_memo import recall_layer, remember_layer
from seatrial.formats.tarball import LAYER_GZIP, sort_entries, write_layer
from seatrial.model.image import Entry, EntryKind


def directory(path: str, mode: int = 0o755) -> Entry:
    return Entry(path=path, kind=EntryKind.DIRECTORY, mode=mode)


def file(path: str, content: bytes | Path = b"x", mode: int = 0o644) -> Entry:
    return Entry(path=path, kind=EntryKind.FILE, mode=mode, content=content)


def symlink(path: str, target: str) -> Entry:
    return Entry(path=path, kind=EntryKind.SYMLINK, mode=0o777, link_target=target)


LONG = "d" * 120
SAMPLE = (
    directory("etc"),
    replace(file("etc/motd", b"hello\n", 0o640), uid=3_000_000, gid=7, mtime_epoch_s=1_700_000_000),
    directory("tmp", 0o1777),
    directory(LONG),
    file(f"{LONG}/\u00e9", b""),
    symlink("etc/long", "t" * 150),
    symlink("etc/short", "motd"),
)


def read_back(path: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(path.read_bytes())), mode="r:") as archive:
        return {member.name: member for member in archive}


def test_tarfile_reads_back_what_was_written(tmp_path: Path) -> None:
    layer = write_layer(SAMPLE, tmp_path / "layer", comment="sample")
    members = read_back(layer.path)
    assert sorted(members) == sorted(entry.path for entry in SAMPLE)
    motd = members["etc/motd"]
    assert (motd.uid, motd.gid, motd.mode, motd.mtime, motd.size) == (3_000_000, 7, 0o640, 1_700_000_000, 6)
    assert members["tmp"].mode == 0o1777
    assert members["tmp"].isdir()
    assert members["etc/long"].linkname == "t" * 150
    assert members["etc/short"].issym()


def test_layer_says_what_the_blob_holds(tmp_path: Path) -> None:
    layer = write_layer(SAMPLE, tmp_path / "layer", comment="sample")
    blob = layer.path.read_bytes()
    tar = gzip.decompress(blob)
    assert layer.digest == "sha256:" + hashlib.sha256(blob).hexdigest()
    assert layer.diff_id == "sha256:" + hashlib.sha256(tar).hexdigest()
    assert (layer.size_bytes, layer.tar_bytes, layer.content_bytes) == (len(blob), len(tar), 6)
    assert (layer.media_type, layer.comment) == (LAYER_GZIP, "sample")


def test_bytes_are_pinned(tmp_path: Path) -> None:
    # A change here changes every layer digest: the diff_id must never move, the digest only with isal.
    layer = write_layer(SAMPLE, tmp_path / "layer")
    assert layer.diff_id == "sha256:8ab69470520d1de22f5ed29822b245633f12f75f1524f9de7f9c2fe31e3ea733"
    # The message holds the bytes: once, in a whole run, they were others (docs/decisions/isal.md).
    pinned = "sha256:a72087cf58f7e1c50b4b72476370f1755781340026a66e6b58c0ac88a282da36"
    assert layer.digest == pinned, base64.b64encode(layer.path.read_bytes()).decode()


def test_a_used_encoder_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    # The encoder's tables are memory that an earlier one has used: what is left there must not be read.
    fresh = write_layer(SAMPLE, tmp_path / "fresh").digest
    for size in (700, 9_000, 33_000, 300_000, (1 << 20) + 1):
        write_layer([file("noise", os.urandom(size // 2) + bytes(size // 2))], tmp_path / "noise")
        write_layer(
            [file("text", b"".join(b"%d\n" % number for number in range(size // 6)))], tmp_path / "text"
        )
        assert write_layer(SAMPLE, tmp_path / "again").digest == fresh


def test_order_and_source_of_content_do_not_matter(tmp_path: Path) -> None:
    body = os.urandom(300_000) * 12
    (tmp_path / "body").write_bytes(body)
    one = write_layer([*SAMPLE, file("etc/body", body)], tmp_path / "one")
    two = write_layer([file("etc/body", tmp_path / "body"), *reversed(SAMPLE)], tmp_path / "two")
    assert one.path.read_bytes() == two.path.read_bytes()
    assert gzip.decompress(one.path.read_bytes()).count(body) == 1


@pytest.mark.parametrize("size", [0, 1, 511, 512, (1 << 20) - 1536, (1 << 20) - 512, 1 << 20, (4 << 20) + 1])
def test_sizes_around_the_block(tmp_path: Path, size: int) -> None:
    body = bytes(range(256)) * (size // 256) + b"." * (size % 256)
    (tmp_path / "body").write_bytes(body)
    layer = write_layer([file("body", tmp_path / "body")], tmp_path / "layer")
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer.path.read_bytes()))) as archive:
        member = archive.extractfile("body")
        assert member is not None
        assert member.read() == body


REFUSED = {
    "absolute": [file("/etc")],
    "dot dot": [directory("a"), file("a/../b")],
    "dot": [file("./a")],
    "empty part": [directory("a"), file("a//b")],
    "empty": [file("")],
    "trailing slash": [directory("a/")],
    "control": [file("a\nb")],
    "surrogate": [file("a\udc80")],
    "long part": [file("a" * 256)],
    "long path": [file("/".join(["a" * 200] * 25))],
    "whiteout": [file(".wh.a")],
    "setuid": [file("a", mode=0o4755)],
    "setgid": [directory("a", 0o2755)],
    "odd mode": [file("a", mode=0o100644)],
    "negative owner": [replace(file("a"), uid=-1)],
    "huge owner": [replace(file("a"), gid=1 << 32)],
    "negative time": [replace(file("a"), mtime_epoch_s=-1)],
    "huge time": [replace(file("a"), mtime_epoch_s=1 << 40)],
    "twice": [file("a"), file("a", b"y")],
    "no parent": [file("a/b")],
    "file as parent": [file("a"), file("a/b")],
    "symlink as parent": [symlink("a", "c"), directory("c"), file("a/b")],
    "no content": [replace(file("a"), content=None)],
    "content of a directory": [replace(directory("a"), content=b"")],
    "no target": [symlink("a", "")],
    "target of a file": [replace(file("a"), link_target="b")],
    "control in target": [symlink("a", "b\0c")],
    "surrogate in target": [symlink("a", "b\udc80")],
    "long target": [symlink("a", "b" * 4096)],
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_and_nothing_left(tmp_path: Path, name: str) -> None:
    (tmp_path / "layer").write_bytes(b"old")
    with pytest.raises(FormatError):
        write_layer(REFUSED[name], tmp_path / "layer")
    assert os.listdir(tmp_path) == ["layer"]
    assert (tmp_path / "layer").read_bytes() == b"old"


def test_fifo_and_missing_file_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(FormatError):
        write_layer([file("a", tmp_path / "fifo")], tmp_path / "layer")
    with pytest.raises(MachineError, match="none: cannot be read"):
        write_layer([file("a", tmp_path / "none")], tmp_path / "layer")
    assert os.listdir(tmp_path) == ["fifo"]


def test_file_without_a_size_is_refused(tmp_path: Path) -> None:
    # /proc files say size 0 and then give bytes: the same as a file that grows under the reader.
    with pytest.raises(FormatError, match="changed while"):
        write_layer([file("a", Path("/proc/self/maps"))], tmp_path / "layer")
    assert os.listdir(tmp_path) == []


def test_unwritable_place_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        write_layer([file("a")], tmp_path / "none" / "layer")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_full_disk_in_the_second_thread_is_an_output_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The narrowest way to a write that fails: every temporary file is the full device.
    (tmp_path / "body").write_bytes(os.urandom(1 << 20) * 9)
    monkeypatch.setattr("os.urandom", bytes)
    target = tmp_path / "out" / ".layer.000000000000.tmp"
    target.parent.mkdir()
    real_open = open
    monkeypatch.setattr(
        "builtins.open",
        lambda name, *rest, **more: (
            real_open("/dev/full", "wb") if name == target else real_open(name, *rest, **more)
        ),
    )
    with pytest.raises(OutputError, match="No space left"):
        write_layer([file("a", tmp_path / "body")], tmp_path / "out" / "layer")
    assert os.listdir(target.parent) == []


BIG = """
import sys
from pathlib import Path
from seatrial.formats.tarball import write_layer
from seatrial.model.image import Entry, EntryKind
content = Path(sys.argv[1])
write_layer([Entry(path="big", kind=EntryKind.FILE, mode=0o755, content=content)], Path(sys.argv[2]))
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def test_memory_does_not_grow_with_the_payload(tmp_path: Path) -> None:
    with open(tmp_path / "big", "wb") as big:
        big.write(os.urandom(8 << 20))
        big.truncate(400 << 20)
    argv = [sys.executable, "-c", BIG, str(tmp_path / "big"), str(tmp_path / "layer")]
    peak_kb = int(subprocess.run(argv, check=True, capture_output=True).stdout)
    assert peak_kb <= 40 << 10


def test_memo_is_read_back_until_the_blob_changes(tmp_path: Path) -> None:
    layer = write_layer(SAMPLE, tmp_path / "layer", comment="c")
    assert recall_layer(layer.path) is None
    remember_layer(layer)
    assert recall_layer(layer.path) == layer
    layer.path.write_bytes(layer.path.read_bytes()[:-1])
    assert recall_layer(layer.path) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "digest": 3}', "{"])
def test_bad_memo_is_no_memo(tmp_path: Path, text: str) -> None:
    (tmp_path / "layer").write_bytes(b"")
    (tmp_path / "layer.json").write_text(text)
    assert recall_layer(tmp_path / "layer") is None


PARTS = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40)


@given(st.lists(PARTS, min_size=1, max_size=6), st.binary(max_size=2000))
def test_any_path_is_written_whole_or_refused(parts: list[str], content: bytes) -> None:
    import tempfile

    parents = [directory("/".join(parts[:count])) for count in range(1, len(parts))]
    leaf = file("/".join(parts), content)
    with tempfile.TemporaryDirectory() as place:
        target = Path(place) / "layer"
        try:
            layer = write_layer([leaf, *parents], target)
        except SeatrialError:
            assert os.listdir(place) == []
            return
        members = read_back(layer.path)
    assert list(members) == [entry.path for entry in sort_entries([leaf, *parents])]
    assert members[leaf.path].size == len(content)
