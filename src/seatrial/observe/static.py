"""Image at rest -> StaticFacts: what the finished bytes say, read as a stranger would.

Every blob is compared with its digest and every layer with its diff_id while it is read. What is
odd but readable becomes a ``problem`` for the checks to judge.
"""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Final

from seatrial.errors import FormatError, MachineError
from seatrial.formats.elf import is_elf, parse_elf, read_elf_facts
from seatrial.formats.gobinary import read_go_facts
from seatrial.formats.jsonvalue import table_at, text_at, texts_at
from seatrial.formats.layer_reader import LayerReader
from seatrial.host.image_reader import ImageFiles, VerifiedReader, open_image
from seatrial.model.facts import ElfFacts, GoFacts, PathFact, StaticFacts
from seatrial.observe.documents import LayerBlob, read_documents
from seatrial.observe.merge import MergedPaths

_DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def observe_static(image: Path, *, scratch: Path, architecture: str = "", digest: str = "") -> StaticFacts:
    """Read a whole image and return what it holds; every digest and size is checked on the way.

    image: a layout directory, or a tar (OCI layout, hybrid, or what ``docker save`` writes; that of
    engines before 25 has no manifest, so the digest is then the configuration's).
    scratch: a directory for one unnamed temporary file, the executable.
    architecture, digest: which image of several; "" takes the only one.
    The facts' layer_sizes_bytes are the blobs', which old docker save does not compress.
    Raises UntrustedInput (bytes that are not what their digest promises), FormatError (no image),
    MachineError (cannot be read).
    """
    with open_image(image) as files, _temporary(scratch) as program:
        documents = read_documents(files, architecture=architecture, digest=digest)
        candidates = _executable_candidates(documents.config)
        reading = _Reading(files, documents.layers, candidates, program)
        sizes = tuple(reading.read_layer(number) for number in range(len(documents.layers)))
        executable, file = _find_executable(candidates, reading.merged)
        if file is not None:
            reading.keep(file)
        elf, go, problems = _read_program(program, executable) if file else (None, None, ())
    return StaticFacts(
        digest=documents.digest,
        config=documents.config,
        annotations=documents.annotations,
        layer_sizes_bytes=sizes,
        content_bytes=reading.content_bytes,
        compressed_bytes=documents.document_bytes + sum(sizes),
        paths=reading.merged.paths(),
        executable=f"/{executable}" if executable else "",
        elf=elf,
        go=go,
        problems=(*reading.merged.problems, *problems),
    )


class _Reading:
    """One pass over the layers; on the way the file that will probably be the executable is kept."""

    def __init__(
        self,
        files: ImageFiles,
        layers: tuple[LayerBlob, ...],
        candidates: tuple[str, ...],
        program: IO[bytes],
    ) -> None:
        self.merged = MergedPaths()
        self.content_bytes = 0
        self._files = files
        self._layers = layers
        self._candidates = candidates
        self._program = program
        self._kept: PathFact | None = None

    def read_layer(self, number: int) -> int:
        """Merge one layer and return the size of its blob."""
        with self._open(number) as (layer, size):
            for member in layer:
                fact = self.merged.add(member, number)
                if fact is None:
                    continue
                self.content_bytes += fact.size_bytes
                if fact.kind == "file" and fact.path in self._candidates:
                    self._copy(layer, fact)
        return size

    def keep(self, file: PathFact) -> None:
        """Make the kept program be this file; reads its layer again when it was not foreseen."""
        if file == self._kept:
            return
        with self._open(file.layer) as (layer, _):
            again = MergedPaths()
            for member in layer:
                fact = again.add(member, file.layer)
                if fact is not None and fact == file:
                    self._copy(layer, fact)

    def _copy(self, layer: LayerReader, fact: PathFact) -> None:
        self._program.seek(0)
        self._program.truncate()
        layer.copy(self._program)
        self._program.flush()
        self._kept = fact

    @contextmanager
    def _open(self, number: int) -> Iterator[tuple[LayerReader, int]]:
        blob = self._layers[number]
        with closing(self._files.open(blob.name)) as stream:
            described = blob.descriptor
            if described is None:
                size = self._files.size_bytes(blob.name)
                yield LayerReader(stream, media_type="", diff_id=blob.diff_id, where=blob.name), size
                return
            reader = VerifiedReader(stream, digest=described.digest, size_bytes=described.size_bytes)
            yield (
                LayerReader(reader, media_type=described.media_type, diff_id=blob.diff_id, where=blob.name),
                described.size_bytes,
            )


@contextmanager
def _temporary(scratch: Path) -> Iterator[IO[bytes]]:
    try:
        file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - used below, where an OSError is another matter
    except OSError as error:
        raise MachineError(f"cannot be written: {error.strerror}", where=str(scratch)) from error
    with file:
        yield file


def _executable_candidates(config: dict[str, object]) -> tuple[str, ...]:
    """Return where the first word of the command may lie, relative, best first (OCI config.md)."""
    settings = table_at(config, "config")
    words = (*texts_at(settings, "Entrypoint"), *texts_at(settings, "Cmd"))
    if not words or not words[0]:
        return ()
    working_directory = text_at(settings, "WorkingDir") or "/"
    if "/" in words[0]:
        return (_relative(working_directory, words[0]),)
    variables = dict(variable.partition("=")[::2] for variable in texts_at(settings, "Env"))
    places = variables.get("PATH", _DEFAULT_PATH).split(":")
    return tuple(_relative(working_directory, f"{place}/{words[0]}") for place in places)


def _relative(working_directory: str, path: str) -> str:
    whole = path if path.startswith("/") else f"{working_directory}/{path}"
    return "/".join(part for part in whole.split("/") if part not in {"", "."})


def _find_executable(candidates: tuple[str, ...], merged: MergedPaths) -> tuple[str, PathFact | None]:
    """Return the executable's path and the file that has its content; "" and None when it is not there."""
    for candidate in candidates:
        path = merged.resolve(candidate)
        fact = merged.get(path) if path else None
        if fact is None or path is None:
            continue
        for _ in range(8):
            if fact is None or fact.kind != "hardlink":
                break
            fact = merged.get(fact.link_target)
        if fact is not None and fact.kind == "file":
            return path, fact
    return "", None


def _read_program(
    program: IO[bytes], executable: str
) -> tuple[ElfFacts | None, GoFacts | None, tuple[str, ...]]:
    """Return the linkage and Go's tables of the kept program, and what is wrong with it."""
    where = f"/{executable}"
    if program.seek(0, 2) == 0:
        return None, None, (f"{where} is empty",)
    with mmap.mmap(program.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not is_elf(data):
            return None, None, (f"{where} is no ELF program",)
        try:
            elf = parse_elf(data, where)
            facts = read_elf_facts(data, elf)
        except FormatError as error:
            return None, None, (str(error),)
        try:
            return facts, read_go_facts(data, elf, where), ()
        except FormatError as error:
            return facts, None, (str(error),)
