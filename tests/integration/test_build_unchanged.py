"""The no-change path: right, not only fast. Every input that changes leads to another look."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builds import MAIN, PLAIN, Seatrial, commit_all, git, own_cache, write_service

pytestmark = pytest.mark.go

FILES = {
    "main.go": 'package main\n\nimport (\n\t_ "embed"\n\t"example.com/svc/internal/words"\n)\n\n'
    "//go:embed asset.txt\nvar asset string\n\nfunc main() { println(asset, words.Words) }\n",
    "asset.txt": "asset\n",
    "internal/words/words.go": 'package words\n\nconst Words = "words"\n',
    "README.md": "a service\n",
}


class Service:
    """A service with its own cache, and the words of the last command."""

    def __init__(self, place: Path) -> None:
        self.root = write_service(place / "svc", FILES)
        self.output = place / "out"
        self.place = place
        commit_all(self.root)
        self.seatrial: Seatrial = own_cache(place / "cache")
        self.env: dict[str, str] = {}
        self.words: list[str] = []

    def is_cached(self) -> bool:
        time.sleep(0.03)  # beyond the tick in which a file's time cannot tell two writes apart
        done = self.seatrial(
            "build", str(self.root), "-o", str(self.output), "--json", *PLAIN, *self.words, **self.env
        )
        assert done.code == 0, done.stderr
        return bool(done.at("cached"))


def touch_with_old_times(path: Path, content: str) -> None:
    before = path.stat()
    path.write_text(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def other_go(service: Service) -> None:
    """Put another go first on PATH: the same program, elsewhere."""
    folder = service.place / "bin"
    folder.mkdir(exist_ok=True)
    go = next(Path(f, "go") for f in os.environ["PATH"].split(":") if Path(f, "go").exists())
    (folder / "go").unlink(missing_ok=True)
    (folder / "go").symlink_to(go)
    service.env["PATH"] = f"{folder}:{os.environ['PATH']}"


CHANGES: dict[str, Callable[[Service], object]] = {
    "source": lambda s: (s.root / "internal/words/words.go").write_text(
        'package words\n\nconst Words = "other"\n'
    ),
    "source with its old modification time and size": lambda s: touch_with_old_times(
        s.root / "internal/words/words.go", FILES["internal/words/words.go"].replace('"words"', '"sword"')
    ),
    "new source file": lambda s: (s.root / "more.go").write_text("package main\n\nfunc init() {}\n"),
    "embedded file": lambda s: (s.root / "asset.txt").write_text("changed\n"),
    "go.mod": lambda s: (s.root / "go.mod").write_text("module example.com/svc\n\ngo 1.25\n"),
    "go.sum appears": lambda s: (s.root / "go.sum").write_text(
        "golang.org/x/text v0.3.6/go.mod h1:5Zoc/QRtKVWzQhOtBMvqHzDpF6irO9z98xDceosuGiQ=\n"
    ),
    "go.work appears above": lambda s: (s.place / "go.work").write_text("go 1.25\n\nuse ./svc\n"),
    "a commit": lambda s: git(s.root, "commit", "-q", "--allow-empty", "-m", "two"),
    "a tag": lambda s: git(s.root, "tag", "v1.2.3"),
    "an uncommitted change beside the sources": lambda s: (s.root / "README.md").write_text("dirty\n"),
    "an untracked file": lambda s: (s.root / "notes.txt").write_text("dirty\n"),
    "build flags": lambda s: s.env.update(GOFLAGS="-buildvcs=auto -tags=pro"),
    "an environment variable that Go reads": lambda s: s.env.update(GOAMD64="v2"),
    "SOURCE_DATE_EPOCH": lambda s: s.env.update(SOURCE_DATE_EPOCH="1700000000"),
    "toolchain": other_go,
    "settings file": lambda s: (s.root / "seatrial.toml").write_text('[image]\nports = ["8080"]\n'),
    "Dockerfile's port": lambda s: (s.root / "Dockerfile").write_text("FROM scratch\nEXPOSE 9090\n"),
    "a flag": lambda s: s.words.extend(("-t", "other:1")),
    "the output was removed": lambda s: (s.output / "index.json").unlink(),
    "the output was changed": lambda s: (s.output / "index.json").write_text("{}"),
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Service:
    """One service, to which one change after another is made."""
    return Service(tmp_path_factory.mktemp("kept"))


def settle(service: Service) -> None:
    """Build until nothing is left to do; a file that was only just written is recorded by a second run."""
    assert any(service.is_cached() for _ in range(3))


@pytest.mark.parametrize("change", CHANGES)
def test_change_is_looked_at(kept: Service, change: str) -> None:
    settle(kept)
    CHANGES[change](kept)
    assert not kept.is_cached(), change


@settings(max_examples=2, deadline=None, derandomize=True)
@given(changes=st.permutations(sorted(CHANGES)).map(lambda found: found[:3]))
def test_changes_in_any_order_are_looked_at(
    tmp_path_factory: pytest.TempPathFactory, changes: list[str]
) -> None:
    service = Service(tmp_path_factory.mktemp("changes"))
    for change in changes:
        settle(service)
        CHANGES[change](service)
        assert not service.is_cached(), changes


def test_another_directory_of_the_same_bytes_gives_the_same_image(tmp_path: Path) -> None:
    """Two checkouts, two caches, two days apart: one digest."""
    digests = set()
    for name in ("here", "elsewhere/deeper"):
        place = tmp_path / name
        place.mkdir(parents=True)
        service = Service(place)
        for file in service.root.glob("*.go"):
            os.utime(file, (1.6e9, 1.6e9))
        done = service.seatrial("build", str(service.root), "-o", str(service.output), "--json", *PLAIN)
        digests.add(done.at("image", "digest"))
    assert len(digests) == 1


def test_what_a_killed_linker_leaves_is_neither_used_nor_kept(service: Path, tmp_path: Path) -> None:
    seatrial = own_cache(tmp_path / "cache")
    assert seatrial("build", str(service), *PLAIN).code == 0
    (place,) = (path.parent for path in (tmp_path / "cache/seatrial/services").glob("*/programs"))
    leftover = place / "linking-0123456789ab"
    leftover.write_text("half a program")
    (service / "main.go").write_text(MAIN.replace("one", "two"))
    assert seatrial("build", str(service), *PLAIN).code == 0
    assert not list(place.glob("linking*"))
