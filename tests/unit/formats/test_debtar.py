"""A package's tar: all that dpkg-deb writes is read as tarfile reads it, and the rest refused."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import FormatError
from seatrial.formats.debtar import read_tar
from seatrial.model.image import EntryKind

Change = Callable[[tarfile.TarInfo], object]


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.mode = 0o755 if kind == tarfile.DIRTYPE else 0o644
    info.mtime = 1_700_000_000
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def pack(*members: tarfile.TarInfo, form: int = tarfile.GNU_FORMAT, body: bytes = b"hello") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=form) as archive:
        for info in members:
            if info.type in {tarfile.REGTYPE, tarfile.AREGTYPE}:
                info.size = len(body)
                archive.addfile(info, io.BytesIO(body))
            else:
                archive.addfile(info)
    return out.getvalue()


ROOT = member("./", tarfile.DIRTYPE)
LONG = "n" * 130


def test_reads_what_dpkg_deb_writes() -> None:
    tar = pack(
        ROOT,
        member("./a/", tarfile.DIRTYPE, mode=0o1777, gid=50),
        member("./a/f", uid=3),
        member("./a/h", tarfile.LNKTYPE, linkname="./a/f"),
        member("./a/s", tarfile.SYMTYPE, linkname="../b"),
        member(f"./a/{LONG}"),
        member("./a/l", tarfile.SYMTYPE, linkname=LONG),
        member("./Főtanúsítvány.crt"),
    )
    entries = {entry.path: entry for entry in read_tar(tar)}
    assert list(entries) == ["a", "a/f", "a/h", "a/s", f"a/{LONG}", "a/l", "Főtanúsítvány.crt"]
    assert (entries["a"].kind, entries["a"].mode, entries["a"].gid) == (EntryKind.DIRECTORY, 0o1777, 50)
    assert (entries["a/f"].content, entries["a/f"].uid) == (b"hello", 3)
    assert (entries["a/h"].content, entries["a/h"].kind) == (b"hello", EntryKind.FILE)
    assert entries["a/s"].link_target == "../b"
    assert entries["a/l"].link_target == LONG
    assert entries["a/f"].mtime_epoch_s == 1_700_000_000


def test_reads_plain_ustar_with_a_prefix() -> None:
    parts = ["x" * 90, "y" * 60]
    tar = pack(
        ROOT,
        member("./" + parts[0], tarfile.DIRTYPE),
        member("./" + "/".join(parts)),
        form=tarfile.USTAR_FORMAT,
    )
    assert [entry.path for entry in read_tar(tar)] == [parts[0], "/".join(parts)]


DIR = member("./a", tarfile.DIRTYPE)
REFUSED = {
    "absolute": pack(member("/a")),
    "dot dot": pack(DIR, member("./a/../b")),
    "inner dot": pack(DIR, member("./a/./b")),
    "double slash": pack(DIR, member("./a//b")),
    "newline": pack(member("./a\nb")),
    "escape": pack(member("./a\x1bb")),
    "backslash": pack(member("./a\\b")),
    "whiteout": pack(member("./.wh.a")),
    "opaque whiteout": pack(DIR, member("./a/.wh..wh..opq")),
    "long part": pack(member("./" + "a" * 256)),
    "long path": pack(member("./" + "/".join(["a" * 200] * 21))),
    "not UTF-8": pack(member("./a\udcff")),
    "no parent": pack(member("./a/b")),
    "file as parent": pack(member("./a"), member("./a/b")),
    "symlink as parent": pack(DIR, member("./s", tarfile.SYMTYPE, linkname="a"), member("./s/b")),
    "late parent": pack(member("./a/b"), DIR),
    "twice": pack(member("./f"), member("./f")),
    "directory twice": pack(DIR, DIR),
    "climbing symlink": pack(member("./s", tarfile.SYMTYPE, linkname="../etc")),
    "deep climbing symlink": pack(DIR, member("./a/s", tarfile.SYMTYPE, linkname="x/../../../etc")),
    "absolute climbing symlink": pack(member("./s", tarfile.SYMTYPE, linkname="/../etc")),
    "empty symlink": pack(member("./s", tarfile.SYMTYPE, linkname="")),
    "symlink with control": pack(member("./s", tarfile.SYMTYPE, linkname="a\nb")),
    "hard link to nothing": pack(member("./h", tarfile.LNKTYPE, linkname="./f")),
    "hard link to a directory": pack(DIR, member("./h", tarfile.LNKTYPE, linkname="./a")),
    "hard link to a later file": pack(member("./h", tarfile.LNKTYPE, linkname="./f"), member("./f")),
    "hard link to a symlink": pack(
        member("./s", tarfile.SYMTYPE, linkname="a"), member("./h", tarfile.LNKTYPE, linkname="./s")
    ),
    "hard link outside": pack(member("./h", tarfile.LNKTYPE, linkname="../etc/passwd")),
    "character device": pack(member("./d", tarfile.CHRTYPE)),
    "block device": pack(member("./d", tarfile.BLKTYPE)),
    "fifo": pack(member("./d", tarfile.FIFOTYPE)),
    "contiguous": pack(member("./d", tarfile.CONTTYPE)),
    "sparse": pack(member("./d", tarfile.GNUTYPE_SPARSE)),
    "unknown type": pack(member("./d", b"Z")),
    "pax header": pack(member("./d", pax_headers={"path": "./e"}), form=tarfile.PAX_FORMAT),
    "global pax header": tarfile.TarInfo.create_pax_global_header({"a": "b"}) + pack(member("./d")),
    "negative owner": pack(member("./f", uid=-1)),
    "root is a file": pack(member(".")),
    "empty": b"",
    "no end": pack(member("./f"))[:1024],
    "one zero record": pack(member("./f"))[:1536],
    "cut in the header": pack(member("./f"))[:300],
    "cut in the content": pack(member("./f"))[:514],
    "something after the end": pack(member("./f")) + b"x",
    "a second tar after the end": pack(member("./f")) + pack(member("./g")),
    "long name without entry": pack(member("./" + LONG))[:1024] + bytes(1024),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    with pytest.raises(FormatError):
        read_tar(REFUSED[name])


def patched(tar: bytes, offset: int, value: bytes) -> bytes:
    """Change a header field and make its checksum right again."""
    header = bytearray(tar[:512])
    header[offset : offset + len(value)] = value
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + tar[512:]


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (257, b"pax\0\0\0\0\0"),
        (124, b"\x80" + bytes(10) + b"\x05"),
        (124, b"77777777777\0"),
        (136, b"not octal  \0"),
        (136, b"-0000000001\0"),
        (100, b"        "),
        (100, b"0107777\0"),
        (0, b"./f\0hidden"),
        (0, b"./f/"),
        (157, b"target\0"),
    ],
)
def test_odd_header_is_refused(offset: int, value: bytes) -> None:
    with pytest.raises(FormatError):
        read_tar(patched(pack(member("./f")), offset, value))


@pytest.mark.parametrize("kind", [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_size_where_there_is_no_content_is_refused(kind: bytes) -> None:
    with pytest.raises(FormatError):
        read_tar(patched(pack(member("./f", kind, linkname="x")), 124, b"00000000005\0"))


def test_too_many_entries_are_refused() -> None:
    one = patched(pack(member("./f", tarfile.SYMTYPE, linkname="x"))[:512], 0, b"./f")
    many = b"".join(patched(one, 0, b"./%06d" % number) for number in range(60_001)) + bytes(1024)
    with pytest.raises(FormatError, match="more than 60000"):
        read_tar(many)


SAMPLE = pack(ROOT, DIR, member("./a/f"), member("./a/s", tarfile.SYMTYPE, linkname="f"), member(f"./{LONG}"))


@given(st.integers(0, len(SAMPLE) - 1), st.integers(1, 255))
def test_one_damaged_byte_is_refused_or_is_in_the_content(position: int, change: int) -> None:
    damaged = bytearray(SAMPLE)
    damaged[position] ^= change
    before = read_tar(SAMPLE)
    try:
        after = read_tar(bytes(damaged))
    except FormatError:
        return
    # A header's checksum guards its bytes; a file's bytes, and a long name's, are guarded by sha256.
    assert len(after) == len(before)
    assert [entry.mode for entry in after] == [entry.mode for entry in before]


@given(st.binary(max_size=3000))
def test_any_bytes_are_read_or_refused(blob: bytes) -> None:
    with pytest.raises(FormatError):
        read_tar(blob)
