"""SQL files of a service: in the order of their versions, and only the half that goes up."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import ConfigError
from seatrial.host.sql_files import read_scripts


def write(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def test_folder_is_read_in_order_of_version(tmp_path: Path) -> None:
    names = ("10_c.up.sql", "2_b.up.sql", "1_a.up.sql")
    write(tmp_path, {f"db/{name}": name for name in (*names, "1_a.down.sql", "seed.sql", "notes.md")})
    assert read_scripts(tmp_path, ("db",)) == tuple(
        (f"db/{name}", name) for name in ("1_a.up.sql", "2_b.up.sql", "10_c.up.sql")
    )


def test_files_are_taken_as_they_are_named(tmp_path: Path) -> None:
    write(tmp_path, {"b.sql": "b", "a.sql": "a", "c/1.sql": "1", "c/1.down.sql": "0"})
    assert read_scripts(tmp_path, ("b.sql", "a.sql", "c")) == (
        ("b.sql", "b"),
        ("a.sql", "a"),
        ("c/1.sql", "1"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "-- +goose Up\nUP;\n-- +goose Down\nDOWN;\n",
        "-- +migrate Up\nUP;\n-- +migrate Down\nDOWN;\n",
        "-- migrate:up\nUP;\n-- migrate:down\nDOWN;\n",
        "UP;\n---- create above / drop below ----\nDOWN;\n",
    ],
)
def test_half_that_goes_down_is_left_out(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"m/1.sql": text})
    ((_, sql),) = read_scripts(tmp_path, ("m",))
    assert sql.split() == ["UP;"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("none", "there is no 'none'"), ("empty", "no SQL file"), ("../x", "outside of the service")],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str, words: str) -> None:
    root = write(tmp_path / "svc", {"empty/readme.md": ""})
    with pytest.raises(ConfigError, match=words):
        read_scripts(root, (name,))


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        read_scripts(tmp_path, ("a.sql",))
