"""The CI files pass their linters at the strictest, and the linters do look."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ci_tools import actionlint, checked, python_tool, refused
from scaffold_values import PINS, SERVICE
from seatrial.scaffold.ci import GITHUB, GITLAB, TEMPLATES
from seatrial.scaffold.values import Values
from tagged_repositories import git

VARIANTS = {
    "plain": SERVICE,
    "not-woven": replace(SERVICE, is_woven=False, pins=replace(PINS, go="")),
    "in-a-directory": replace(SERVICE, module_directory="services/orders", default_branch="release/1.x#2+"),
}
# yamllint's defaults, but: "on:" is GitHub's word, "---" is not these communities' habit, a version after a
# commit has one space before its "#", as Dependabot writes it, and a release's address is long.
YAMLLINT = """{extends: default, rules: {line-length: {max: 130}, document-start: disable,
truthy: {check-keys: false}, comments: {min-spaces-from-content: 1}}}"""


def write(root: Path, values: Values) -> Path:
    """Write the files as the engine does: our text between two comment lines."""
    git_root = root / "r"
    git_root.mkdir()
    git(git_root, "init", "-q", "-b", "main")
    for template in TEMPLATES:
        path = git_root / template.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# seatrial:begin\n{template.render(values)}# seatrial:end\n")
    return git_root


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def linters(root: Path) -> dict[str, tuple[str, ...]]:
    schema = (python_tool("check-jsonschema"), "--builtin-schema")
    return {
        "actionlint": (
            actionlint(),
            "-color=false",
            f"-shellcheck={python_tool('shellcheck')}",
            "-pyflakes=",
        ),
        "zizmor": (
            python_tool("zizmor"),
            *("--offline", "--persona=auditor", "--strict-collection", "--no-progress", GITHUB),
        ),
        "github schema": (*schema, "vendor.github-workflows", GITHUB),
        "gitlab schema": (*schema, "vendor.gitlab-ci", GITLAB),
        "yamllint": (python_tool("yamllint"), "--strict", "-d", YAMLLINT, GITHUB, GITLAB),
        "shellcheck": (python_tool("shellcheck"), "--severity=style", "scripts/image-tags.sh"),
    }


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_linters_find_nothing(values: Values, tmp_path: Path) -> None:
    root = write(tmp_path, values)
    for argv in linters(root).values():
        checked(*argv, cwd=root)


@pytest.mark.parametrize(
    ("linter", "file", "edit", "said"),
    [
        ("actionlint", GITHUB, ("needs.build.outputs.tags", "needs.build.outputs.tag"), "tag"),
        ("actionlint", GITHUB, ('"$image:$tag"\n          done', "$image:$tag\n          done"), "SC2086"),
        ("zizmor", GITHUB, ("persist-credentials: false", "persist-credentials: true"), "artipacked"),
        ("zizmor", GITHUB, ("permissions: {}", "permissions: write-all"), "excessive-permissions"),
        ("zizmor", GITHUB, ("@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7"), "unpinned-uses"),
        ("github schema", GITHUB, ("timeout-minutes: 10", "timeout-minutes: soon"), "soon"),
        ("gitlab schema", GITLAB, ("build:\n", "image:\n"), "image"),
        ("yamllint", GITLAB, ("stages: [test, ", "stages: [test,  "), "commas"),
        ("shellcheck", "scripts/image-tags.sh", ('"$list"', "$list"), "SC2086"),
    ],
)
def test_linters_do_look(linter: str, file: str, edit: tuple[str, str], said: str, tmp_path: Path) -> None:
    root = write(tmp_path, SERVICE)
    change(root / file, *edit)
    assert said in refused(*linters(root)[linter], cwd=root)


def gitlab_shell(text: str) -> str:
    """Return the commands of a pipeline as one script: each list item is a line that GitLab's shell reads."""
    lines: list[str] = []
    for block in re.findall(r"script:(?: #.*)?\n((?:    +.*\n)+)", text):
        for line in block.splitlines():
            item = re.sub(r"^    - ", "", line)
            lines.append(item.strip("'") if item != "|" else "")
    return "\n".join(lines) + "\n"


def test_shell_of_the_gitlab_file_is_clean(tmp_path: Path) -> None:
    root = write(tmp_path, SERVICE)
    script = gitlab_shell((root / GITLAB).read_text())
    assert "docker push" in script
    assert "pushable" in script
    # SC2155: the export's own status is not looked at; that of the command before it is (set -e).
    (root / "all.sh").write_text(script)
    argv = (python_tool("shellcheck"), "--shell=dash", "--exclude=SC2155,SC2154", "all.sh")
    checked(*argv, cwd=root)
    (root / "all.sh").write_text(script.replace('"$tags"', "$tags"))
    assert "SC2086" in refused(*argv, cwd=root)


def test_no_linter_is_missing() -> None:
    assert all(shutil.which(argv[0]) for argv in linters(Path()).values())
