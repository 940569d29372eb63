"""OCI documents: valid by the specification's own schemas, the same bytes for the same values."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from seatrial.errors import FormatError
from seatrial.formats import oci
from seatrial.model.image import Healthcheck, ImageConfig, Layer

SCHEMAS = Path(__file__).parents[2] / "golden" / "oci-schema"
LAYER = Layer(
    digest="sha256:" + "1" * 64,
    diff_id="sha256:" + "2" * 64,
    size_bytes=10,
    tar_bytes=20,
    content_bytes=5,
    media_type="application/vnd.oci.image.layer.v1.tar+gzip",
    path=Path("unused"),
    comment="seatrial: service",
)
CONFIG = ImageConfig(
    architecture="amd64",
    entrypoint=("/server",),
    env=("PATH=/bin", "A=b"),
    ports=("8080/tcp",),
    labels=(("org.opencontainers.image.title", "orders"),),
    created="2026-01-02T03:04:05Z",
    healthcheck=Healthcheck(argv=("/server", "--health-check"), interval_s=0.5),
)


def validate(schema: str, document: bytes) -> None:
    """Check a document against one of the specification's schemas."""
    _validator(schema).validate(json.loads(document))


@cache
def _validator(schema: str) -> Draft4Validator:
    definitions = {
        path.name: _merged(json.loads(path.read_text()), path.name) for path in SCHEMAS.glob("*.json")
    }
    return Draft4Validator({"$ref": f"#/definitions/{schema}", "definitions": definitions})


def _merged(value: object, file: str) -> object:
    """Turn references between the files into references inside one document; inner ids would break them."""
    if isinstance(value, list):
        return [_merged(item, file) for item in value]
    if not isinstance(value, dict):
        return value
    merged = {key: _merged(item, file) for key, item in value.items() if key not in {"id", "$schema"}}
    if isinstance(value.get("$ref"), str):
        other, _, inner = str(value["$ref"]).partition("#")
        merged["$ref"] = f"#/definitions/{other or file}{inner}"
    return merged


def manifest_of(config: bytes) -> oci.Manifest:
    return oci.Manifest(
        config=oci.describe(config, oci.CONFIG),
        layers=(oci.layer_descriptor(LAYER),),
        annotations=(("org.opencontainers.image.title", "orders"),),
    )


def test_config_is_valid_and_holds_dockers_healthcheck() -> None:
    blob = oci.encode_config(CONFIG, (LAYER,))
    validate("config-schema.json", blob)
    table = json.loads(blob)
    assert table["config"]["Healthcheck"] == {
        "Test": ["CMD", "/server", "--health-check"],
        "Interval": 500_000_000,
        "Timeout": 5_000_000_000,
        "StartPeriod": 10_000_000_000,
        "Retries": 3,
    }
    assert table["rootfs"] == {"type": "layers", "diff_ids": [LAYER.diff_id]}
    assert table["history"] == [{"created": "2026-01-02T03:04:05Z", "created_by": "seatrial: service"}]
    assert table["config"]["User"] == "65532:65532"
    assert "Cmd" not in table["config"]


def test_manifest_index_and_layout_file_are_valid() -> None:
    manifest = oci.encode_manifest(manifest_of(oci.encode_config(CONFIG, (LAYER,))))
    validate("image-manifest-schema.json", manifest)
    named = replace(
        oci.describe(manifest, oci.MANIFEST),
        annotations=((oci.REFERENCE_NAME, "orders:1"),),
        platform=oci.Platform(architecture="amd64", os="linux"),
    )
    validate("image-index-schema.json", oci.encode_index((named,)))
    validate("image-layout-schema.json", oci.LAYOUT_FILE)


def test_the_schemas_refuse_a_wrong_document() -> None:
    manifest = json.loads(oci.encode_manifest(manifest_of(b"{}")))
    manifest["config"]["size"] = "12"
    with pytest.raises(Exception, match="'12' is not of type"):
        validate("image-manifest-schema.json", json.dumps(manifest).encode())


texts = st.text(st.characters(codec="utf-8"), max_size=20)
configs = st.builds(
    ImageConfig,
    architecture=st.sampled_from(("amd64", "arm64")),
    entrypoint=st.lists(texts, min_size=1, max_size=3).map(tuple),
    cmd=st.lists(texts, max_size=3).map(tuple),
    env=st.lists(texts, max_size=3).map(tuple),
    ports=st.lists(st.integers(1, 65535).map(lambda port: f"{port}/tcp"), max_size=3).map(tuple),
    labels=st.dictionaries(texts, texts, max_size=4).map(lambda table: tuple(table.items())),
    annotations=st.dictionaries(texts, texts, max_size=4).map(lambda table: tuple(table.items())),
    healthcheck=st.none()
    | st.builds(
        Healthcheck, argv=st.just(("/s",)), interval_s=st.floats(0.001, 3600), retries=st.integers(0, 9)
    ),
)


@given(configs)
def test_any_config_is_valid_and_always_the_same_bytes(config: ImageConfig) -> None:
    blob = oci.encode_config(config, (LAYER, LAYER))
    validate("config-schema.json", blob)
    shuffled = replace(config, labels=config.labels[::-1], annotations=config.annotations[::-1])
    assert oci.encode_config(shuffled, (LAYER, LAYER)) == blob
    assert oci.canonical_json(oci.parse_json(blob)) == blob


@given(configs)
def test_a_manifest_reads_back_as_written(config: ImageConfig) -> None:
    manifest = replace(
        manifest_of(oci.encode_config(config, (LAYER,))), annotations=tuple(sorted(config.annotations))
    )
    assert oci.parse_manifest(oci.encode_manifest(manifest)) == manifest


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | texts, lambda inner: st.dictionaries(texts, inner)
    )
)
def test_whatever_json_is_read_only_format_errors_come_out(value: object) -> None:
    blob = json.dumps(value).encode()
    for parse in (oci.parse_manifest, oci.parse_index, oci.parse_docker_manifest, oci.parse_json):
        try:
            parse(blob)
        except FormatError:
            continue


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (b"", "not JSON"),
        (b"[]", "expected an object"),
        (b'{"a":1,"a":2}', "given twice"),
        (b'{"layers":[],"Layers":[]}', "two spellings"),
        (b"[" * 200_000, "not JSON"),
        (b'{"schemaVersion":1}', "not an image manifest"),
        (b'{"schemaVersion":2,"config":{"digest":"sha256:..","size":1}}', "not a sha256 digest"),
        (b'{"schemaVersion":2,"config":{"digest":"sha256:' + b"0" * 64 + b'","size":-1}}', "without a size"),
        (
            b'{"schemaVersion":2,"config":{"digest":"sha256:' + b"0" * 64 + b'","size":true}}',
            "without a size",
        ),
    ],
)
def test_broken_manifest_is_refused(document: bytes, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        oci.parse_manifest(document, "here")


def test_digest_never_becomes_another_path() -> None:
    with pytest.raises(FormatError):
        oci.blob_name("sha256:../../etc/passwd")
    assert oci.blob_name("sha256:" + "a" * 64) == "blobs/sha256/" + "a" * 64
