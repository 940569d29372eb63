"""A local engine by its command line: an image goes in under a name of ours, runs, and nothing stays."""

from __future__ import annotations

import io
import json
import os
import secrets
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from seatrial.errors import MachineError, SeatrialError, ToolFailed
from seatrial.formats.jsonvalue import as_list, as_table
from seatrial.host.files import output_error
from seatrial.host.image_reader import ImageFiles
from seatrial.host.process import Completed, find_program, run

_ASK_TIMEOUT_S: Final = 30.0
_LOAD_TIMEOUT_S: Final = 600.0


@dataclass(frozen=True, kw_only=True)
class EngineCli:
    """One engine. name: "docker" or "podman". env: complete; DOCKER_HOST and contexts count.

    tag: the name under which images and containers of this run are known, and found again to be removed.
    """

    name: str
    env: Mapping[str, str]
    tag: str = field(default_factory=lambda: f"seatrial-trial-{os.getpid()}-{secrets.token_hex(4)}")

    @property
    def image(self) -> str:
        """The loaded image's name."""
        return f"localhost/{self.tag}:trial"

    def ask(
        self, *arguments: str, timeout_s: float = _ASK_TIMEOUT_S, more: Mapping[str, str] | None = None
    ) -> Completed:
        """Run the command line, whatever comes of it. more: variables for this call alone."""
        env = {**self.env, **(more or {})}
        return run((self.name, *arguments), cwd=Path("/"), env=env, timeout_s=timeout_s)

    def text(self, *arguments: str) -> str:
        """Return what the command line prints; raise ToolFailed with its last words."""
        return self.ask(*arguments).checked().stdout.decode(errors="replace").strip()

    def inspect(self, *arguments: str) -> dict[str, object]:
        """Return the first object of an inspection; raise ToolFailed, FormatError."""
        return as_table(as_list(json.loads(self.text(*arguments)))[0])

    def version(self) -> str:
        """Return such as "docker 20.10.24"; raise MissingTool, or MachineError when it does not answer."""
        find_program(self.name, self.env.get("PATH", ""))
        side = "{{.Server.Version}}" if self.name == "docker" else "{{.Client.Version}}"
        done = self.ask("version", "--format", side)
        if done.returncode:
            words = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise MachineError(f"{self.name} does not answer", hint=words)
        return f"{self.name} {done.stdout.decode().strip()}"

    @contextmanager
    def cleaned(self) -> Iterator[None]:
        """Remove the container and the image's name at the end, whatever happened; others are not touched."""
        try:
            yield
        finally:
            for words in (("rm", "--force", "--volumes", self.tag), ("image", "rm", self.image)):
                with suppress(SeatrialError):
                    self.ask(*words)

    def load(
        self,
        files: ImageFiles,
        *,
        config: dict[str, object],
        layers: tuple[tuple[str, int], ...],
        scratch: Path,
    ) -> None:
        """Load an image under ``image``, in the form that every engine takes (Docker image spec 1.2).

        layers: names in ``files`` and sizes of the blobs, bottom first. scratch: for one file without a
        name. Raises ToolFailed with the engine's words, OutputError.
        """
        try:
            scratch.mkdir(parents=True, exist_ok=True)
            archive = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - closed below
        except OSError as error:
            raise output_error(scratch, error) from error
        with archive:
            names = [f"{number}.layer" for number in range(len(layers))]
            manifest = [{"Config": "config.json", "RepoTags": [self.image], "Layers": names}]
            with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
                for name, content in (("config.json", config), ("manifest.json", manifest)):
                    blob = json.dumps(content).encode()
                    tar.addfile(_member(name, len(blob)), io.BytesIO(blob))
                for name, (blob_name, size) in zip(names, layers, strict=True):
                    with closing(files.open(blob_name)) as stream:
                        tar.addfile(_member(name, size), stream)  # type: ignore[arg-type]  # only read(n) is used
            archive.seek(0)
            run(
                (self.name, "load"), cwd=Path("/"), env=self.env, timeout_s=_LOAD_TIMEOUT_S, stdin=archive
            ).checked()
            if self.ask("image", "inspect", self.image).returncode:
                raise ToolFailed("the image was loaded and is not there", where=f"{self.name} load")


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size = size
    return member
