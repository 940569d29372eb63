"""What is remembered of the woven modules' archives: faster, the same bytes, and never in the way."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from builds import SERVER, Run, Seatrial, commit_all, write_service

pytestmark = pytest.mark.go


class Service:
    """A woven service in the cache that all tests share, with what Seatrial keeps for it."""

    def __init__(self, place: Path) -> None:
        self.root = write_service(place / "archives-svc", {"main.go": SERVER}, module="example.com/archives")
        commit_all(self.root)
        self.output = place / "out"
        self.seatrial = Seatrial()
        self.edits = 0

    def build(self, **more: str) -> Run:
        shutil.rmtree(self.output, ignore_errors=True)  # so that it cannot be found unchanged
        done = self.seatrial(
            "build",
            str(self.root),
            "--no-trial",
            "--base",
            "scratch",
            "-o",
            str(self.output),
            "--json",
            **more,
        )
        assert done.code == 0, done.stderr
        return done

    def edit(self) -> None:
        self.edits += 1
        (self.root / "main.go").write_text(SERVER.replace('"asked"', f'"asked {self.edits}"'))

    @property
    def kept(self) -> Path:
        """The folder of answers that is in force: the last that was used."""
        services = Path(self.seatrial.environment()["XDG_CACHE_HOME"]) / "seatrial/services"
        drivers = [path for path in services.glob("*/archives/*/driver") if self._is_mine(path.parents[2])]
        return max(drivers, key=lambda path: path.parent.stat().st_mtime_ns).parent

    def _is_mine(self, place: Path) -> bool:
        mod = place / "view" / "go.mod"
        return mod.is_file() and "example.com/archives" in mod.read_text()

    def answers(self) -> dict[str, Path]:
        return {path.stem: path for path in self.kept.rglob("*.json")}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    made = Service(tmp_path_factory.mktemp("archives"))
    made.build()
    return made


def test_answers_are_kept_and_name_archives_that_are_there(service: Service) -> None:
    answers = service.answers()
    assert {"start", "http", "slog"} <= answers.keys()
    packages = json.loads(answers["http"].read_bytes())["Packages"]
    assert {"seatrial.dev/weave/http", "runtime", "unsafe"} <= {package["ID"] for package in packages}
    assert all(Path(p["ExportFile"]).is_file() for p in packages if p["ID"] != "unsafe")


def test_an_edit_asks_go_for_no_archive_and_gives_the_same_program(service: Service) -> None:
    service.edit()
    before = {name: path.stat().st_mtime_ns for name, path in service.answers().items()}
    remembered = service.build().at("image", "digest")
    assert {name: path.stat().st_mtime_ns for name, path in service.answers().items()} == before
    for path in service.answers().values():
        path.unlink()
    program = Path(str(service.kept.parents[1])) / "programs"
    for folder in program.iterdir():
        (folder / "built.json").unlink()  # as if it had never been compiled
    assert service.build().at("image", "digest") == remembered
    # Of before also those for which nothing had to be compiled this time.
    assert {"start", "http", "slog"} <= set(service.answers()) <= set(before)


def test_an_answer_whose_archive_is_gone_is_asked_anew(service: Service, tmp_path: Path) -> None:
    service.edit()
    answer = service.answers()["http"]
    table = json.loads(answer.read_bytes())
    gone = tmp_path / "gone-d"
    for package in table["Packages"]:
        if package["ID"] == "seatrial.dev/weave/http":
            package["ExportFile"] = str(gone)
    answer.write_text(json.dumps(table))
    service.build()
    assert str(gone) not in service.answers()["http"].read_text()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"Packages": [1]}', '{"Packages": 7}'])
def test_a_broken_answer_is_asked_anew(service: Service, content: str) -> None:
    service.edit()
    service.answers()["slog"].write_text(content)
    service.build()
    assert json.loads(service.answers()["slog"].read_bytes())["Roots"] == ["seatrial.dev/weave/slog"]


def test_a_wrong_archive_fails_once_and_is_forgotten(service: Service) -> None:
    service.edit()
    answers = service.answers()
    table = json.loads(answers["http"].read_bytes())
    by_id = {package["ID"]: package for package in table["Packages"]}
    by_id["seatrial.dev/weave/http"]["ExportFile"] = by_id["runtime"]["ExportFile"]
    answers["http"].write_text(json.dumps(table))
    folder = service.kept
    done = service.seatrial(
        "build", str(service.root), "--no-trial", "--base", "scratch", "-o", str(service.output)
    )
    assert done.code != 0
    assert not folder.exists()
    service.build()


def test_a_driver_of_the_user_is_not_asked(service: Service, tmp_path: Path) -> None:
    theirs = tmp_path / "driver"
    theirs.write_text("#!/bin/sh\nexit 1\n")
    theirs.chmod(0o755)
    service.edit()
    service.build(GOPACKAGESDRIVER=str(theirs))


def test_what_is_none_of_ours_is_left_to_go(service: Service) -> None:
    for patterns in (["./..."], ["seatrial.dev/weave"], ["seatrial.dev/weave/http", "os"], []):
        assert ask(service.kept / "driver", 63, patterns) == {"NotHandled": True}
    assert ask(service.kept / "driver", 1, ["seatrial.dev/weave/http"]) == {"NotHandled": True}
    assert ask(service.kept / "driver", 63, ["seatrial.dev/weave/nowhere"]) == {"NotHandled": True}
    assert ask(service.kept / "driver", 63, ["seatrial.dev/weave/http"])["Roots"] == [
        "seatrial.dev/weave/http"
    ]


def test_a_request_of_another_form_is_left_to_go(service: Service) -> None:
    driver = str(service.kept / "driver")
    for text in ("", "{}", '{"mode":}', '{"mode":../..,', '{ "mode" : 63 }', "[" * 9, "\n"):
        words = (driver, "seatrial.dev/weave/http")
        done = subprocess.run(words, input=text, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == {"NotHandled": True}


def ask(driver: Path, mode: int, patterns: list[str]) -> dict[str, object]:
    asked = {"mode": mode, "env": [], "build_flags": [], "tests": False, "overlay": None}
    request = json.dumps(asked, separators=(",", ":"))
    done = subprocess.run(
        (str(driver), *patterns), input=request, cwd=driver.parent, capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found
