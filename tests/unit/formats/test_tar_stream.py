"""Tars of every dialect: the same members and contents as tarfile gives, and nothing odd in silence."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import FormatError
from seatrial.formats.tar_stream import TarStream

Seen = tuple[str, str, int, int, int, int, bytes, str, bytes | None]
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=120)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


def stream_of(content: bytes, step: int = 1000) -> TarStream:
    """Return a stream that gives its bytes in uneven steps."""
    file = io.BytesIO(content)
    return TarStream(lambda size: file.read(min(size, step)))


def seen(member: tarfile.TarInfo, content: bytes | None) -> Seen:
    return (
        member.name.rstrip("/"),
        member.type.decode(),
        member.mode,
        member.uid,
        member.gid,
        int(member.mtime),
        bytes(str(member.size), "ascii") if member.isreg() else b"",
        member.linkname,
        content,
    )


def ours(content: bytes, step: int = 1000) -> list[Seen]:
    tar = stream_of(content, step)
    return [seen(member, b"".join(tar.content()) if member.isreg() else None) for member in tar]


def theirs(content: bytes) -> list[Seen]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        found = []
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            found.append(seen(member, file.read() if file else None))
        return found


@st.composite
def members(draw: st.DrawFn) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(draw(PATHS))
    member.type = draw(st.sampled_from([b"0", b"\0", b"1", b"2", b"5", b"6", b"3", b"7"]))
    member.mode = draw(st.integers(0, 0o7777))
    member.uid = draw(st.integers(0, 1 << 40))
    member.gid = draw(st.integers(0, 1 << 40))
    member.mtime = draw(st.integers(0, 1 << 34))
    member.linkname = draw(PATHS) if member.islnk() or member.issym() else ""
    content = draw(st.binary(max_size=2000)) if member.isreg() else b""
    member.size = len(content)
    return member, content


@given(
    rows=st.lists(members(), max_size=6),
    form=st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    step=st.integers(1, 3000),
)
def test_members_are_those_that_tarfile_reads(
    rows: list[tuple[tarfile.TarInfo, bytes]], form: int, step: int
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for member, content in rows:
            tar.addfile(member, io.BytesIO(content))
    assert ours(buffer.getvalue(), step) == theirs(buffer.getvalue())


@pytest.mark.parametrize("form", ["gnu", "posix", "ustar", "v7", "oldgnu"])
def test_tars_of_gnu_tar(form: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / ("d" * 60)).mkdir(parents=True)
    (tree / ("d" * 60) / "file").write_bytes(b"x" * 3000)
    (tree / "link").symlink_to("elsewhere")
    (tree / "hard").hardlink_to(tree / ("d" * 60) / "file")
    made = subprocess.run(
        ("tar", f"--format={form}", "-C", tree, "-cf", "-", "."), check=True, capture_output=True
    )
    assert len(ours(made.stdout)) == 5
    assert ours(made.stdout) == theirs(made.stdout)


@pytest.mark.parametrize(
    "options",
    [
        ("--format=gnu",),
        ("--format=posix", "--sparse-version=1.0"),
        ("--format=posix", "--sparse-version=0.1"),
    ],
)
def test_sparse_files_have_their_holes(options: tuple[str, ...], tmp_path: Path) -> None:
    with open(tmp_path / "sparse", "wb") as file:
        for number in range(30):  # more pieces than one header holds
            file.seek(number * 65_536)
            file.write(b"piece %d" % number)
        file.truncate(3_000_000)
    (tmp_path / "after").write_bytes(b"after")
    argv = ("tar", "-S", *options, "-C", str(tmp_path), "-cf", "-", "sparse", "after")
    made = subprocess.run(argv, check=True, capture_output=True).stdout
    assert len(made) < 1_000_000
    sparse, after = ours(made)
    assert (sparse[0], sparse[-1]) == ("sparse", (tmp_path / "sparse").read_bytes())
    assert after[-1] == b"after"


def test_file_capabilities_keep_every_byte() -> None:
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    record = b"SCHILY.xattr.security.capability=" + capability + b"\n"
    record = b"%d " % (len(record) + 3) + record
    pax = tarfile.TarInfo("pax")
    pax.type, pax.size = b"x", len(record)
    content = pax.tobuf(tarfile.USTAR_FORMAT) + record.ljust(512, b"\0") + tarfile.TarInfo("ping").tobuf()
    (member,) = stream_of(content + bytes(1024))
    found = member.pax_headers["SCHILY.xattr.security.capability"]
    assert found.encode(errors="surrogateescape") == capability


def plain() -> bytes:
    member = tarfile.TarInfo("a")
    member.size = 600
    return member.tobuf(tarfile.USTAR_FORMAT) + bytes(1024)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x" * 100,
        b"x" * 512,
        plain()[:700],
        plain() + b"y" * 512,  # tarfile takes this for the end
        plain().replace(b"ustar", b"usta!"),
        b"".join((tarfile.TarInfo("././@LongLink").tobuf()[:156], b"L", bytes(355))),
    ],
)
def test_what_is_no_tar_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError):
        ours(content)


def test_a_tar_without_its_last_blocks_is_read() -> None:
    assert [row[0] for row in ours(plain())] == ["a"]
