"""Layers decompressed and checked by a second thread, ahead of the one that writes their files.

Both spend most of their time outside the interpreter's lock (inflate, sha256, write), so two cores
are used, and the first layer is read while the sandbox is still being made.
"""

from __future__ import annotations

import io
import queue
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO, Final, Self

from seatrial.formats.layer_reader import LayerReader, Source
from seatrial.host.image_reader import ImageFiles, VerifiedReader
from seatrial.host.layer_store import Keeper, KeptLayer, LayerStore
from seatrial.observe.documents import Documents, LayerBlob

if TYPE_CHECKING:
    from typing_extensions import Buffer

_BATCH_BYTES: Final = 1 << 20
_BATCH_ITEMS: Final = 128
_BATCHES_AHEAD: Final = 24

# A member, a piece of the content of the last one, a whole kept layer, a failure, or the end of a layer.
_Item = tarfile.TarInfo | bytes | KeptLayer | Exception | None


class LayersAhead:
    """The layers of one image, bottom first; to be used once, as a context manager.

    What reading a layer raises is raised where its members are iterated over, and a layer's digests
    have been compared by the time that its iteration ends. store: layers that were unpacked before, and
    compared then; None to remember none.
    """

    def __init__(self, files: ImageFiles, documents: Documents, store: LayerStore | None = None) -> None:
        self._files = files
        self._store = store
        self._documents = documents
        self._batches: queue.Queue[list[_Item]] = queue.Queue(_BATCHES_AHEAD)
        self._batch: list[_Item] = []
        self._batch_bytes = 0
        self._kept: list[KeptLayer] = []
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._produce, name="layers", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_stopped.set()
        while self._thread.is_alive():
            try:
                self._batches.get(timeout=0.005)
            except queue.Empty:
                continue
        for kept in self._kept:
            kept.close()

    def __iter__(self) -> Iterator[AheadLayer]:
        """Yield the layers; each must be read to its end before the next one."""
        items = self._items()
        for _ in self._documents.layers:
            yield AheadLayer(items)

    def _items(self) -> Iterator[_Item]:
        while True:
            yield from self._batches.get()

    def _produce(self) -> None:
        try:
            for layer in self._documents.layers:
                kept = self._store.open(layer.diff_id) if self._store else None
                if kept:
                    self._kept.append(kept)
                    self._put(kept)
                else:
                    self._read(layer)
                self._put(None)
        except Exception as error:  # raised again in the thread that reads the members
            self._put(error)
        self._flush()

    def _read(self, layer: LayerBlob) -> None:
        with closing(self._files.open(layer.name)) as stream:
            blob: Source = stream
            media_type = ""
            if layer.descriptor is not None:
                promised = layer.descriptor
                blob = VerifiedReader(stream, digest=promised.digest, size_bytes=promised.size_bytes)
                media_type = promised.media_type
            keeper = self._store.keeper(layer.diff_id) if self._store else None
            reader = LayerReader(
                blob,
                media_type=media_type,
                diff_id=layer.diff_id,
                where=layer.name,
                tee=keeper.write if keeper else None,
            )
            is_right = False
            try:
                is_right = self._pass_on(reader, keeper)
            finally:
                if keeper and self._store:
                    keeper.close(is_right=is_right)
                    self._store.forget_old()

    def _pass_on(self, reader: LayerReader, keeper: Keeper | None) -> bool:
        """Queue a layer's members and their content; return whether it was read to its end."""
        sink = _Sink(self)
        for member in reader:
            if self._is_stopped.is_set():
                return False
            self._put(member)
            if keeper:
                keeper.note(member, reader.content_offset)
            if member.isreg():
                reader.copy(sink)
        return True

    def put_content(self, piece: bytes) -> None:
        """Take a piece of the last member's content."""
        self._batch_bytes += len(piece)
        self._put(piece)

    def _put(self, item: _Item) -> None:
        self._batch.append(item)
        if self._batch_bytes >= _BATCH_BYTES or len(self._batch) >= _BATCH_ITEMS:
            self._flush()

    def _flush(self) -> None:
        if not self._is_stopped.is_set():
            self._batches.put(self._batch)
        self._batch = []
        self._batch_bytes = 0


class AheadLayer:
    """One layer's members, as ``Rootfs.apply`` takes them."""

    def __init__(self, items: Iterator[_Item]) -> None:
        self._items = items
        self._next: _Item = None
        self._kept: KeptLayer | None = None

    def __iter__(self) -> Iterator[tarfile.TarInfo]:
        """Yield the members in order; content that was not copied is passed over."""
        self._next = next(self._items)
        if isinstance(self._next, KeptLayer):
            self._kept = self._next
            yield from self._kept
            self._next = next(self._items)
        while self._next is not None:
            item = self._next
            if isinstance(item, Exception):
                raise item
            self._next = next(self._items)
            if isinstance(item, tarfile.TarInfo):
                yield item

    def copy(self, destination: BinaryIO) -> None:
        """Write the content of the member that was yielded last; to a file with a descriptor."""
        if self._kept:
            self._kept.copy(destination)
            return
        while isinstance(self._next, bytes):
            destination.write(self._next)
            self._next = next(self._items)
        if isinstance(self._next, Exception):
            raise self._next


class _Sink(io.BytesIO):
    """What the layer reader copies a member's content to; holds nothing itself."""

    def __init__(self, layers: LayersAhead) -> None:
        super().__init__()
        self._layers = layers

    def write(self, piece: Buffer, /) -> int:
        """Pass one piece on."""
        content = piece if isinstance(piece, bytes) else bytes(piece)
        self._layers.put_content(content)
        return len(content)
