"""Memory stays bounded, whatever the size of the payload."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

GIB = 1 << 30
LIMIT_KIB = 40 << 10
ASSEMBLE = """
import resource, sys
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
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
OBSERVE = """
import resource, sys
from pathlib import Path
from seatrial.observe.static import observe_static
facts = observe_static(Path(sys.argv[1]) / "image.tar", scratch=Path(sys.argv[1]))
assert facts.content_bytes == 1 << 30
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_one_gibibyte_needs_no_more_than_40_mib(tmp_path: Path) -> None:
    with open(tmp_path / "payload", "wb") as file:
        file.truncate(GIB)
    for program in (ASSEMBLE, OBSERVE):
        argv = (sys.executable, "-c", program, tmp_path)
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        assert int(done.stdout) <= LIMIT_KIB
