"""seatrial.lock: read back as written, refused when another version wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.errors import ConfigError
from seatrial.lock import Lock, read_lock, write_lock


def test_lock_is_read_back(tmp_path: Path) -> None:
    lock = Lock(go="go1.26.8", orchestrion="v1.15.0", bases={"scratch/amd64": {"suite": "trixie"}})
    write_lock(tmp_path / "seatrial.lock", lock)
    assert read_lock(tmp_path / "seatrial.lock") == lock
    assert lock.base("scratch", "amd64") == {"suite": "trixie"}
    assert lock.base("scratch", "arm64") is None


def test_no_file_is_no_lock(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "seatrial.lock") is None


@pytest.mark.parametrize("content", ['{"version": 2}', "{}", "[]", "{", "\x00", '{"version": 1, "go": 1}'])
def test_lock_that_cannot_be_used_says_how_to_renew_it(tmp_path: Path, content: str) -> None:
    (tmp_path / "seatrial.lock").write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_lock(tmp_path / "seatrial.lock")
    assert "seatrial.lock" in caught.value.where
    assert "seatrial lock --update" in caught.value.hint
