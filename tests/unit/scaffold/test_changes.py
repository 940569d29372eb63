"""A plan: what is written, what stays, what is in conflict. Every case is a directory with real files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scaffold_values import SERVICE as VALUES
from seatrial.errors import ConfigError, OutputError
from seatrial.scaffold.apply import apply_changes
from seatrial.scaffold.changes import (
    Change,
    Edited,
    Kind,
    Plan,
    Tree,
    place_templates,
    plan_changes,
    unified_diff,
)
from seatrial.scaffold.files import Taken, Template
from seatrial.scaffold.values import Values

FILE = Template(path="File", purpose="a file", render=lambda values: f"name {values.name}\n")
ASIDE = replace(FILE, taken=Taken.ASIDE, aside="other/File")
APPEND = replace(FILE, taken=Taken.APPEND)
ONCE = replace(FILE, is_kept=False)
OTHER = replace(VALUES, name="second")


def planned(
    root: Path,
    template: Template,
    values: Values = VALUES,
    *,
    edited: tuple[Edited, ...] = (),
    trees: tuple[Tree, ...] = (),
    remembered: dict[str, str] | None = None,
) -> Plan:
    known = remembered or {}
    values = values.placed(place_templates((template,), values, root, known))
    return plan_changes(root, (template,), values, edited=edited, trees=trees, remembered=known)


def only(plan: Plan) -> Change:
    (change,) = plan.changes
    return change


def carried_out(root: Path, template: Template) -> dict[str, str]:
    """Write the first version; return what the lock would remember."""
    plan = planned(root, template)
    apply_changes(root, plan.changes)
    return dict(plan.remembered)


def test_new_file_is_one_block(tmp_path: Path) -> None:
    change = only(planned(tmp_path, FILE))
    assert change.kind is Kind.CREATE
    lines = (change.after or b"").decode().splitlines()
    assert lines[0].startswith("# seatrial:begin")
    assert lines[1:] == ["name orders", "# seatrial:end"]
    assert not (tmp_path / "File").exists()


@pytest.mark.parametrize("template", [FILE, ASIDE, APPEND, ONCE])
def test_second_time_changes_nothing(tmp_path: Path, template: Template) -> None:
    remembered = carried_out(tmp_path, template)
    again = planned(tmp_path, template, remembered=remembered)
    assert not again.writes
    assert again.remembered == remembered


def test_own_lines_around_the_block_survive_a_new_version(tmp_path: Path) -> None:
    remembered = carried_out(tmp_path, FILE)
    path = tmp_path / "File"
    path.write_text("above\n" + path.read_text() + "below\n")
    apply_changes(tmp_path, planned(tmp_path, FILE, OTHER, remembered=remembered).changes)
    text = path.read_text()
    assert text.startswith("above\n# seatrial:begin")
    assert "name second\n" in text
    assert text.endswith("# seatrial:end\nbelow\n")


def test_edit_inside_the_block_is_a_conflict(tmp_path: Path) -> None:
    remembered = carried_out(tmp_path, FILE)
    path = tmp_path / "File"
    path.write_text(path.read_text().replace("name orders", "name mine"))
    plan = planned(tmp_path, FILE, OTHER, remembered=remembered)
    assert only(plan).kind is Kind.CONFLICT
    assert plan.has_drift
    assert "-name mine\n+name second" in unified_diff(only(plan))
    apply_changes(tmp_path, plan.changes)
    assert "name mine" in path.read_text()


def test_edit_that_is_the_new_version_is_no_conflict(tmp_path: Path) -> None:
    remembered = carried_out(tmp_path, FILE)
    path = tmp_path / "File"
    path.write_text(path.read_text().replace("name orders", "name second"))
    assert only(planned(tmp_path, FILE, OTHER, remembered=remembered)).kind is Kind.SAME


def test_emptied_block_is_filled_again(tmp_path: Path) -> None:
    remembered = carried_out(tmp_path, FILE)
    path = tmp_path / "File"
    path.write_text(path.read_text().replace("name orders\n", ""))
    assert only(planned(tmp_path, FILE, OTHER, remembered=remembered)).kind is Kind.UPDATE


def test_block_that_no_lock_knows_is_not_overwritten(tmp_path: Path) -> None:
    carried_out(tmp_path, FILE)
    assert only(planned(tmp_path, FILE, OTHER)).kind is Kind.CONFLICT


def test_file_without_its_markers_is_the_users(tmp_path: Path) -> None:
    remembered = carried_out(tmp_path, ASIDE)
    (tmp_path / "File").write_text("all mine\n")
    plan = planned(tmp_path, ASIDE, OTHER, remembered=remembered)
    assert only(plan).kind is Kind.THEIRS
    assert not plan.has_drift
    assert not planned(tmp_path, ASIDE, OTHER, remembered=dict(plan.remembered)).writes


def test_missing_file_is_drift(tmp_path: Path) -> None:
    remembered = carried_out(tmp_path, FILE)
    (tmp_path / "File").unlink()
    assert only(planned(tmp_path, FILE, remembered=remembered)).kind is Kind.CREATE


def test_users_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "File").write_text("mine\n")
    assert only(planned(tmp_path, FILE)).kind is Kind.THEIRS
    aside = only(planned(tmp_path, ASIDE))
    assert (aside.path, aside.kind) == ("other/File", Kind.CREATE)
    appended = only(planned(tmp_path, APPEND))
    assert (appended.after or b"").startswith(b"mine\n\n# seatrial:begin")
    assert only(planned(tmp_path, ONCE)).kind is Kind.THEIRS


def test_file_that_stays_aside_stays_there(tmp_path: Path) -> None:
    (tmp_path / "File").write_text("mine\n")
    remembered = carried_out(tmp_path, ASIDE)
    assert set(remembered) == {"other/File"}
    (tmp_path / "File").unlink()
    assert only(planned(tmp_path, ASIDE, remembered=remembered)).kind is Kind.SAME


def test_file_written_once_is_not_brought_back(tmp_path: Path) -> None:
    remembered = carried_out(tmp_path, ONCE)
    assert (tmp_path / "File").read_text() == "name orders\n"
    (tmp_path / "File").unlink()
    assert only(planned(tmp_path, ONCE, OTHER, remembered=remembered)).kind is Kind.THEIRS


def test_line_ends_of_a_file_stay(tmp_path: Path) -> None:
    (tmp_path / "File").write_bytes(b"mine\r\n")
    remembered = carried_out(tmp_path, APPEND)
    content = (tmp_path / "File").read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n") == 5
    again = planned(tmp_path, APPEND, OTHER, remembered=remembered)
    assert only(again).kind is Kind.UPDATE
    assert b"name second\r\n" in (only(again).after or b"")


def test_markers_out_of_order_stop_the_plan(tmp_path: Path) -> None:
    remembered = carried_out(tmp_path, FILE)
    path = tmp_path / "File"
    path.write_text(path.read_text().replace("# seatrial:end\n", ""))
    with pytest.raises(ConfigError, match="marker lines"):
        planned(tmp_path, FILE, remembered=remembered)


def test_symbolic_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("mine\n")
    (tmp_path / "File").symlink_to("elsewhere")
    assert only(planned(tmp_path, FILE)).kind is Kind.THEIRS
    assert only(planned(tmp_path, ASIDE)).path == "other/File"
    with pytest.raises(OutputError, match="symbolic link to elsewhere"):
        planned(tmp_path, APPEND)


def test_directory_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "other").symlink_to("real")
    with pytest.raises(OutputError, match="symbolic link"):
        planned(tmp_path, replace(FILE, path="other/File"))


def test_directory_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "File").mkdir()
    with pytest.raises(OutputError, match="not a text file"):
        planned(tmp_path, FILE)


TREE = Tree(path="lib", purpose="a module", files={"a.go": b"package a\n", "b/b.go": b"package b\n"})
NEWER = replace(TREE, files={"a.go": b"package a // 2\n", "c.go": b"package a\n"})


def test_tree_is_replaced_whole(tmp_path: Path) -> None:
    first = planned(tmp_path, FILE, trees=(TREE,))
    apply_changes(tmp_path, first.changes)
    second = planned(tmp_path, FILE, trees=(NEWER,), remembered=dict(first.remembered))
    kinds = {change.path: change.kind for change in second.changes if change.path.startswith("lib/")}
    assert kinds == {"lib/a.go": Kind.UPDATE, "lib/b/b.go": Kind.REMOVE, "lib/c.go": Kind.CREATE}
    apply_changes(tmp_path, second.changes)
    assert sorted(path.name for path in (tmp_path / "lib").rglob("*")) == ["a.go", "c.go"]
    assert not planned(tmp_path, FILE, trees=(NEWER,), remembered=dict(second.remembered)).writes


@pytest.mark.parametrize("path", ["lib/a.go", "lib/mine.go"])
def test_tree_that_was_edited_is_a_conflict(tmp_path: Path, path: str) -> None:
    first = planned(tmp_path, FILE, trees=(TREE,))
    apply_changes(tmp_path, first.changes)
    (tmp_path / path).write_text("package mine\n")
    second = planned(tmp_path, FILE, trees=(TREE,), remembered=dict(first.remembered))
    assert [change.path for change in second.conflicts] == [path]
    assert not second.writes


def test_edited_file_is_what_the_tool_says(tmp_path: Path) -> None:
    edit = Edited(path="go.mod", purpose="modules", content=b"module x\n")
    (tmp_path / "go.mod").write_bytes(b"module y\n")
    plan = planned(tmp_path, FILE, edited=(edit,))
    change = next(change for change in plan.changes if change.path == "go.mod")
    assert (change.kind, change.is_ours) == (Kind.UPDATE, False)
    apply_changes(tmp_path, plan.changes)
    (tmp_path / "go.mod").write_bytes(b"module x // mine\n")
    own = Edited(path="go.mod", purpose="modules", content=b"module x // mine\n")
    again = planned(tmp_path, FILE, edited=(own,), remembered=dict(plan.remembered))
    assert not again.writes
    assert again.remembered == plan.remembered


def test_diff_is_one_that_a_patch_program_takes(tmp_path: Path) -> None:
    (tmp_path / "File").write_bytes(b"mine, no line end")
    text = unified_diff(only(planned(tmp_path, APPEND)))
    assert text.startswith("--- a/File\n+++ b/File\n")
    assert "-mine, no line end\n\\ No newline at end of file\n+mine, no line end\n" in text
    assert unified_diff(only(planned(tmp_path, ASIDE))).startswith("--- /dev/null\n+++ b/other/File\n")
