"""``seatrial trial`` as a person and a CI job start it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from images import base_entries, file, write_image
from seatrial.formats.jsonvalue import as_list, as_table
from seatrial.model.image import ImageConfig

pytestmark = pytest.mark.sandbox

ROOT_CONFIG = ImageConfig(architecture="amd64", entrypoint=("/server",), user="")


def seatrial(
    *arguments: str, cwd: Path, cache: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a directory of its own."""
    home = {"XDG_CACHE_HOME": str(cache or cwd / "cache")}
    return subprocess.run(
        (sys.executable, "-m", "seatrial", *arguments),
        cwd=cwd,
        env=os.environ | home | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def states(output: str) -> dict[str, str]:
    """Return the state of each verdict in the object of --json."""
    found = (as_table(item) for item in as_list(as_table(json.loads(output))["verdicts"]))
    return {str(verdict["id"]): str(verdict["state"]) for verdict in found}


def small_image(place: Path, content: bytes = b"no program", config: ImageConfig | None = None) -> Path:
    """Write an image that can be looked at and not be run."""
    return write_image(place, [base_entries(), [file("server", content, mode=0o755)]], config=config)


def test_good_image_passes_in_ten_lines(trial_image: Path, tmp_path: Path) -> None:
    done = seatrial("trial", str(trial_image), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) <= 10
    assert lines[-1].endswith("none stops this image")
    assert "listening on 8080" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_tar_gives_the_verdicts_of_the_layout(trial_image: Path, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(trial_image, arcname=".")
    from_layout = seatrial("trial", str(trial_image), "--json", "-q", cwd=tmp_path)
    from_tar = seatrial("trial", "image.tar", "--json", "-q", cwd=tmp_path)
    assert from_tar.returncode == 0
    assert states(from_tar.stdout) == states(from_layout.stdout)
    assert from_tar.stderr == ""


def test_promise_that_is_not_kept_fails(trial_image: Path, tmp_path: Path) -> None:
    done = seatrial("trial", str(trial_image), "--expect", "woven,static", "--json", cwd=tmp_path)
    assert done.returncode == 1
    found = states(done.stdout)
    assert (found["binary.woven"], found["binary.static"]) == ("fail", "pass")
    told = seatrial("trial", str(trial_image), "--expect", "woven", cwd=tmp_path).stdout
    assert told.startswith("✗ binary.woven: ")


def test_settings_here_say_how_it_is_driven(trial_image: Path, tmp_path: Path) -> None:
    (tmp_path / "seatrial.toml").write_text(
        "[gates]\nimage_size = '1KB'\n[trial]\nrequests = ['GET /somewhere']\n"
    )
    done = seatrial("trial", str(trial_image), cwd=tmp_path)
    assert done.returncode == 1
    assert "✗ image.size" in done.stdout
    assert "GET /somewhere -> 200" in done.stdout
    (tmp_path / "other.toml").write_text("")
    assert seatrial("trial", str(trial_image), "--config", "other.toml", cwd=tmp_path).returncode == 0


def test_saved_facts_are_judged_again_without_the_image(trial_image: Path, tmp_path: Path) -> None:
    seen = seatrial("trial", str(trial_image), "--json", "--facts", "facts.json", cwd=tmp_path)
    again = seatrial("trial", "--from-facts", "facts.json", "--json", cwd=tmp_path, PATH="")
    assert (seen.returncode, again.returncode) == (0, 0)
    assert json.loads(again.stdout) == json.loads(seen.stdout)
    stricter = seatrial("trial", "--from-facts", "facts.json", "--expect", "size=1KB", cwd=tmp_path)
    assert stricter.returncode == 1


def test_old_distribution_is_told_by_the_day_of_the_trial(tmp_path: Path) -> None:
    old = b'ID=debian\nVERSION_ID="10"\n'
    layers = [[*base_entries(), file("etc/os-release", old)], [file("server", b"no program", mode=0o755)]]
    image = write_image(tmp_path / "image", layers)
    done = seatrial("trial", str(image), "--no-run", "--json", "--facts", "facts.json", cwd=tmp_path)
    assert states(done.stdout)["image.base-supported"] == "fail"
    again = seatrial("trial", "--from-facts", "facts.json", "--no-run", "--json", cwd=tmp_path)
    assert states(again.stdout)["image.base-supported"] == "fail"


def test_image_can_be_looked_at_only(trial_image: Path, tmp_path: Path) -> None:
    done = seatrial("trial", str(trial_image), "--no-run", "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert states(done.stdout)["trial.starts"] == "unknown"
    assert as_table(json.loads(done.stdout))["engine"] == ""


def test_image_of_roots_fails_with_its_fix(tmp_path: Path) -> None:
    image = small_image(tmp_path / "image", config=ROOT_CONFIG)
    done = seatrial("trial", str(image), "--no-run", "-q", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("✗ image.user: the image names no user")
    assert "set USER 65532:65532" in done.stdout
    assert done.stderr == ""


def test_changed_byte_is_a_verdict(tmp_path: Path) -> None:
    image = small_image(tmp_path / "image")
    largest = max((image / "blobs/sha256").iterdir(), key=lambda blob: blob.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[-9] ^= 1
    largest.write_bytes(content)
    done = seatrial("trial", str(image), "--json", "--facts", "facts.json", cwd=tmp_path)
    assert done.returncode == 1
    assert states(done.stdout) == {"image.digests": "fail"}
    assert not (tmp_path / "facts.json").exists()


def test_image_for_another_machine_is_unknown_and_stops(tmp_path: Path) -> None:
    config = ImageConfig(architecture="s390x", entrypoint=("/server",))
    image = small_image(tmp_path / "image", config=config)
    done = seatrial("trial", str(image), cwd=tmp_path)
    assert done.returncode == 1
    assert "not started: the image is for s390x" in done.stdout
    assert "? trial.starts" in done.stdout


def test_one_of_several_images_is_chosen(tmp_path: Path) -> None:
    first = small_image(tmp_path / "first")
    second = small_image(tmp_path / "second", b"another", config=ROOT_CONFIG)
    for blob in (second / "blobs/sha256").iterdir():
        shutil.copy(blob, first / "blobs/sha256" / blob.name)
    entries = [json.loads((place / "index.json").read_text())["manifests"][0] for place in (first, second)]
    for entry, architecture in zip(entries, ("amd64", "arm64"), strict=True):
        entry["platform"] = {"os": "linux", "architecture": architecture}
    (first / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    refused = seatrial("trial", "first", "--no-run", cwd=tmp_path)
    assert refused.returncode == 2
    assert all(entry["digest"] in refused.stderr for entry in entries)
    chosen = [
        seatrial("trial", f"first@{entries[1]['digest']}", "--no-run", "--json", cwd=tmp_path),
        seatrial("trial", "first", "--platform", "linux/arm64", "--no-run", "--json", cwd=tmp_path),
    ]
    for done in chosen:
        assert json.loads(done.stdout)["digest"] == entries[1]["digest"]
        assert states(done.stdout)["image.user"] == "fail"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "name an image"),
        (("x", "--from-facts", "y"), 2, "name an image, or a file of facts"),
        (("./nowhere",), 2, "there is no such file or directory"),
        (("--from-facts", "nowhere.json"), 2, "cannot be read"),
        (("seatrial.test/absent:1",), 4, "not on PATH"),
        (("docker:absent:1",), 4, "apt-get install docker.io"),
        (("./here", "--expect", "beauty"), 2, "'beauty' is no promise"),
        (("./here", "--platform", "windows"), 2, "is not a platform"),
        (("./here", "--config", "none.toml"), 2, "none.toml"),
        (("./here",), 2, "this is no image"),
    ],
)
def test_what_cannot_be_tried_says_why(
    arguments: tuple[str, ...], code: int, words: str, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    done = seatrial("trial", *arguments, cwd=tmp_path, PATH="")
    assert (done.returncode, done.stdout) == (code, "")
    assert words in done.stderr


def test_papers_are_written_also_for_an_image_that_is_stopped(tmp_path: Path) -> None:
    small_image(tmp_path / "image", config=ROOT_CONFIG)
    papers = ("--junit", "out/junit.xml", "--sarif", "out/trial.sarif", "--summary", "out/summary.md")
    for _ in range(2):
        assert seatrial("trial", "image", "--no-run", *papers, cwd=tmp_path).returncode == 1
    assert 'name="image.user"' in (tmp_path / "out/junit.xml").read_text()
    assert json.loads((tmp_path / "out/trial.sarif").read_text())["version"] == "2.1.0"
    assert (tmp_path / "out/summary.md").read_text().count("### ✗ image: ") == 2


def test_paper_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    small_image(tmp_path / "image")
    (tmp_path / "file").write_text("")
    done = seatrial("trial", "image", "--no-run", "--summary", "file/summary.md", cwd=tmp_path)
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
