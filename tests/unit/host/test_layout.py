"""Image layouts and tars on disk: what is written, what is replaced, what is left alone."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from seatrial.errors import MachineError, OutputError
from seatrial.host.layout import (
    LayoutFile,
    check_output,
    parse_output,
    text_file,
    write_archive,
    write_layout,
)
from seatrial.model.plan import Output

INDEX = b'{"manifests":[{"digest":"sha256:1"}],"schemaVersion":2}'


def files_of(blob: Path) -> tuple[LayoutFile, ...]:
    return (
        text_file("oci-layout", b"{}"),
        text_file("index.json", INDEX),
        LayoutFile(name="blobs/sha256/aa", content=blob, size_bytes=blob.stat().st_size),
    )


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(os.urandom(3000))
    return path


def write(output: Output, files: tuple[LayoutFile, ...]) -> None:
    if output.form == "tar":
        write_archive(output.path, files)
    else:
        write_layout(output.path, files)


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return every path below with its mode and content, links not followed."""
    found = {}
    for path in sorted(root.rglob("*")):
        content = (
            os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        )
        found[str(path.relative_to(root))] = (path.lstat().st_mode, content)
    return found


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("image.tar", "tar"),
        ("a/IMAGE.TAR", "tar"),
        ("image", "layout"),
        ("image.tar/", "layout"),
        ("i.oci", "layout"),
    ],
)
def test_name_decides_the_form(text: str, form: str, tmp_path: Path) -> None:
    assert parse_output(text, tmp_path) == Output(path=tmp_path / text, form=form)


@pytest.mark.parametrize("text", ["x.tar.gz", "x.tgz", "d/x.tar.zst"])
def test_compressed_tar_is_refused_with_the_name_to_use(text: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError) as refusal:
        parse_output(text, tmp_path)
    assert refusal.value.hint.endswith("x.tar")


def test_layout_holds_the_files(tmp_path: Path, blob: Path) -> None:
    write_layout(tmp_path / "out", files_of(blob))
    assert (tmp_path / "out/blobs/sha256/aa").read_bytes() == blob.read_bytes()
    assert (tmp_path / "out/index.json").read_bytes() == INDEX
    assert (tmp_path / "out/blobs/sha256/aa").stat().st_nlink == 1


def test_layout_may_link_when_it_stays_ours(tmp_path: Path, blob: Path) -> None:
    write_layout(tmp_path / "out", files_of(blob), may_link=True)
    assert (tmp_path / "out/blobs/sha256/aa").samefile(blob)


def test_archive_is_a_plain_tar_of_constant_headers(tmp_path: Path, blob: Path) -> None:
    size = write_archive(tmp_path / "out.tar", files_of(blob))
    assert size == (tmp_path / "out.tar").stat().st_size
    with tarfile.open(tmp_path / "out.tar", "r:") as tar:
        members = tar.getmembers()
        assert [member.name for member in members] == [
            "oci-layout",
            "index.json",
            "blobs",
            "blobs/sha256",
            "blobs/sha256/aa",
        ]
        assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 0)}
        assert {member.mode for member in members} == {0o644, 0o755}
        content = tar.extractfile("blobs/sha256/aa")
        assert content is not None
        assert content.read() == blob.read_bytes()


def test_archive_has_the_same_bytes_whatever_the_place_and_umask(tmp_path: Path, blob: Path) -> None:
    write_archive(tmp_path / "one.tar", files_of(blob))
    old = os.umask(0o077)
    try:
        write_archive(tmp_path / "deep" / "two.tar", files_of(blob))
    finally:
        os.umask(old)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "deep" / "two.tar").read_bytes()


def test_blob_that_changed_size_is_not_delivered(tmp_path: Path, blob: Path) -> None:
    files = files_of(blob)
    blob.write_bytes(b"short")
    for output in (Output(path=tmp_path / "o", form="layout"), Output(path=tmp_path / "o.tar", form="tar")):
        with pytest.raises(MachineError, match="not as long"):
            write(output, files)
    assert os.listdir(tmp_path) == ["blob"]


@pytest.mark.parametrize("form", ["layout", "tar"])
def test_empty_target_and_an_older_image_are_replaced(form: str, tmp_path: Path, blob: Path) -> None:
    output = Output(path=tmp_path / "out", form=form)
    if form == "tar":
        output.path.touch()
    else:
        output.path.mkdir()
    for _ in range(2):
        check_output(output)
        write(output, files_of(blob))
    assert sorted(os.listdir(tmp_path)) == ["blob", "out"]


def foreign_directory(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("x")


def layout_with_notes(path: Path) -> None:
    path.mkdir()
    for name in ("oci-layout", "index.json", "notes.txt"):
        (path / name).write_text("{}")


def layout_of_two_images(path: Path) -> None:
    path.mkdir()
    (path / "oci-layout").write_text("{}")
    (path / "index.json").write_text(json.dumps({"manifests": [{"digest": "a"}, {"digest": "b"}]}))


def foreign_tar(path: Path) -> None:
    with tarfile.open(path, "w") as tar:
        tar.add(__file__, arcname="backup.py")


def link_to_an_image(path: Path) -> None:
    path.with_name("real").mkdir()
    path.symlink_to(path.with_name("real"))


@pytest.mark.parametrize(
    ("make", "form", "complaint"),
    [
        (foreign_directory, "layout", "no image"),
        (layout_with_notes, "layout", r"no image \(it holds notes.txt\)"),
        (layout_of_two_images, "layout", "several images"),
        (lambda path: path.write_text("hello"), "layout", "is a file"),
        (link_to_an_image, "layout", "symbolic link"),
        (foreign_tar, "tar", "no image of ours"),
        (lambda path: path.write_text("hello"), "tar", "no image of ours"),
        (foreign_directory, "tar", "is a directory"),
        (link_to_an_image, "tar", "symbolic link"),
        (os.mkfifo, "tar", "special file"),
    ],
)
def test_what_is_no_image_of_ours_is_left_alone(
    make: Callable[[Path], object], form: str, complaint: str, tmp_path: Path, blob: Path
) -> None:
    output = Output(path=tmp_path / "out", form=form)
    make(output.path)
    before = snapshot(tmp_path)
    for attempt in (partial(check_output, output), partial(write, output, files_of(blob))):
        with pytest.raises(OutputError, match=complaint) as refusal:
            attempt()
        assert refusal.value.where == str(output.path)
        assert refusal.value.hint
    assert snapshot(tmp_path) == before


def test_parent_that_is_a_file_is_named(tmp_path: Path, blob: Path) -> None:
    output = Output(path=blob / "sub" / "out", form="layout")
    with pytest.raises(OutputError, match="not a directory"):
        check_output(output)
    with pytest.raises(OutputError, match="cannot be written"):
        write(output, files_of(blob))


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    place = tmp_path / "mounted"
    place.mkdir()
    done = subprocess.run(
        ("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place), capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"no mounts here: {done.stderr.decode()}")
    yield place
    subprocess.run(("umount", "-l", place), check=True)


@pytest.mark.parametrize("form", ["layout", "tar"])
def test_full_disk_leaves_the_old_image(form: str, mounted: Path, blob: Path) -> None:
    output = Output(path=mounted / "out", form=form)
    write(output, files_of(blob))
    before = snapshot(mounted)
    blob.write_bytes(bytes(1 << 20))
    with pytest.raises(OutputError, match="No space left") as refusal:
        write(output, files_of(blob))
    assert "free some space" in refusal.value.hint
    assert snapshot(mounted) == before


@pytest.mark.parametrize("form", ["layout", "tar"])
def test_read_only_place_leaves_the_old_image(form: str, mounted: Path, blob: Path) -> None:
    output = Output(path=mounted / "out", form=form)
    write(output, files_of(blob))
    subprocess.run(("mount", "-o", "remount,ro", mounted), check=True)
    before = snapshot(mounted)
    for attempt in (partial(check_output, output), partial(write, output, files_of(blob))):
        with pytest.raises(OutputError) as refusal:
            attempt()
        assert "-o" in refusal.value.hint
    assert snapshot(mounted) == before


def test_mount_point_is_refused_with_what_to_do(mounted: Path, blob: Path) -> None:
    with pytest.raises(OutputError) as refusal:
        write(Output(path=mounted, form="layout"), files_of(blob))
    assert "inside it" in refusal.value.hint
    assert sorted(os.listdir(mounted.parent)) == ["blob", "mounted"]
