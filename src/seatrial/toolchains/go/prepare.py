"""``[build] prepare``: commands that make sources, run in a private copy of the tree."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from seatrial.errors import UserBuildFailed
from seatrial.host.files import exclusive
from seatrial.host.process import run
from seatrial.model.request import Request

_TIMEOUT_S = 3600.0


def prepare(
    request: Request, commands: tuple[str, ...], progress: Callable[[str], None] = lambda _: None
) -> Path:
    """Return the directory to build from: the user's own, or a copy in which the commands were run.

    The copy holds the repository's whole tree (git's own directory and its history included, so that
    commands may ask git), with nothing linked: a command that writes in place cannot reach the user's
    files. It is kept, and made anew when any file of the tree or a command changes.
    progress: told each command before it runs.
    Raises UserBuildFailed with the last lines of the command that failed.
    """
    if not commands:
        return request.root
    top = _top(request.root)
    place = request.cache / "prepared" / hashlib.sha256(str(request.root).encode()).hexdigest()[:12]
    copy = place / "tree"
    state = _state(top, commands)
    with exclusive(place):
        done = place / "done"
        if not (done.exists() and done.read_text() == state):
            done.unlink(missing_ok=True)
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(top, copy, symlinks=True)
            for command in commands:
                progress(f"preparing a copy of the tree: {command}")
                _run(command, copy / request.root.relative_to(top), request)
            done.write_text(state)
    return copy / request.root.relative_to(top)


def _top(root: Path) -> Path:
    """Return the repository's root, which commands may reach up to; without one, the directory itself."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").is_dir()), root)


def _state(top: Path, commands: tuple[str, ...]) -> str:
    """Return a digest of the tree's stamps and the commands."""
    rows = [
        (path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode)
        for path, found in _files(top)
    ]
    return hashlib.sha256(json.dumps([commands, sorted(rows)]).encode()).hexdigest()


def _files(top: Path) -> Iterator[tuple[str, os.stat_result]]:
    for folder, folders, names in os.walk(top):
        if ".git" in folders:
            folders.remove(".git")
        for name in names:
            path = os.path.join(folder, name)
            yield os.path.relpath(path, top), os.lstat(path)


def _run(command: str, directory: Path, request: Request) -> None:
    done = run(("/bin/sh", "-e", "-c", command), cwd=directory, env=request.env, timeout_s=_TIMEOUT_S)
    if done.returncode != 0:
        words = (done.stdout + done.stderr).decode(errors="replace").strip().splitlines()
        raise UserBuildFailed(
            "\n".join(words[-20:]) or f"exit status {done.returncode}",
            where=f"[build] prepare: {command}",
            hint=f"it ran in a copy of the tree: {directory}",
        )
