"""Is ``--health-check`` a health command of this program? Found out by running it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seatrial.host.bubblewrap import find_engine
from seatrial.host.sandbox import Sandbox, open_sandbox
from seatrial.model.trial import ServiceProgram
from seatrial.observe.services import fill_placeholders
from seatrial.observe.unpack import container_environment, fill_with_files

FLAG: Final = "--health-check"

_UNKNOWN_FLAG: Final = "--no-such-check"
_PAUSES_S: Final = (0.001, 0.002, 0.004, 0.008, 0.016)
# Time stamps, process ids, addresses, random identifiers (a UUID has digits): what differs between two
# runs of the same thing.
_CHANGING: Final = re.compile(r"[\w.:+-]*\d[\w.:+-]*")


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """How a program answered to a flag. exit_code: None when it went on. words: what it printed."""

    is_listening: bool
    exit_code: int | None
    words: str


def detect_health_flag(
    paths: Mapping[str, Path],
    argv: tuple[str, ...],
    *,
    search_path: str,
    environment: tuple[tuple[str, str], ...] = (),
    files: tuple[tuple[str, str], ...] = (),
    programs: tuple[ServiceProgram, ...] = (),
    timeout_s: float = 3.0,
) -> bool:
    """Return whether ``argv --health-check`` is a health command, by running it with no server up.

    paths: path in the image ("/server") -> file on this machine; enough for a static program.
    files: what the trial adds to the image: path -> content. programs: whose addresses variables and
    files may name; none of them runs.
    Only a real flag ends by itself, with a failure, without listening, and differently from the
    same program given a flag that nobody knows.
    Raises MachineError and MissingTool as ``observe_running`` does.
    """
    with open_sandbox(find_engine(search_path)) as sandbox:
        rootfs = fill_with_files(sandbox, paths, fill_placeholders(files, programs))
        variables = container_environment(rootfs, fill_placeholders(environment, programs))
        return has_health_flag(sandbox, argv, tuple(variables.items()), directory="/", timeout_s=timeout_s)


def has_health_flag(
    sandbox: Sandbox,
    argv: tuple[str, ...],
    environment: tuple[tuple[str, str], ...],
    *,
    directory: str,
    timeout_s: float,
) -> bool:
    """Decide it in a sandbox whose root is filled; what else runs there neither sees this nor is seen.

    A program that ignores flags, refuses unknown ones, or fails for want of configuration does the
    same for both flags; only one that knows ``--health-check`` tells them apart. (Looking for the
    flag's name in the program is no short cut: Go compiles a comparison with it into numbers.)
    """
    options = sandbox.container_options(environment, directory, has_own_tmp=True)
    asked = _run(sandbox, (*argv, FLAG), options, timeout_s)
    if asked.is_listening or asked.exit_code is None or asked.exit_code <= 0:
        return False
    other = _run(sandbox, (*argv, _UNKNOWN_FLAG), options, timeout_s)
    if asked == other:
        return False
    # A program that never says the same thing twice has not told the two flags apart.
    is_steady = asked == _run(sandbox, (*argv, FLAG), options, timeout_s)
    return is_steady and other == _run(sandbox, (*argv, _UNKNOWN_FLAG), options, timeout_s)


def _run(sandbox: Sandbox, argv: tuple[str, ...], options: tuple[str, ...], timeout_s: float) -> _Outcome:
    """Run a program until it listens, ends, or has had its time."""
    job = sandbox.start(argv, options, has_own_network=True)
    deadline = time.monotonic() + timeout_s
    pauses = iter(_PAUSES_S)
    is_listening = False
    while not is_listening and time.monotonic() < deadline:
        if sandbox.wait(job, next(pauses, 0.02)) is not None:
            break
        is_listening = bool(sandbox.listening(job))
    exit_code = job.exit_code
    sandbox.kill(job)
    words = job.log.text().replace(argv[-1].lstrip("-"), "FLAG")
    return _Outcome(
        is_listening=is_listening,
        exit_code=exit_code,
        # Of a server that was stopped in the middle, how much it had said is chance.
        # Lines are sorted: which goroutine was first is chance, too.
        words="\n".join(sorted(_CHANGING.sub("N", words).splitlines())) if exit_code is not None else "",
    )
