"""Mutants of the bytes themselves: digests, sizes, blobs, and the program's own headers."""

from __future__ import annotations

import struct
import tarfile
from collections.abc import Callable
from pathlib import Path

from mutants.draft import (
    Draft,
    LayerDraft,
    Member,
    Table,
    a_file,
    blob_of,
    digest_of,
    encode,
    replace_blob,
    rows,
    table,
)
from mutants.mutant import REFUSED, Mutant
from mutants.of_files import PROGRAM

_DIGESTS = "image.digests"
_OTHER = "sha256:" + "0f" * 32
_PT_PHDR, _PT_INTERP, _PT_GNU_STACK = 6, 3, 0x6474E551
_AARCH64 = 183
_LOADER = b"/lib64/ld-linux-x86-64.so.2"


def _top_layer(manifest: Table) -> Table:
    return table(rows(manifest["layers"])[-1])


def _at_manifest(change: Callable[[Table], object]) -> Callable[[Draft], object]:
    return lambda draft: draft.at_manifest.append(change)


def _at_entry(change: Callable[[Table], object]) -> Callable[[Draft], object]:
    """Change the manifest's descriptor in the index."""
    return lambda draft: draft.at_index.append(lambda index: change(table(rows(index["manifests"])[0])))


def _top_blob(change: Callable[[Path], object]) -> Callable[[Draft], object]:
    """Change the topmost layer's blob where it lies."""

    def apply(draft: Draft) -> None:
        digest = draft.layers[-1].digest
        draft.at_end.append(lambda place: change(blob_of(place, {"digest": digest})))

    return apply


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    replace_blob(path, bytes(content))


def _truncated(path: Path) -> None:
    content = path.read_bytes()
    replace_blob(path, content[: len(content) // 2])


def _lengthened(path: Path) -> None:
    replace_blob(path, path.read_bytes() + b"and more")


def _repacked(change: Callable[[bytes], bytes]) -> Callable[[Draft], object]:
    """Change the topmost layer's compressed bytes, with the digest and size of what they are now."""

    def apply(draft: Draft) -> None:
        old = draft.layers[-1]
        blob = change(old.packed())
        draft.layers[-1] = LayerDraft(
            blob=blob, digest=digest_of(blob), diff_id=old.diff_id, size_bytes=len(blob)
        )

    return apply


def _diff_id(draft: Draft) -> None:
    draft.layers[-1].diff_id = _OTHER


def _swapped(draft: Draft) -> None:
    """Promise the layers' contents in the wrong order."""
    first, second = draft.layers[0], draft.layers[-1]
    first.diff_id, second.diff_id = second.diff_id, first.diff_id


def _one_diff_id_less(draft: Draft) -> None:
    config_at_end(draft, lambda config: rows(table(config["rootfs"])["diff_ids"]).pop())


def config_at_end(draft: Draft, change: Callable[[Table], object]) -> None:
    """Change the configuration after its diff IDs were filled in, and describe it as it is then."""

    def at_manifest(manifest: Table) -> None:
        change(draft.config)
        content = encode(draft.config)
        described = table(manifest["config"])
        described["digest"], described["size"] = digest_of(content), len(content)
        draft.at_end.append(lambda place: blob_of(place, described).write_bytes(content))

    draft.at_manifest.append(at_manifest)


def _respelled(draft: Draft) -> None:
    """Give the manifest other layers under another spelling, which Go's decoder takes for the same key."""
    draft.at_manifest.append(lambda manifest: manifest.update(Layers=rows(manifest["layers"])[:1]))


def _user_twice(draft: Draft) -> None:
    """Write a key twice: the first one counts for some readers, the last one for others."""

    def at_manifest(manifest: Table) -> None:
        content = encode(draft.config).replace(b'"User":', b'"User":"0","User":')
        described = table(manifest["config"])
        described["digest"], described["size"] = digest_of(content), len(content)
        draft.at_end.append(lambda place: blob_of(place, described).write_bytes(content))

    draft.at_manifest.append(at_manifest)


def _another_image(draft: Draft) -> None:
    """List a second image of the same platform, with nothing to choose by."""

    def at_index(index: Table) -> None:
        content = encode(draft.manifest | {"annotations": {"com.example.second": "true"}})
        entry = table(rows(index["manifests"])[0])
        second = {"mediaType": entry["mediaType"], "digest": digest_of(content), "size": len(content)}
        index["manifests"] = [entry, second]
        draft.at_end.append(lambda place: blob_of(place, second).write_bytes(content))

    draft.at_index.append(at_index)


def _blob_gone(draft: Draft) -> None:
    chosen = draft.layers[-1].digest
    draft.at_end.append(lambda place: blob_of(place, {"digest": chosen}).unlink())


def _manifest_changed(draft: Draft) -> None:
    """Write another manifest under the first one's name."""

    def end(place: Path) -> None:
        path = blob_of(place, table(rows(draft.index["manifests"])[0]))
        draft.manifest["annotations"] = {"org.opencontainers.image.version": "v9"}
        content = encode(draft.manifest)
        size = path.stat().st_size
        replace_blob(path, content.ljust(size)[:size])

    draft.at_end.append(end)


def _config_changed(draft: Draft) -> None:
    """Make it run as root, behind the digest's back and with as many bytes."""

    def end(place: Path) -> None:
        path = blob_of(place, table(draft.manifest["config"]))
        replace_blob(path, path.read_bytes().replace(b'"65532:65532"', b'"0:000000000"'))

    draft.at_end.append(end)


def _no_config(draft: Draft) -> None:
    draft.at_end.append(lambda place: blob_of(place, table(draft.manifest["config"])).unlink())


def _program(change: Callable[[bytearray], None]) -> Callable[[Draft], object]:
    def one(info: tarfile.TarInfo, content: bytes) -> Member:
        changed = bytearray(content)
        change(changed)
        assert changed != content
        return info, bytes(changed)

    return lambda draft: draft.change_member(PROGRAM, one)


def _headers(content: bytearray) -> list[int]:
    """Return where the program headers begin (ELF64, little-endian)."""
    (start,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    return [start + number * size for number in range(count)]


def _kind(content: bytearray, at: int) -> int:
    return int(struct.unpack_from("<I", content, at)[0])


def _executable_stack(content: bytearray) -> None:
    for at in _headers(content):
        if _kind(content, at) == _PT_GNU_STACK:
            struct.pack_into("<I", content, at + 4, 7)


def _no_stack_header(content: bytearray) -> None:
    """Without this header the kernel gives an executable stack."""
    for at in _headers(content):
        if _kind(content, at) == _PT_GNU_STACK:
            struct.pack_into("<I", content, at, 0)


def _interpreter(content: bytearray) -> None:
    """Turn the table's own header into one that names a loader, which the kernel then starts."""
    place = len(content)
    content += _LOADER + b"\0"
    at = next(at for at in _headers(content) if _kind(content, at) == _PT_PHDR)
    struct.pack_into("<II6Q", content, at, _PT_INTERP, 4, place, 0, 0, len(_LOADER) + 1, len(_LOADER) + 1, 1)


def _other_machine(content: bytearray) -> None:
    struct.pack_into("<H", content, 18, _AARCH64)


def _old_go(content: bytearray) -> None:
    at = content.index(b"go1.", content.index(b"\xff Go buildinf:"))
    content[at : at + 6] = b"go1.19"


def _with_loader(draft: Draft) -> None:
    _program(_interpreter)(draft)
    draft.add_layer(a_file("lib64/ld-linux-x86-64.so.2", b"\x7fELF", 0o755))


def _empty(content: bytearray) -> None:
    content.clear()


def _script(words: str) -> Callable[[Draft], object]:
    """Start a script that starts the program."""

    def apply(draft: Draft) -> None:
        draft.settings["Entrypoint"] = ["/start"]
        draft.add_layer(a_file("start", f"#!{words}\nexec /server\n".encode(), 0o755))

    return apply


BLOBS = (
    Mutant(name="layer-flipped", change="one bit of a layer is another", claims=(_DIGESTS,),
           apply=_top_blob(_flipped)),
    Mutant(name="layer-truncated", change="half of a layer", claims=(_DIGESTS,),
           apply=_top_blob(_truncated)),
    Mutant(name="layer-lengthened", change="bytes after a layer's end", claims=(_DIGESTS,),
           apply=_top_blob(_lengthened)),
    Mutant(name="layer-size", change="a layer's promised size is wrong", claims=(_DIGESTS,),
           apply=_at_manifest(lambda manifest: _top_layer(manifest).__setitem__("size", 1234))),
    Mutant(name="layer-digest", change="a layer's promised digest is another blob's", claims=(_DIGESTS,),
           apply=_at_manifest(lambda manifest: _top_layer(manifest).update(
               digest=table(rows(manifest["layers"])[0])["digest"]))),
    Mutant(name="layer-missing", change="a layer's blob is not there", claims=(REFUSED,), apply=_blob_gone),
    Mutant(name="layer-type", change="a layer's media type is unknown", claims=(REFUSED,),
           apply=_at_manifest(lambda manifest: _top_layer(manifest).__setitem__("mediaType", "text/plain"))),
    Mutant(name="layer-tail", change="bytes after a layer's gzip stream, promised", claims=(REFUSED,),
           apply=_repacked(lambda blob: blob + b"more")),
    Mutant(name="layer-second-stream", change="a second gzip stream after a layer's, promised",
           claims=(_DIGESTS,), apply=_repacked(lambda blob: blob + LayerDraft.of(b"more").packed())),
    Mutant(name="layer-cut", change="a layer's gzip stream is cut short, promised", claims=(REFUSED,),
           apply=_repacked(lambda blob: blob[: len(blob) // 2])),
    Mutant(name="diff-id", change="a diff ID is wrong", claims=(_DIGESTS,), apply=_diff_id),
    Mutant(name="diff-ids-swapped", change="the diff IDs are in another order", claims=(_DIGESTS,),
           apply=_swapped),
    Mutant(name="diff-id-missing", change="a diff ID less than there are layers", claims=(REFUSED,),
           apply=_one_diff_id_less),
    Mutant(name="manifest-digest", change="another manifest under the promised digest", claims=(_DIGESTS,),
           apply=_manifest_changed),
    Mutant(name="manifest-size", change="the manifest's promised size is wrong", claims=(_DIGESTS,),
           apply=_at_entry(lambda entry: entry.__setitem__("size", 17))),
    Mutant(name="config-digest", change="another configuration under the promised digest",
           claims=(_DIGESTS,), apply=_config_changed),
    Mutant(name="layers-other-spelling", change='other layers in "Layers", beside "layers"',
           claims=(REFUSED,), apply=_respelled),
    Mutant(name="config-user-twice", change="a key twice in the configuration", claims=(REFUSED,),
           apply=_user_twice),
    Mutant(name="two-images", change="two images for one platform", claims=(REFUSED,), apply=_another_image),
    Mutant(name="config-missing", change="the configuration is not there", claims=(REFUSED,),
           apply=_no_config),
)  # fmt: skip
HEADERS = (
    Mutant(name="loader-missing", change="the program asks for a loader that is not there",
           claims=("binary.static", "binary.loader", "binary.relro"), apply=_program(_interpreter)),
    Mutant(name="dynamic", change="the program asks for a loader, which is there",
           claims=("binary.static", "binary.relro"), apply=_with_loader),
    Mutant(name="stack-executable", change="the program asks for an executable stack",
           claims=("binary.stack",), apply=_program(_executable_stack)),
    Mutant(name="stack-unsaid", change="the program does not say how its stack is to be",
           claims=("binary.stack",), apply=_program(_no_stack_header)),
    Mutant(name="machine", change="the program is for arm64", claims=("image.platform",),
           apply=_program(_other_machine)),
    Mutant(name="old-go", change="the program says that Go 1.19 built it", claims=("binary.go-supported",),
           apply=_program(_old_go), is_information=True),
    Mutant(name="empty-program", change="the program is empty", claims=("image.well-formed",),
           apply=_program(_empty), also=("binary.static", "binary.woven")),
    Mutant(name="text-program", change="the program is a text", claims=("image.well-formed",),
           apply=_program(lambda content: content.__setitem__(slice(None), b"exec /server\n")),
           also=("binary.static", "binary.woven")),
    Mutant(name="script", change="a script for a shell that is not there starts the program",
           claims=("binary.loader", "image.entrypoint"), apply=_script("/bin/sh"),
           also=("binary.static", "binary.woven")),
    Mutant(name="script-env", change="a script for env sh starts the program",
           claims=("image.entrypoint", "binary.loader"), apply=_script("/usr/bin/env sh"),
           also=("binary.static", "binary.woven")),
    Mutant(name="script-python", change="a script for a Python that is not there starts the program",
           claims=("binary.loader",), apply=_script("/usr/bin/python3"),
           also=("binary.static", "binary.woven")),
)  # fmt: skip
OF_BYTES = (*BLOBS, *HEADERS)
