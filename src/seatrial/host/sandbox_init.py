"""Starts sandbox_holder.py in a process of its own: ``python -I -S sandbox_init.py FD``.

FD is one end of a SOCK_SEQPACKET pair. Run as a file, never imported; all else is in modules, which
Python compiles once and not for every trial. Only the standard library is to be had here (-S), so
that the start, which is part of every trial, is short.
"""

import os
import sys


def main() -> None:
    """Find the package without site-packages, and serve."""
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from seatrial.host.sandbox_holder import serve  # noqa: PLC0415 - only now it can be found

    serve(int(sys.argv[1]))


if __name__ == "__main__":
    main()
