"""Image at rest -> StaticFacts: what the finished bytes say, read as a stranger would.

Every blob is compared with its digest and every layer with its diff_id while it is read. What is
odd but readable becomes a ``problem`` for the checks to judge.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Final

from seatrial.errors import FormatError, MachineError
from seatrial.formats.layer_reader import LayerReader
from seatrial.host.image_reader import ImageFiles, VerifiedReader, open_image
from seatrial.model.facts import LayerFact, PathFact, StaticFacts
from seatrial.observe.contents import Contents, unread_databases
from seatrial.observe.documents import Documents, LayerBlob, read_documents
from seatrial.observe.executable import (
    Program,
    executable_candidates,
    find_executable,
    health_candidates,
    read_program,
)
from seatrial.observe.merge import MergedPaths
from seatrial.observe.secrets import secrets_in_config

_PIECE_BYTES: Final = 1 << 20


def observe_static(
    image: Path, *, scratch: Path, architecture: str = "", digest: str = "", has_code_bytes: bool = False
) -> StaticFacts:
    """Read a whole image and return what it holds; every digest and size is checked on the way.

    image: a layout directory, or a tar (OCI layout, hybrid, or what ``docker save`` writes; that of
    engines before 25 has no manifest, so the digest is then the configuration's).
    scratch: a directory for one unnamed temporary file, the executable.
    architecture, digest: which image of several; "" takes the only one.
    has_code_bytes: also fill GoFacts.code_bytes, which takes some 0.1 s for a large program.
    The facts' layer_sizes_bytes are the blobs', which old docker save does not compress.
    Raises UntrustedInput (bytes that are not what their digest promises), FormatError (no image),
    MachineError (cannot be read).
    """
    with open_image(image) as files, _temporary(scratch) as file:
        documents = read_documents(files, architecture=architecture, digest=digest)
        candidates = executable_candidates(documents.config)
        reading = _Reading(files, documents.layers, candidates, file)
        layers = tuple(reading.read_layer(number) for number in range(len(documents.layers)))
        executable, fact = find_executable(candidates, reading.merged)
        if fact is not None:
            reading.keep(fact)
        program = Program()
        if fact is not None:
            program = read_program(file, executable, has_code_bytes=has_code_bytes)
    return _facts(documents, reading, layers, executable, program)


def _facts(
    documents: Documents,
    reading: _Reading,
    layers: tuple[LayerFact, ...],
    executable: str,
    program: Program,
) -> StaticFacts:
    merged, contents = reading.merged, reading.contents
    health_program, _ = find_executable(health_candidates(documents.config), merged)
    interpreter = merged.resolve(program.interpreter) if program.interpreter else None
    return StaticFacts(
        digest=documents.digest,
        config=documents.config,
        annotations=documents.annotations,
        layer_sizes_bytes=tuple(layer.size_bytes for layer in layers),
        content_bytes=sum(layer.content_bytes for layer in layers),
        compressed_bytes=documents.document_bytes + sum(layer.size_bytes for layer in layers),
        paths=merged.paths(),
        executable=f"/{executable}" if executable else "",
        elf=program.elf,
        go=program.go,
        problems=(*merged.problems, *program.problems),
        layers=layers,
        packages=contents.packages(merged),
        secrets=(
            *contents.secrets(merged),
            *secrets_in_config(documents.config, documents.layers_of_history, documents.annotations),
        ),
        os_release=contents.os_release(merged),
        oddities=tuple(merged.oddities),
        not_read=unread_databases(merged),
        platform=documents.platform,
        users=contents.users(merged),
        script_interpreter=program.script_interpreter,
        has_interpreter=merged.get(interpreter or "") is not None if program.interpreter else None,
        health_program=f"/{health_program}" if health_program else "",
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
        self.contents = Contents()
        self._files = files
        self._layers = layers
        self._candidates = candidates
        self._program = program
        self._kept: PathFact | None = None

    def read_layer(self, number: int) -> LayerFact:
        """Merge one layer and look into its small files on the way."""
        content_bytes = 0
        with self._open(number) as (layer, size):
            for member in layer:
                fact = self.merged.add(member, number)
                if fact is None:
                    continue
                content_bytes += fact.size_bytes
                if not member.isreg():
                    continue
                is_candidate = fact.path in self._candidates
                if self.contents.wants(fact):
                    content = layer.read()
                    self.contents.take(fact, content)
                    if is_candidate:
                        self._keep(fact, content)
                elif is_candidate:
                    self._copy(layer, fact)
        blob = self._layers[number]
        return LayerFact(
            digest=blob.descriptor.digest if blob.descriptor else blob.diff_id,
            diff_id=blob.diff_id,
            media_type=blob.descriptor.media_type if blob.descriptor else "",
            size_bytes=size,
            content_bytes=content_bytes,
            created_by=blob.created_by,
        )

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

    def _keep(self, fact: PathFact, content: bytes) -> None:
        self._program.seek(0)
        self._program.truncate()
        self._program.write(content)
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
            try:
                layer = LayerReader(
                    reader, media_type=described.media_type, diff_id=blob.diff_id, where=blob.name
                )
                yield layer, described.size_bytes
            except FormatError:
                # Damaged bytes are to be told as that, and not as what they happen to look like.
                while reader.read(_PIECE_BYTES):
                    pass
                raise


@contextmanager
def _temporary(scratch: Path) -> Iterator[IO[bytes]]:
    try:
        file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - used below, where an OSError is another matter
    except OSError as error:
        raise MachineError(f"cannot be written: {error.strerror}", where=str(scratch)) from error
    with file:
        yield file
