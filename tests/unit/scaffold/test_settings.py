"""A key more in a file of the user's: every line of theirs stays, in their order and as they wrote it."""

from __future__ import annotations

import tomllib

import pytest

from seatrial.scaffold.settings import SAME_BYTES, Setting, add_settings

MAIN = Setting(section="service", key="main", value="./cmd/server")
SEATRIAL = ("tool", "seatrial")
WHY = f" # {SAME_BYTES.why}"

# name -> (the user's text, what stands there afterwards)
FILES = {
    "empty": ("", f"[build]\nvcs = false{WHY}\n"),
    "only a comment": ("# ours\n", f"# ours\n\n[build]\nvcs = false{WHY}\n"),
    "another table": (
        '[image]\nports = ["80"]\n',
        f'[image]\nports = ["80"]\n\n[build]\nvcs = false{WHY}\n',
    ),
    "no line end": ('[build]\ntags = ["a"]', f'[build]\ntags = ["a"]\nvcs = false{WHY}\n'),
    "comment of the next table": (
        '[build]\ntags = ["a"] # why\n# of build\n\n# of image\n[image]\nports = []\n',
        f'[build]\ntags = ["a"] # why\n# of build\nvcs = false{WHY}\n\n# of image\n[image]\nports = []\n',
    ),
    "empty table": ("[build] # mine\n\n[image]\n", f"[build] # mine\nvcs = false{WHY}\n\n[image]\n"),
    "indented": ('[build]\n\ttags = ["a"]\n', f'[build]\n\ttags = ["a"]\n\tvcs = false{WHY}\n'),
    "several lines": (
        '[build]\ntags = [\n  "a", # one\n  "b",\n]\n\n\n[image]\n',
        f'[build]\ntags = [\n  "a", # one\n  "b",\n]\nvcs = false{WHY}\n\n\n[image]\n',
    ),
    "dotted": (
        'build.tags = ["a"]\nservice.main = "."\n\n[image]\n',
        f'build.tags = ["a"]\nbuild.vcs = false{WHY}\nservice.main = "."\n\n[image]\n',
    ),
    "dotted, in pieces": (
        "build.tags = []\nimage.ports = []\nbuild.prepare = []\n",
        f"build.tags = []\nbuild.vcs = false{WHY}\nimage.ports = []\nbuild.prepare = []\n",
    ),
    "inline": (
        'build = { tags = ["a"] } # mine\n[image]\n',
        'build = { tags = ["a"], vcs = false } # mine\n[image]\n',
    ),
    "quoted": ('["build"]\n"tags" = []\n', f'["build"]\n"tags" = []\nvcs = false{WHY}\n'),
    "Windows": (
        "[build]\r\ntags = []\r\n\r\n[image]\r\n",
        f"[build]\r\ntags = []\r\nvcs = false{WHY}\r\n\r\n[image]\r\n",
    ),
}
PYPROJECTS = {
    "table": (
        '[project]\nname = "x"\n\n[tool.seatrial.build]\ntags = []\n\n[tool.ruff]\n',
        f'[project]\nname = "x"\n\n[tool.seatrial.build]\ntags = []\nvcs = false{WHY}\n\n[tool.ruff]\n',
    ),
    "no table": (
        '[tool.a]\n\n[project]\nname = "x"\n\n[tool.seatrial.image]\nports = []\n\n[tool.b]\n',
        (
            '[tool.a]\n\n[project]\nname = "x"\n\n[tool.seatrial.image]\nports = []\n\n'
            f"[tool.seatrial.build]\nvcs = false{WHY}\n\n[tool.b]\n"
        ),
    ),
    "last": (
        "[tool.seatrial.image]\nports = []\n",
        f"[tool.seatrial.image]\nports = []\n\n[tool.seatrial.build]\nvcs = false{WHY}\n",
    ),
    "dotted": (
        "[tool]\nseatrial.build.tags = []\n\n[x]\n",
        f"[tool]\nseatrial.build.tags = []\nseatrial.build.vcs = false{WHY}\n\n[x]\n",
    ),
    "inline": ("[tool]\nseatrial = {}\n", "[tool]\nseatrial = {build = {vcs = false}}\n"),
}


@pytest.mark.parametrize("name", FILES)
def test_key_is_added_where_its_table_is(name: str) -> None:
    before, after = FILES[name]
    added = add_settings(before.encode(), (), [SAME_BYTES])
    assert added == after.encode()
    assert tomllib.loads(added.decode())["build"]["vcs"] is False
    assert add_settings(added, (), [SAME_BYTES]) == added


@pytest.mark.parametrize("name", PYPROJECTS)
def test_table_of_a_pyproject_gets_it_too(name: str) -> None:
    before, after = PYPROJECTS[name]
    assert add_settings(before.encode(), SEATRIAL, [SAME_BYTES]).decode() == after


@pytest.mark.parametrize(
    "text", ["[build]\nvcs = true # on purpose\n", "build.vcs = true\n", "build = {vcs=true}\n"]
)
def test_value_of_the_user_stays(text: str) -> None:
    assert add_settings(text.encode(), (), [SAME_BYTES]) == text.encode()


def test_two_keys_in_two_tables() -> None:
    added = add_settings(b"[service]\n\n[image]\n", (), [SAME_BYTES, MAIN]).decode()
    assert added == f'[service]\nmain = "./cmd/server"\n\n[image]\n\n[build]\nvcs = false{WHY}\n'


def test_what_cannot_be_added_is_left_out() -> None:
    """tomlkit puts the second table where the first one's dotted keys end: the one that holds is kept."""
    text = "[tool]\nseatrial.build.tags = []\n\n[tool.seatrial.image]\nports = []\n"
    added = add_settings(text.encode(), SEATRIAL, [MAIN, SAME_BYTES]).decode()
    lines = "[tool]\nseatrial.build.tags = []\n"
    assert added == text.replace(lines, f"{lines}seatrial.build.vcs = false{WHY}\n")
