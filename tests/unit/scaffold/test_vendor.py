"""vendor/modules.txt with one module more: where Go itself would list it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.scaffold.vendor import vendored

ASPECTS = {
    "go.mod": b"module seatrial.dev/weave\n\ngo 1.18\n",
    "weave.go": b"package weave\n",
    "http/http.go": b'package http\n\nimport (\n\t"net/http"\n\n\t"seatrial.dev/weave/trace"\n)\n',
    "http/orchestrion.yml": b"meta: {}\n",
    "trace/trace.go": b"package trace\n",
    "internal/spantest/spantest.go": b"package spantest\n",
}
OURS = (
    "# seatrial.dev/weave v0.0.0 => ./third_party/weave\n"
    "## explicit; go 1.18\n"
    "seatrial.dev/weave\nseatrial.dev/weave/http\nseatrial.dev/weave/trace\n"
)
LAST = "# seatrial.dev/weave => ./third_party/weave\n"
EARLY = "# example.com/a v1.0.0\n## explicit; go 1.20\nexample.com/a\n"
LATE = "# zombie.zone/b v1.0.0\n## explicit\nzombie.zone/b\n"
REPLACED = "# example.com/a => ./a\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (EARLY, EARLY + OURS + LAST),
        (LATE, OURS + LATE + LAST),
        (EARLY + LATE, EARLY + OURS + LATE + LAST),
        (EARLY + REPLACED, EARLY + OURS + REPLACED + LAST),
    ],
)
def test_module_is_listed_in_its_place(tmp_path: Path, before: str, after: str) -> None:
    listing = tmp_path / "vendor/modules.txt"
    listing.parent.mkdir()
    listing.write_text(before)
    imported = ("seatrial.dev/weave", "seatrial.dev/weave/http")
    tree, edited = vendored(tmp_path, "", ASPECTS, imported)
    assert edited.content.decode() == after
    assert set(tree.files) == {"weave.go", "http/http.go", "http/orchestrion.yml", "trace/trace.go"}
    listing.write_text(after)
    assert vendored(tmp_path, "", ASPECTS, imported)[1].content.decode() == after
