"""Images in the store of a local engine: found by name, and saved into a file that has no name.

``docker`` and ``podman`` are asked by their own command lines, so DOCKER_HOST, contexts and
connections mean what they mean there.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from seatrial.errors import ConfigError, MachineError, MissingTool
from seatrial.host.files import output_error
from seatrial.host.process import INSTALL_HINTS, run

ENGINES: Final = ("docker", "podman")

_ASK_TIMEOUT_S: Final = 30.0
_SAVE_TIMEOUT_S: Final = 600.0
# "No such image" (docker), "image not known" and "no such image" (podman), "unable to find" (podman 4).
_ABSENT: Final = ("no such image", "image not known", "not found", "unable to find")


def find_image(reference: str, engines: tuple[str, ...], env: Mapping[str, str]) -> str:
    """Return the first of ``engines`` whose store holds the image.

    Raises MissingTool (none of them is installed), MachineError (none answers), ConfigError (those
    that answer do not have it).
    """
    said: dict[str, str] = {}
    installed = [name for name in engines if shutil.which(name, path=env.get("PATH", ""))]
    for name in installed:
        words = _ask(name, reference, env)
        if words is None:
            return name
        said[name] = words
    hint = "\n".join(f"{name}: {words}" for name, words in said.items())
    if not installed:
        raise MissingTool(
            f"{' and '.join(engines)} not on PATH, so no engine can be asked",
            where=reference,
            hint="\n".join(INSTALL_HINTS[name] for name in engines),
        )
    if all(not _is_absent(words) for words in said.values()):
        raise MachineError(f"{' and '.join(said)} cannot be asked", where=reference, hint=hint)
    raise ConfigError("no local engine holds this image", where=reference, hint=hint)


@contextmanager
def saved_image(name: str, reference: str, *, scratch: Path, env: Mapping[str, str]) -> Iterator[Path]:
    """Save an image of the engine ``name`` and give a path to the tar while the context lasts.

    The file has no name in the file system: the kernel frees it with this process, however that ends.
    Raises OutputError (no space below ``scratch``), ToolFailed (the engine's own words).
    """
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        archive = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - closed below; an OSError is told here
    except OSError as error:
        raise output_error(scratch, error) from error
    with archive:
        argv = (name, "image", "save", "--", reference)
        run(argv, cwd=Path("/"), env=env, timeout_s=_SAVE_TIMEOUT_S, stdout=archive).checked()
        yield Path(f"/proc/self/fd/{archive.fileno()}")


def _ask(name: str, reference: str, env: Mapping[str, str]) -> str | None:
    """Return None when the engine has the image, else what it says."""
    argv = (name, "image", "inspect", "--format", "{{.Id}}", "--", reference)
    done = run(argv, cwd=Path("/"), env=env, timeout_s=_ASK_TIMEOUT_S)
    if done.returncode == 0:
        return None
    return done.stderr.decode(errors="replace").strip().rpartition("\n")[2]


def _is_absent(words: str) -> bool:
    return any(word in words.lower() for word in _ABSENT)
