"""The builder's look at what it built."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.errors import FormatError, MachineError
from seatrial.instrument.evidence import read_evidence

pytestmark = pytest.mark.go


def test_evidence_of_a_static_unwoven_program(hello_program: Path) -> None:
    evidence = read_evidence(hello_program)
    content = hello_program.read_bytes()
    assert evidence.sha256 == hashlib.sha256(content).hexdigest()
    assert evidence.size_bytes == len(content)
    assert (evidence.is_static, evidence.is_woven, evidence.hidden_modules) == (True, False, ())
    assert evidence.go.main_path == "example.com/hello"


def test_what_is_no_go_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="No such file") as refusal:
        read_evidence(tmp_path / "missing")
    assert str(tmp_path / "missing") in refusal.value.where
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("#!/bin/sh\n" * 100)
    for name, complaint in (("empty", "empty"), ("text", "not an ELF file")):
        with pytest.raises(FormatError, match=complaint):
            read_evidence(tmp_path / name)
    with pytest.raises(FormatError, match="no Go build information"):
        read_evidence(Path("/bin/sh"))


MEASURE = """
import sys
from pathlib import Path
from seatrial.instrument.evidence import read_evidence
def most_kib():  # getrusage's maximum is inherited from the program that started this one
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
before = most_kib()
read_evidence(Path(sys.argv[1]))
print(most_kib() - before)
"""


def test_large_program_is_not_held_in_memory() -> None:
    """Less than half of the file is ever mapped in: its headers, tables and constants."""
    go = shutil.which("go")
    assert go is not None
    (compiler,) = Path(go).resolve().parents[1].glob("pkg/tool/*/compile")
    done = subprocess.run(
        (sys.executable, "-c", MEASURE, compiler), capture_output=True, text=True, check=True
    )
    assert int(done.stdout) * 1024 < compiler.stat().st_size / 2
