"""Memory stays bounded, whatever the size of the payload."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

GIB = 1 << 30
LIMIT_KIB = 40 << 10
# VmHWM and not getrusage's maximum, which a new program inherits from the one that started it.
ASSEMBLE = """
import sys
from pathlib import Path
from seatrial.assemble import assemble, deliver
from seatrial.model.image import Base, Entry, EntryKind, ImageConfig
from seatrial.model.plan import Output
place = Path(sys.argv[1])
image = assemble(
    files=(Entry(path="server", kind=EntryKind.FILE, mode=0o755, content=place / "payload"),),
    base=Base(name="scratch", layers=(), packages=(), lock={}),
    config=ImageConfig(architecture="amd64", entrypoint=("/server",)),
    scratch=place / "scratch",
    reference="large:1",
)
deliver(image, Output(path=place / "image.tar", form="tar"))
assert image.size_bytes == 1 << 30
print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])
"""
OBSERVE = """
import sys
from pathlib import Path
from seatrial.observe.static import observe_static
facts = observe_static(Path(sys.argv[1]) / "image.tar", scratch=Path(sys.argv[1]))
assert facts.content_bytes == 1 << 30
print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])
"""


def test_one_gibibyte_needs_no_more_than_40_mib(tmp_path: Path) -> None:
    with open(tmp_path / "payload", "wb") as file:
        file.truncate(GIB)
    for program in (ASSEMBLE, OBSERVE):
        argv = (sys.executable, "-c", program, tmp_path)
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        assert int(done.stdout) <= LIMIT_KIB
