"""Facts survive being written down, and nothing else is taken for facts."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from facts import RUNNING, STATIC
from seatrial.errors import FormatError
from seatrial.formats.jsonvalue import as_table
from seatrial.model.facts import (
    Facts,
    GoModule,
    LayerFact,
    PackageFact,
    SecretFact,
    Variation,
)
from seatrial.papers.facts_json import facts_text, read_facts

LAYER = LayerFact(
    digest="sha256:1",
    diff_id="sha256:2",
    media_type="",
    size_bytes=3,
    content_bytes=4,
    created_by="COPY ü \udcff",
)
FULL = Facts(
    static=replace(
        STATIC,
        layers=(LAYER,),
        packages=(PackageFact(kind="deb", name="libc6", version="2.36", installed_bytes=13),),
        secrets=(SecretFact(path="root/.env", kind="dotenv file", layer=0, is_hidden=True),),
        os_release=(("ID", "debian"),),
        go=replace(STATIC.go, hidden_modules=(GoModule(path="x", version="v1"),), code_bytes=(("fmt", 9),))
        if STATIC.go
        else None,
    ),
    running=replace(
        RUNNING,
        writes=("data/x.db",),
        timeline=(("started", 1.5), ("listening", 20)),
        variations=(Variation(name="no database", was_tried=True, status=0, ended_early=-9, elapsed_ms=1.0),),
        shutdown=replace(RUNNING.shutdown, exit_code=None) if RUNNING.shutdown else None,
    ),
)


def changed(path: str, value: object) -> bytes:
    """Return the file of FULL with one value replaced; the path is dotted, a value of None removes it."""
    document = as_table(json.loads(facts_text("orders:1", FULL)))
    *parents, last = path.split(".")
    table = document
    for name in parents:
        table = as_table(table[name])
    if value is None:
        del table[last]
    else:
        table[last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "facts", [FULL, Facts(static=replace(STATIC, elf=None, go=None, config={}), running=None)]
)
def test_facts_are_read_as_they_were_written(facts: Facts) -> None:
    assert read_facts(facts_text("orders:1", facts).encode(), "f.json") == ("orders:1", facts)


def test_same_facts_give_the_same_bytes() -> None:
    assert facts_text("orders:1", FULL) == facts_text("orders:1", FULL)


def test_field_that_an_older_file_lacks_has_its_default() -> None:
    _, facts = read_facts(changed("facts.static.packages", None), "f.json")
    assert facts.static.packages == ()


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("facts.static.digest", None, "the field 'digest' is missing"),
        ("facts.static.colour", "red", "unknown field 'colour'"),
        ("facts.static.content_bytes", "9", "static.content_bytes: expected int, found str"),
        ("facts.static.content_bytes", True, "expected int, found bool"),
        ("facts.static.elf.is_pie", 1, "elf.is_pie: expected bool, found int"),
        ("facts.static.paths", {}, "static.paths: expected an array"),
        ("facts.static.os_release", [["ID"]], r"os_release\[0\]: expected 2 items, found 1"),
        ("facts.running.time_to_listen_ms", float("inf"), "expected a finite number"),
        ("facts.running.spans", ["x"], r"spans\[0\]: expected an object"),
        ("facts.running.engine", ["x"], "engine: expected str, found list"),
        ("facts.static.config", [], "config: expected an object"),
        ("format", "seatrial facts 2", "not 'seatrial facts 1'"),
        ("extra", 1, "expected the keys facts, format, image"),
        ("image", 1, "expected text"),
    ],
)
def test_what_is_not_as_facts_are_is_refused(path: str, value: object, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        read_facts(changed(path, value), "f.json")


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(content: bytes) -> None:
    with pytest.raises(FormatError, match=r"f\.json"):
        read_facts(content, "f.json")
