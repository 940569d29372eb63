"""How a failure looks: what, where, what to do; the same as an object with --json."""

from __future__ import annotations

import errno
import json
import sys

from seatrial.errors import ExitCode, MachineError, SeatrialError


def report_failure(error: SeatrialError, *, is_json: bool) -> int:
    """Print an expected failure to standard error (and as JSON to standard output); return its code."""
    sys.stderr.write(f"seatrial: {error}\n")
    for line in error.hint.splitlines():
        sys.stderr.write(f"  {line}\n")
    if is_json:
        print_json(
            {
                "error": {
                    "kind": type(error).__name__,
                    "what": error.what,
                    "where": error.where,
                    "hint": error.hint,
                },
                "exit_code": int(error.exit_code),
            }
        )
    return int(error.exit_code)


def report_defect(*, is_json: bool) -> int:
    """Print what nobody expected, with its traceback; a full disk is expected after all."""
    error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT}:
        place = str(error.filename or "")
        words = MachineError(
            f"{error.strerror}".lower(), where=place, hint="free some space, or set XDG_CACHE_HOME elsewhere"
        )
        return report_failure(words, is_json=is_json)
    import traceback  # noqa: PLC0415 - start-up time

    traceback.print_exc()
    sys.stderr.write("seatrial: this is a defect of Seatrial; please report it with the lines above\n")
    if is_json:
        print_json({"error": {"kind": "Defect", "what": repr(error)}, "exit_code": int(ExitCode.DEFECT)})
    return ExitCode.DEFECT


def print_json(value: object) -> None:
    """Print the one object of --json."""
    sys.stdout.write(json_text(value))


def json_text(value: object) -> str:
    """Return the text of the one object of --json, with its line end.

    What is no UTF-8, such as a path in an image (PEP 383), stays as JSON's escapes.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return text if _is_utf8(text) else json.dumps(value, indent=2) + "\n"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
