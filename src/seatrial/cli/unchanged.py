"""``seatrial build`` when nothing has changed: compare stamps, print the last result again.

The record is found by the command line itself, before it is parsed: the same words in the same
directory with the same environment, by the same Seatrial.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping, Sequence

from seatrial.host import stamps

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def cache_directory(env: Mapping[str, str]) -> str:
    """Return where Seatrial keeps things (XDG Base Directory specification)."""
    home = env.get("HOME") or os.path.expanduser("~")
    return os.path.join(env.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), "seatrial")


def record_path(arguments: Sequence[str], directory: str, env: Mapping[str, str]) -> str:
    """Return the record that belongs to this command line."""
    words = [word for word in arguments if word not in {"--json", "--quiet", "-q", "--verbose", "-v"}]
    asked = json.dumps([directory, words, stamps.environment_that_matters(env)])
    name = hashlib.sha256(asked.encode("utf-8", "surrogateescape")).hexdigest()[:24]
    return os.path.join(cache_directory(env), "records", f"{name}.json")


def own_files() -> list[str]:
    """Return Seatrial's own files: another version may decide otherwise."""
    return [
        os.path.join(folder, name)
        for folder, _, names in os.walk(_PACKAGE)
        if not folder.endswith("__pycache__")
        for name in names
        if not name.endswith("_test.go")
    ]


def answer_unchanged(arguments: Sequence[str], directory: str, env: Mapping[str, str]) -> int | None:
    """Print the saved result and return its exit code; None when the build has to be looked at."""
    if "--plan" in arguments or "--help" in arguments or "-h" in arguments:
        return None
    result = stamps.look(record_path(arguments, directory, env))
    if result is None:
        return None
    if "--json" in arguments:
        sys.stdout.write(json.dumps(result["json"], indent=2, ensure_ascii=False) + "\n")
    elif "--quiet" not in arguments and "-q" not in arguments:
        text = result["verbose_text" if "--verbose" in arguments or "-v" in arguments else "text"]
        sys.stdout.write(f"{text}unchanged: nothing had to be built or run again\n")
    return 0
