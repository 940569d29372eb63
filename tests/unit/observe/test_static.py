"""Images read as a stranger: ours, others', and damaged ones."""

from __future__ import annotations

import gzip
import json
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from seatrial.assemble import assemble, deliver
from seatrial.errors import FormatError, MachineError, SeatrialError, UntrustedInput
from seatrial.model.facts import PathFact, StaticFacts
from seatrial.model.image import Base, Entry, EntryKind, ImageConfig
from seatrial.model.plan import Output
from seatrial.observe.static import observe_static
from stranger_images import digest_of, put_image, tar_of


def observe(root: Path) -> StaticFacts:
    return observe_static(root, scratch=root.parent)


def test_assembled_image_is_observed_as_it_was_meant(tmp_path: Path) -> None:
    files = (
        Entry(path="server", kind=EntryKind.FILE, mode=0o755, content=b"#!/bin/sh\n"),
        Entry(path="etc", kind=EntryKind.DIRECTORY, mode=0o755),
        Entry(path="etc/l", kind=EntryKind.SYMLINK, mode=0o777, link_target="/server", uid=3, gid=4),
    )
    base = Base(name="scratch", layers=(), packages=(), lock={})
    config = ImageConfig(
        architecture="amd64", entrypoint=("/etc/l",), annotations=(("org.opencontainers.image.title", "x"),)
    )
    image = assemble(files=files, base=base, config=config, scratch=tmp_path / "s", reference="x:1")
    deliver(image, Output(path=tmp_path / "x.tar", form="tar"))
    facts = observe(image.layout)
    assert observe(tmp_path / "x.tar") == facts
    assert facts.digest == image.digest
    assert facts.annotations == config.annotations
    assert (facts.content_bytes, facts.compressed_bytes) == (image.size_bytes, image.compressed_bytes)
    assert facts.layer_sizes_bytes == tuple(layer.size_bytes for layer in image.layers)
    assert facts.executable == "/server"
    assert (facts.problems, facts.script_interpreter) == ((), "/bin/sh")
    assert facts.has_interpreter is False
    expected = PathFact(
        path="etc/l", kind="symlink", mode=0o777, uid=3, gid=4, size_bytes=0, link_target="/server", layer=0
    )
    assert facts.paths[1] == expected


def several_members(content: bytes) -> bytes:
    half = len(content) // 2
    return gzip.compress(content[:half]) + gzip.compress(content[half:]) + bytes(512)


@pytest.mark.parametrize(
    "pack", [gzip.compress, bytes, several_members], ids=["gzip", "plain", "gzip members"]
)
@pytest.mark.parametrize("format_", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_tars_of_other_tools(pack: Callable[[bytes], bytes], format_: int, tmp_path: Path) -> None:
    long = "/".join(["d" * 60] * (3 if format_ == tarfile.USTAR_FORMAT else 9))
    layer = tar_of(("./", None), ("./usr/bin/sudo", bytes(700_000)), (long, b"x"), format_=format_)
    facts = observe(put_image(tmp_path / "image", [layer], {"Cmd": ["sudo"]}, pack=pack))
    assert [fact.path for fact in facts.paths] == sorted([long, "usr/bin/sudo"])
    assert facts.paths[-1].mode == 0o4755
    assert facts.executable == "/usr/bin/sudo"
    assert facts.content_bytes == 700_001


@pytest.mark.parametrize(
    ("settings", "executable"),
    [
        ({"Entrypoint": ["/bin/tool"]}, "/opt/tool"),
        ({"Entrypoint": ["tool"]}, "/opt/tool"),
        ({"Entrypoint": [], "Cmd": ["hard"]}, "/usr/bin/hard"),
        ({"Entrypoint": ["./tool"], "WorkingDir": "/opt"}, "/opt/tool"),
        ({"Entrypoint": ["tool"], "Env": ["PATH=/nothing:/opt"]}, "/opt/tool"),
        ({"Entrypoint": ["tool"], "Env": ["PATH=/nothing"]}, ""),
        ({"Entrypoint": ["/gone"]}, ""),
        ({"Entrypoint": ["/opt"]}, ""),
        ({}, ""),
        ({"Entrypoint": None, "Cmd": None}, ""),
    ],
)
def test_executable_is_found_as_an_engine_would(
    settings: dict[str, object], executable: str, tmp_path: Path
) -> None:
    lower = tar_of(
        ("opt", None), ("opt/tool", b"lower"), ("usr/bin", None), ("gone", b"x"), ("bin", "usr/bin")
    )
    upper = tar_of(("opt/tool", b"upper!"), ("bin/tool", "../../opt/tool"), (".wh.gone", b""))
    hard = tar_of(("usr/bin/hard", "=opt/tool"))
    facts = observe(put_image(tmp_path / "image", [lower, upper, hard], settings))
    assert facts.executable == executable
    assert (facts.problems != ()) == bool(executable)  # found, read, and no ELF program


def test_the_upper_executable_is_the_one_that_is_read(tmp_path: Path) -> None:
    program = Path("/bin/sh").read_bytes()
    image = put_image(
        tmp_path / "image", [tar_of(("s", b"old")), tar_of(("s", program))], {"Entrypoint": ["/s"]}
    )
    facts = observe(image)
    assert facts.elf is not None
    assert facts.elf.interpreter.startswith("/lib")
    assert not facts.elf.is_static
    assert facts.go is None


@pytest.mark.parametrize(
    ("artifact_type", "is_image"),
    [("application/vnd.oci.image.config.v1+json", True), ("application/spdx+json", False)],
)
def test_image_with_its_configurations_type_is_one_as_ko_writes_it(
    artifact_type: str, is_image: bool, tmp_path: Path
) -> None:
    root = put_image(tmp_path / "image", [tar_of(("a", b""))], {})
    index = json.loads((root / "index.json").read_text())
    index["manifests"][0]["artifactType"] = artifact_type
    (root / "index.json").write_text(json.dumps(index))
    if is_image:
        assert observe(root).paths[0].path == "a"
    else:
        with pytest.raises(FormatError, match="0 images"):
            observe(root)


def test_two_images_need_a_choice(tmp_path: Path) -> None:
    one = put_image(tmp_path / "one", [tar_of(("a", b""))], {})
    index = json.loads((one / "index.json").read_text())
    other = put_image(tmp_path / "two", [tar_of(("b", b""))], {})
    for blob in (other / "blobs/sha256").iterdir():
        blob.rename(one / "blobs/sha256" / blob.name)
    (second,) = json.loads((other / "index.json").read_text())["manifests"]
    (first,) = index["manifests"]
    first["platform"] = {"architecture": "amd64", "os": "linux"}
    second["platform"] = {"architecture": "arm64", "os": "linux"}
    absent = {**first, "digest": "sha256:" + "0" * 64, "platform": {"architecture": "s390x", "os": "linux"}}
    attestation = {**second, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    index["manifests"] = [attestation, first, second, absent]
    (one / "index.json").write_text(json.dumps(index))
    with pytest.raises(FormatError, match="2 images to choose from: amd64 sha256:"):
        observe(one)
    assert observe_static(one, scratch=tmp_path, architecture="arm64").paths[0].path == "b"
    assert observe_static(one, scratch=tmp_path, digest=str(first["digest"])).paths[0].path == "a"


def blob_of(root: Path, number: int) -> Path:
    """Return the blob of one layer."""
    (described,) = json.loads((root / "index.json").read_text())["manifests"]
    manifest = json.loads((root / "blobs" / described["digest"].replace(":", "/")).read_text())
    return root / "blobs" / str(manifest["layers"][number]["digest"]).replace(":", "/")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def resize(root: Path, change: int) -> None:
    """Let the index promise another size for the manifest."""
    index = json.loads((root / "index.json").read_text())
    index["manifests"][0]["size"] += change
    (root / "index.json").write_text(json.dumps(index))


def flip_all(directory: Path) -> None:
    for path in directory.iterdir():
        flip(path)


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda root: flip(blob_of(root, 0)), SeatrialError),
        (lambda root: blob_of(root, 0).write_bytes(blob_of(root, 0).read_bytes()[:-1]), SeatrialError),
        (lambda root: blob_of(root, 0).write_bytes(blob_of(root, 0).read_bytes() + b"x"), UntrustedInput),
        (lambda root: blob_of(root, 0).unlink(), FormatError),
        (lambda root: resize(root, 1), UntrustedInput),
        (lambda root: resize(root, -1), UntrustedInput),
        (lambda root: (root / "index.json").write_text("[]"), FormatError),
        (lambda root: (root / "index.json").write_text('{"schemaVersion":2,"manifests":[]}'), FormatError),
        (lambda root: (root / "index.json").unlink(), FormatError),
        (lambda root: flip_all(root / "blobs/sha256"), UntrustedInput),
    ],
)
def test_damaged_image_is_refused(
    damage: Callable[[Path], object], error: type[SeatrialError], tmp_path: Path
) -> None:
    root = put_image(tmp_path / "image", [tar_of(("a", bytes(range(256)) * 999))], {})
    damage(root)
    with pytest.raises(error):
        observe(root)


def test_layer_that_is_not_what_the_configuration_promises_is_refused(tmp_path: Path) -> None:
    layer = tar_of(("a", b"x"))
    root = put_image(tmp_path / "image", [layer], {}, pack=lambda _: gzip.compress(tar_of(("b", b"y"))))
    with pytest.raises(UntrustedInput, match="expands to"):
        observe(root)


@pytest.mark.parametrize(
    "pack",
    [lambda _: b"not gzip", lambda content: gzip.compress(content)[:-4], lambda _: gzip.compress(b"no tar")],
)
def test_blob_that_is_no_layer_is_refused(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    with pytest.raises(FormatError):
        observe(put_image(tmp_path / "image", [tar_of(("a", b"x"))], {}, pack=pack))


def test_digests_are_compared_past_the_end_of_the_tar(tmp_path: Path) -> None:
    layer = tar_of(("a", b"x")) + b"after the end"
    assert observe(put_image(tmp_path / "image", [layer], {})).paths[0].path == "a"
    hidden = put_image(
        tmp_path / "two", [tar_of(("a", b"x"))], {}, pack=lambda tar: gzip.compress(tar + b"more")
    )
    with pytest.raises(UntrustedInput, match="expands to"):
        observe(hidden)


def test_damaged_layer_is_told_by_its_digest(tmp_path: Path) -> None:
    image = put_image(tmp_path / "image", [tar_of(("a", bytes(range(256)) * 8))], {})
    blob = next(path for path in (image / "blobs/sha256").iterdir() if path.read_bytes()[:2] == b"\x1f\x8b")
    content = bytearray(blob.read_bytes())
    for at in (2, len(content) // 2, len(content) - 6):  # the method, the data, the checksum
        damaged = bytearray(content)
        damaged[at] ^= 0x10
        blob.write_bytes(damaged)
        with pytest.raises(UntrustedInput, match="the blob's digest is"):
            observe(image)


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="No such file"):
        observe(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="this is no image"):
        observe(tmp_path / "empty")
    (tmp_path / "x.tar").write_bytes(zlib.compress(b"x" * 5000))
    with pytest.raises(FormatError, match="not a tar"):
        observe(tmp_path / "x.tar")


def test_old_docker_save_with_links_between_layers(tmp_path: Path) -> None:
    layer = tar_of(("a", b"x"))
    config = json.dumps({"config": {}, "rootfs": {"diff_ids": [digest_of(layer)] * 2}}).encode()
    manifest = [{"Config": "c.json", "RepoTags": ["x:1"], "Layers": ["one/layer.tar", "two/layer.tar"]}]
    saved = tar_of(
        ("c.json", config),
        ("one/layer.tar", layer),
        ("two/layer.tar", "../one/layer.tar"),
        ("manifest.json", json.dumps(manifest).encode()),
    )
    (tmp_path / "saved.tar").write_bytes(saved)
    facts = observe(tmp_path / "saved.tar")
    assert facts.digest == digest_of(config)
    assert [(fact.path, fact.layer) for fact in facts.paths] == [("a", 1)]
    assert facts.layer_sizes_bytes == (len(layer), len(layer))
