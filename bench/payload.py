"""Make an image of one large file, and print the most memory that this process held, in kB.

python -P payload.py DIRECTORY SIZE_MB
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from seatrial.assemble import assemble, deliver
from seatrial.model.image import Base, Entry, EntryKind, ImageConfig
from seatrial.model.plan import Output

_BLOCK_BYTES = 1 << 20


def main() -> int:
    """Write the file, then its layer, the image, and the image as a tar."""
    directory, size_mb = Path(sys.argv[1]), int(sys.argv[2])
    payload = directory / "payload"
    with open(payload, "wb") as stream:
        for _ in range(size_mb):  # half of it can be compressed, as a program can
            stream.write(os.urandom(_BLOCK_BYTES // 2) + bytes(_BLOCK_BYTES // 2))
    entry = Entry(path="server", kind=EntryKind.FILE, mode=0o755, content=payload)
    image = assemble(
        files=(entry,),
        base=Base(name="scratch", packages=(), layers=(), lock={}),
        config=ImageConfig(architecture="amd64", entrypoint=("/server",), created="1970-01-01T00:00:00Z"),
        scratch=directory / "assembly",
        reference="payload:1",
    )
    deliver(image, Output(path=directory / "payload.tar", form="tar"))
    status = Path("/proc/self/status").read_text()
    sys.stdout.write(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
