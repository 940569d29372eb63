"""What the small files of an image tell, as the merged image has them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from engines import go_build
from seatrial.errors import FormatError
from seatrial.model.facts import StaticFacts
from seatrial.observe.static import observe_static
from stranger_images import digest_of, put_image, tar_of

STATUS = b"Package: %b\nStatus: install ok installed\nVersion: 1\n"
RELEASE = b"ID=debian\nVERSION_ID=12\n"


def observe(root: Path) -> StaticFacts:
    return observe_static(root, scratch=root.parent)


def rewrite(root: Path, changes: dict[str, object], platform: dict[str, str] | None = None) -> Path:
    """Change an image's configuration, with all digests made right again."""
    (described,) = json.loads((root / "index.json").read_text())["manifests"]
    manifest = json.loads((root / "blobs" / described["digest"].replace(":", "/")).read_text())
    config = json.loads((root / "blobs" / manifest["config"]["digest"].replace(":", "/")).read_text())
    manifest["config"] |= store(root, json.dumps(config | changes).encode())
    described |= store(root, json.dumps(manifest).encode())
    if platform:
        described["platform"] = platform
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [described]}))
    return root


def store(root: Path, content: bytes) -> dict[str, object]:
    digest = digest_of(content)
    (root / "blobs" / digest.replace(":", "/")).write_bytes(content)
    return {"digest": digest, "size": len(content)}


def test_packages_are_those_of_the_uppermost_database(tmp_path: Path) -> None:
    lower = tar_of(
        ("var/lib/dpkg/status", STATUS % b"old"),
        ("var/lib/dpkg/status.d/tzdata", b"Package: tzdata\nVersion: 2\n"),
        ("var/lib/dpkg/status.d/tzdata.md5sums", b"Package: no\n"),
        ("lib/apk/db/installed", b"P:musl\nV:1\nI:9\n"),
    )
    upper = tar_of(("var/lib/dpkg/status", STATUS % b"new"), ("lib/apk/db/.wh.installed", b""))
    facts = observe(put_image(tmp_path / "image", [lower, upper], {}))
    assert [(package.kind, package.name) for package in facts.packages] == [("deb", "new"), ("deb", "tzdata")]


def test_os_release_and_users_are_found_through_links(tmp_path: Path) -> None:
    layer = tar_of(
        ("usr/lib/os-release", RELEASE),
        ("etc/os-release", "../usr/lib/os-release"),
        ("etc/passwd", b"app:x:1000:1000::/:\n"),
    )
    facts = observe(put_image(tmp_path / "image", [layer], {}))
    assert facts.os_release == (("ID", "debian"), ("VERSION_ID", "12"))
    assert facts.users == (("app", 1000),)


def test_removed_files_tell_nothing(tmp_path: Path) -> None:
    lower = tar_of(("etc/os-release", RELEASE), ("etc/passwd", b"app:x:1:1::/:\n"))
    facts = observe(put_image(tmp_path / "image", [lower, tar_of((".wh.etc", b""))], {}))
    assert (facts.os_release, facts.users, facts.packages) == ((), None, ())


def test_rpm_database_is_named_as_not_read(tmp_path: Path) -> None:
    layer = tar_of(("usr/lib/sysimage/rpm/rpmdb.sqlite", b"SQLite format 3\0"))
    facts = observe(put_image(tmp_path / "image", [layer], {}))
    assert facts.packages == ()
    assert "rpmdb.sqlite was not read" in facts.not_read[0]


def test_layers_tell_their_sizes_and_what_made_them(tmp_path: Path) -> None:
    tars = [tar_of(("a", b"12345")), tar_of(("a", b"1"), ("b", b"22"))]
    history = [
        {"created_by": "COPY a"},
        {"created_by": "ENV X=1", "empty_layer": True},
        {"created_by": "COPY b"},
        {"created_by": "too many"},
    ]
    root = rewrite(put_image(tmp_path / "image", tars, {}), {"history": history})
    facts = observe(root)
    assert [(layer.content_bytes, layer.created_by) for layer in facts.layers] == [
        (5, "COPY a"),
        (3, "COPY b"),
    ]
    assert [layer.size_bytes for layer in facts.layers] == list(facts.layer_sizes_bytes)
    assert {layer.digest == layer.diff_id for layer in facts.layers} == {False}


def test_platform_is_what_the_index_says(tmp_path: Path) -> None:
    platform = {"os": "linux", "architecture": "arm", "variant": "v7"}
    root = rewrite(put_image(tmp_path / "image", [tar_of(("a", b""))], {}), {}, platform)
    assert observe(root).platform == "linux/arm/v7"


def test_history_of_a_wrong_shape_is_refused(tmp_path: Path) -> None:
    root = rewrite(put_image(tmp_path / "image", [tar_of(("a", b""))], {}), {"history": ["x"]})
    with pytest.raises(FormatError):
        observe(root)


def test_programs_are_found_for_the_command_its_loader_and_its_health(tmp_path: Path) -> None:
    layer = tar_of(
        ("usr/bin", None), ("bin", "usr/bin"), ("app/run", b"#!/bin/py -I\n"), ("usr/bin/py", b"x")
    )
    settings: dict[str, object] = {
        "Entrypoint": ["/app/run"],
        "Healthcheck": {"Test": ["CMD", "py", "-c", "1"]},
    }
    facts = observe(put_image(tmp_path / "image", [layer], settings))
    assert (facts.script_interpreter, facts.has_interpreter) == ("/bin/py -I", True)
    assert facts.health_program == "/usr/bin/py"


@pytest.mark.go
def test_code_by_package_is_only_summed_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text("package main\n\nfunc main() { println(1) }\n")
    (tmp_path / "go.mod").write_text("module example.com/app\n\ngo 1.22\n")
    program = go_build(tmp_path, tmp_path / "program", "-trimpath")
    root = put_image(tmp_path / "image", [tar_of(("s", program.read_bytes()))], {"Entrypoint": ["/s"]})
    plain = observe(root).go
    full = observe_static(root, scratch=tmp_path, has_code_bytes=True).go
    assert plain is not None
    assert full is not None
    assert plain.code_bytes == ()
    assert dict(full.code_bytes)["runtime"] > 100_000
    assert replace(full, code_bytes=()) == plain
