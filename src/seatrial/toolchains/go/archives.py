"""What Orchestrion asks of the woven modules' archives, answered from the last time.

For every package that an aspect brings in, Orchestrion runs ``go list -export -deps`` under itself, once
when the main package is compiled and once more when it is linked: after a change of one line that is most
of the build. The answers do not depend on the service, so they are kept, and given through the interface
that golang.org/x/tools/go/packages has for other build systems (GOPACKAGESDRIVER).
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from seatrial.host.files import write_whole
from seatrial.instrument.pin import WEAVE_MODULE, Pin
from seatrial.toolchains.go.environment import GoEnvironment

_RECORDER = Path(__file__).with_name("archives_recorder.py")
_KEPT = 3
# A shell starts in a millisecond; Python is only needed for what has not been asked before. Whatever goes
# wrong here, go/packages is told to ask Go itself.
_DRIVER = """\
#!/bin/sh
case "$#$1" in
1{module}/*) ;;
*) echo '{{"NotHandled":true}}'; exit 0 ;;
esac
IFS= read -r request
mode=${{request#'{{"mode":'}}
mode=${{mode%%,*}}
case "$mode" in
''|*[!0-9]*) echo '{{"NotHandled":true}}'; exit 0 ;;
esac
answer={folder}/$mode/$1.json
if [ -f "$answer" ]; then exec cat "$answer"; fi
printf '%s' "$request" | {python} -I {recorder} "$answer" "$1" || echo '{{"NotHandled":true}}'
"""


def place_driver(place: Path, pin: Pin, go: GoEnvironment, env: Mapping[str, str]) -> Path | None:
    """Return the program for GOPACKAGESDRIVER; None where there is no shell to run it.

    place: the service's own directory in the cache. env: of the compilation. Kept answers that name an
    archive that Go's cache no longer has are forgotten first.
    """
    if not Path("/bin/sh").exists():
        return None
    kept = place / "archives"
    asked = [
        pin.version,
        pin.aspects_digest,
        go.version,
        go.digest,
        {name: env.get(name, "") for name in ("GOFLAGS", "GOWORK", "CGO_ENABLED", "GOARCH", "PWD")},
    ]
    folder = kept / hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]
    driver = folder / "driver"
    if not driver.exists():
        content = _DRIVER.format(
            module=WEAVE_MODULE,
            folder=shlex.quote(str(folder)),
            python=shlex.quote(sys.executable),
            recorder=shlex.quote(str(_RECORDER)),
        )
        write_whole(driver, content.encode(), 0o755)
    os.utime(folder)
    _forget_stale(folder)
    _forget_old(kept, folder)
    return driver


def forget_answers(driver: Path) -> None:
    """Forget what was kept: a compilation that used it has failed."""
    shutil.rmtree(driver.parent, ignore_errors=True)


def _forget_stale(folder: Path) -> None:
    """Go's cache forgets what was not used for days, and `go clean -cache` all of it."""
    is_there = cache(os.path.exists)  # most archives are named by every answer
    for answer in folder.rglob("*.json"):
        try:
            packages = json.loads(answer.read_bytes())["Packages"]
            is_good = all(is_there(file) for package in packages if (file := package.get("ExportFile")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            is_good = False
        if not is_good:
            answer.unlink(missing_ok=True)


def _forget_old(kept: Path, newest: Path) -> None:
    folders = sorted(kept.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for folder in folders[_KEPT:]:
        if folder != newest:
            shutil.rmtree(folder, ignore_errors=True)
