"""A package: exactly three ar members, xz inside, bounded, and what it says of itself."""

from __future__ import annotations

import io
import lzma
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import FormatError
from seatrial.formats.deb import read_deb

CONTROL = b"Package: demo\nVersion: 1.0-1\nArchitecture: all\nDescription: a demo\n"
MD5SUMS = b"5d41402abc4b2a76b9719d911017c592  etc/f\n"


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if name.endswith("/"):
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def ar(*members: tuple[str, bytes]) -> bytes:
    out = b"!<arch>\n"
    for name, content in members:
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        out += content + b"\n" * (len(content) % 2)
    return out


FORMAT = ("debian-binary", b"2.0\n")
CONTROL_TAR = tar({"./": b"", "./control": CONTROL, "./md5sums": MD5SUMS, "./postinst": b"#!/bin/sh\n"})
DATA_TAR = tar({"./": b"", "./etc/": b"", "./etc/f": b"hello"})
CONTROL_XZ = ("control.tar.xz", lzma.compress(CONTROL_TAR))
DATA_XZ = ("data.tar.xz", lzma.compress(DATA_TAR))
DEB = ar(FORMAT, CONTROL_XZ, DATA_XZ)


def control_with(files: dict[str, bytes]) -> bytes:
    return ar(FORMAT, ("control.tar.xz", lzma.compress(tar(files))), DATA_XZ)


def test_package_is_read() -> None:
    deb = read_deb(DEB)
    assert (deb.name, deb.version, deb.architecture) == ("demo", "1.0-1", "all")
    assert deb.control == CONTROL
    assert deb.md5sums == (("5d41402abc4b2a76b9719d911017c592", "etc/f"),)
    assert [(entry.path, entry.content) for entry in deb.entries] == [("etc", None), ("etc/f", b"hello")]


REFUSED = {
    "empty": (b"", "not an ar"),
    "magic": (b"!<thin>\n" + DEB[8:], "not an ar"),
    "format 3": (ar(("debian-binary", b"3.0\n"), CONTROL_XZ, DATA_XZ), "not 2.0"),
    "no format": (ar(CONTROL_XZ, DATA_XZ), "where debian-binary"),
    "no data": (ar(FORMAT, CONTROL_XZ), "no ar member where data.tar.xz"),
    "order": (ar(FORMAT, DATA_XZ, CONTROL_XZ), "where control.tar.xz"),
    "extra before": (ar(FORMAT, ("_gpgorigin", b"x"), CONTROL_XZ, DATA_XZ), "where control.tar.xz"),
    "extra after": (ar(FORMAT, CONTROL_XZ, DATA_XZ, ("_gpgorigin", b"x")), "after the last"),
    "trailing": (DEB + b"\n", "after the last"),
    "cut": (DEB[:-3], "cut short"),
    "cut header": (DEB[:90], "where control.tar.xz"),
    "bad padding": (DEB.replace(b"2.0\n", b"2.0", 1), "no ar member"),
    "second stream": (ar(FORMAT, CONTROL_XZ, ("data.tar.xz", DATA_XZ[1] * 2)), "after the end of the xz"),
    "zstd": (ar(FORMAT, CONTROL_XZ, ("data.tar.zst", b"\x28\xb5\x2f\xfd")), r"data\.tar\.zst where"),
    "gzip named xz": (ar(FORMAT, CONTROL_XZ, ("data.tar.xz", b"\x1f\x8b\x08" * 9)), "not a readable xz"),
    "no control": (control_with({"./": b""}), "without a control file"),
    "control twice": (control_with({"./control": CONTROL + CONTROL[:16]}), "twice"),
    "control not UTF-8": (control_with({"./control": b"Package: \xff\n"}), "not UTF-8"),
    "control is a directory": (control_with({"./control/": b""}), "is a directory"),
    "md5sums with one space": (
        control_with({"./control": CONTROL, "./md5sums": b"0" * 32 + b" f\n"}),
        "md5sums",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    blob, message = REFUSED[name]
    with pytest.raises(FormatError, match=message):
        read_deb(blob)


def test_other_compression_says_what_is_read() -> None:
    with pytest.raises(FormatError) as caught:
        read_deb(REFUSED["zstd"][0])
    assert "only xz" in caught.value.hint


def test_bomb_is_refused() -> None:
    data = lzma.compress(tar({"./f": bytes(32 << 20)}))
    assert len(data) * 200 < 32 << 20
    with pytest.raises(FormatError, match="bytes when decompressed"):
        read_deb(ar(FORMAT, CONTROL_XZ, ("data.tar.xz", data)))


@given(st.integers(0, len(DEB) - 1), st.integers(1, 255))
def test_one_damaged_byte_never_gives_other_files(position: int, change: int) -> None:
    damaged = bytearray(DEB)
    damaged[position] ^= change
    try:
        deb = read_deb(bytes(damaged))
    except FormatError:
        return
    # What is left are the ar header's owner and times, which mean nothing.
    assert deb == read_deb(DEB)
