"""``seatrial build`` when nothing has changed: compare stamps, print the last result again.

The record is found by the command line itself, before it is parsed: the same words in the same
directory with the same environment, by the same Seatrial.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from seatrial.host import stamps

_HOW_TO_PRINT = {"--json", "--quiet", "-q", "--verbose", "-v"}
_PRIME = (1 << 61) - 1
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def cache_directory(env: Mapping[str, str]) -> str:
    """Return where Seatrial keeps things (XDG Base Directory specification)."""
    home = env.get("HOME") or os.path.expanduser("~")
    return os.path.join(env.get("XDG_CACHE_HOME") or os.path.join(home, ".cache"), "seatrial")


def question(arguments: Sequence[str], directory: str, env: Mapping[str, str]) -> str:
    """Return all that a result depends on beside files: the words, where, and the environment."""
    words = [word for word in arguments if word not in _HOW_TO_PRINT]
    return repr((directory, words, stamps.environment_that_matters(env)))


def record_path(question: str, env: Mapping[str, str]) -> str:
    """Return where the answer to a question is kept.

    The name is a checksum, which costs no import: a record holds its question in full, and one that
    answers another question is no record at all.
    """
    name = int.from_bytes(question.encode("utf-8", "surrogateescape"), "big") % _PRIME
    return os.path.join(cache_directory(env), "records", f"{name:016x}")


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
    if any(word.startswith("--su") for word in arguments):
        return None  # a summary is appended each time
    asked = question(arguments, directory, env)
    texts = stamps.look(record_path(asked, env), asked)
    if texts is None:
        return None
    if "--json" in arguments:
        sys.stdout.write(texts["json"])
    elif "--quiet" not in arguments and "-q" not in arguments:
        text = texts["verbose_text" if "--verbose" in arguments or "-v" in arguments else "text"]
        sys.stdout.write(f"{text}unchanged: nothing had to be built or run again\n")
    return 0
