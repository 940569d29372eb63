"""Layers upon each other, hostile ones included. The directory beside the root must stay as it was."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from seatrial.errors import FormatError
from seatrial.host.rootfs import Rootfs


class FakeLayer:
    """Members with their content, as a layer reader gives them."""

    def __init__(self, *members: tuple[tarfile.TarInfo, bytes]) -> None:
        self._members = members
        self._content = b""

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        for member, content in self._members:
            self._content = content
            yield member

    def copy(self, destination: IO[bytes]) -> None:
        destination.write(self._content)


Member = tuple[tarfile.TarInfo, bytes]


def entry(
    name: str, kind: bytes, *, mode: int = 0o755, link: str = "", uid: int = 0, content: bytes = b""
) -> Member:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.linkname, member.uid, member.gid = kind, mode, link, uid, uid
    member.size = len(content)
    return member, content


def directory(name: str, mode: int = 0o755) -> Member:
    return entry(name, tarfile.DIRTYPE, mode=mode)


def file(name: str, content: bytes = b"x", mode: int = 0o644, uid: int = 0) -> Member:
    return entry(name, tarfile.REGTYPE, mode=mode, content=content, uid=uid)


def symlink(name: str, target: str) -> Member:
    return entry(name, tarfile.SYMTYPE, link=target)


def hardlink(name: str, target: str) -> Member:
    return entry(name, tarfile.LNKTYPE, link=target)


class Unpacked:
    def __init__(self, place: Path) -> None:
        self.path = place / "root"
        self.path.mkdir()
        self.outside = place / "outside"
        self.outside.mkdir()
        (self.outside / "file").write_text("untouched")
        self.handle = os.open(self.path, os.O_PATH)
        # Not owned by one user: only possible as root; the tests run as whoever runs them.
        owner = None if os.geteuid() == 0 else (os.geteuid(), os.getegid())
        self.rootfs = Rootfs(self.handle, owner)

    def apply(self, *layers: tuple[Member, ...]) -> Path:
        for layer in layers:
            self.rootfs.apply(FakeLayer(*layer))
        self.rootfs.finish()
        return self.path

    def is_outside_untouched(self) -> bool:
        return os.listdir(self.outside) == ["file"] and (self.outside / "file").read_text() == "untouched"


@pytest.fixture
def unpacked(tmp_path: Path) -> Iterator[Unpacked]:
    made = Unpacked(tmp_path)
    yield made
    os.close(made.handle)
    assert made.is_outside_untouched()


def test_upper_layer_replaces_and_whiteout_removes(unpacked: Unpacked) -> None:
    root = unpacked.apply(
        (directory("etc"), file("etc/a", b"old"), file("etc/b"), directory("var"), file("var/c")),
        (file("etc/a", b"new"), file("etc/.wh.b"), file(".wh.var")),
    )
    assert (root / "etc/a").read_bytes() == b"new"
    assert os.listdir(root / "etc") == ["a"]
    assert os.listdir(root) == ["etc"]


def test_opaque_whiteout_keeps_what_its_own_layer_brings(unpacked: Unpacked) -> None:
    root = unpacked.apply(
        (directory("d"), file("d/low"), directory("d/sub"), file("d/sub/low")),
        (file("d/high"), directory("d/sub"), file("d/sub/high"), file("d/.wh..wh..opq")),
    )
    assert sorted(os.listdir(root / "d")) == ["high", "sub"]
    assert os.listdir(root / "d/sub") == ["high"]


def test_modes_are_set_even_where_they_forbid_writing(unpacked: Unpacked) -> None:
    root = unpacked.apply((directory("locked", 0o555), file("locked/f", mode=0o400), directory("t", 0o1777)))
    assert stat.S_IMODE((root / "locked").stat().st_mode) == 0o555
    assert stat.S_IMODE((root / "locked/f").stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE((root / "t").stat().st_mode) & 0o1007 == 0o1007


def test_symlinked_directory_is_followed_inside_the_root(unpacked: Unpacked) -> None:
    root = unpacked.apply(
        (directory("usr"), directory("usr/bin"), symlink("bin", "usr/bin"), symlink("abs", "/usr")),
        (file("bin/tool"), file("abs/note")),
    )
    assert (root / "usr/bin/tool").exists()
    assert (root / "usr/note").exists()


@pytest.mark.parametrize("target", ["../outside", "/../../outside", "../../../../../../outside"])
def test_symlink_never_leads_out(unpacked: Unpacked, target: str) -> None:
    root = unpacked.apply((symlink("way", target),), (file("way/file", b"mine"),))
    assert (root / "outside/file").read_bytes() == b"mine"


def test_absolute_symlink_to_the_host_stays_inside(unpacked: Unpacked) -> None:
    root = unpacked.apply((symlink("way", str(unpacked.outside)), file("way/file", b"mine")))
    assert (root / str(unpacked.outside).lstrip("/") / "file").read_bytes() == b"mine"


def test_file_over_a_symlink_replaces_the_link(unpacked: Unpacked) -> None:
    root = unpacked.apply((symlink("file", str(unpacked.outside / "file")),), (file("file", b"mine"),))
    assert not (root / "file").is_symlink()


def test_directory_over_a_symlink_replaces_the_link(unpacked: Unpacked) -> None:
    root = unpacked.apply((symlink("d", str(unpacked.outside)), directory("d"), file("d/file", b"mine")))
    assert (root / "d").is_dir()
    assert not (root / "d").is_symlink()


def test_whiteout_through_a_symlink_stays_inside(unpacked: Unpacked) -> None:
    unpacked.apply((symlink("way", str(unpacked.outside)),), (file("way/.wh.file"),))


def test_climbing_names_stay_inside(unpacked: Unpacked) -> None:
    root = unpacked.apply((file("../outside/file", b"mine"), file("/etc/../x", b"y")))
    assert (root / "outside/file").read_bytes() == b"mine"
    assert (root / "x").exists()


def test_symlinks_in_a_circle_are_refused(unpacked: Unpacked) -> None:
    with pytest.raises(FormatError):
        unpacked.apply((symlink("a", "b"), symlink("b", "a"), file("a/x")))


def test_hardlink_shares_the_file_and_cannot_reach_out(unpacked: Unpacked) -> None:
    root = unpacked.apply((file("a"), hardlink("b", "/a")))
    assert (root / "a").stat().st_ino == (root / "b").stat().st_ino
    with pytest.raises(FormatError):
        unpacked.apply((hardlink("c", str(unpacked.outside / "file")),))


def test_devices_are_told_and_left_out(unpacked: Unpacked) -> None:
    root = unpacked.apply((entry("null", tarfile.CHRTYPE), entry("pipe", tarfile.FIFOTYPE)))
    assert os.listdir(root) == []
    assert len(unpacked.rootfs.skipped) == 2


@pytest.mark.parametrize(
    ("mode", "uid", "effective"),
    [
        (0o600, 0, 0o000),  # root's own: the sandbox's one user must not read it
        (0o755, 0, 0o555),
        (0o644, 0, 0o444),
        (0o640, 65532, 0o640),  # the user's own
        (0o060, 65532, 0o060),
    ],
)
def test_one_user_gets_what_the_image_gives_that_user(
    tmp_path: Path, mode: int, uid: int, effective: int
) -> None:
    place = tmp_path / "root"
    place.mkdir()
    handle = os.open(place, os.O_PATH)
    rootfs = Rootfs(handle, (65532, 65532))
    rootfs.apply(FakeLayer(file("f", mode=mode, uid=uid)))
    os.close(handle)
    assert stat.S_IMODE((place / "f").stat().st_mode) & 0o700 == effective & 0o700


def test_small_files_are_written_and_read_through_links(unpacked: Unpacked) -> None:
    unpacked.apply((directory("real"), symlink("etc", "/real")))
    unpacked.rootfs.write("/etc/hosts", b"127.0.0.1 localhost\n")
    content = unpacked.rootfs.open("/etc/hosts")
    assert content is not None
    with content:
        assert content.read() == b"127.0.0.1 localhost\n"
    assert unpacked.rootfs.open("/etc/missing") is None
    assert unpacked.rootfs.open("/etc") is None
