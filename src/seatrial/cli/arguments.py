"""What ``build`` and ``trial`` read alike: how the outcome is printed, and which machine this is."""

from __future__ import annotations

import argparse
import os
from typing import Final

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}


def add_printing_flags(parser: argparse.ArgumentParser, *, quiet: str, verbose: str) -> None:
    """Add --json, and --quiet or --verbose. quiet, verbose: their help."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object, and nothing else, to stdout"
    )
    noise = parser.add_mutually_exclusive_group()
    noise.add_argument("-q", "--quiet", action="store_true", help=quiet)
    noise.add_argument("-v", "--verbose", action="store_true", help=verbose)


def host_architecture() -> str:
    """Return this machine's architecture as images name it, such as "amd64"; else as the kernel does."""
    machine = os.uname().machine
    return _ARCHITECTURES.get(machine, machine)
