"""What ``init`` adds to settings that the user has already: a key that is missing, and nothing else.

tomlkit keeps comments, order and white space as they are (docs/decisions/tomlkit.md).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seatrial.scaffold.region import FileText, read_text

if TYPE_CHECKING:
    from tomlkit.items import AbstractTable, Item


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One key of seatrial.toml. why: its comment, for a table that can have one."""

    section: str
    key: str
    value: bool | str
    why: str = ""


SAME_BYTES: Final = Setting(
    section="build",
    key="vcs",
    value=False,
    why="the Dockerfile's context holds no .git: so both builds give the same bytes",
)


def add_settings(content: bytes, place: tuple[str, ...], wanted: Iterable[Setting]) -> bytes:
    """Return a TOML file with the keys that it lacks; one that is there stays, whatever its value.

    content: valid TOML with the table ``place``, such as ("tool", "seatrial"), or () for the whole file.
    A key that could be added only with a change to something else is left out.
    """
    text = read_text(content)
    for setting in wanted:
        expected = tomllib.loads(text.text)
        section = expected
        for name in (*place, setting.section):
            section = section.setdefault(name, {})
        if setting.key in section:
            continue
        section[setting.key] = setting.value
        added = _added(text.text, place, setting)
        if tomllib.loads(added) == expected:
            text = FileText(text=added, is_crlf=text.is_crlf)
    return text.encode()


def _added(text: str, place: tuple[str, ...], setting: Setting) -> str:
    import tomlkit  # noqa: PLC0415 - start-up time: few runs need it
    from tomlkit.items import AbstractTable, InlineTable, Table  # noqa: PLC0415 - as above

    document = tomlkit.parse(text if text.endswith("\n") or not text else text + "\n")
    above: MutableMapping[str, object] = document
    for name in place:
        inner = above[name]
        assert isinstance(inner, MutableMapping)  # the settings were read from there
        above = inner
    is_new = setting.section not in above
    if is_new and above is document and text:
        document.add(tomlkit.nl())
    if is_new:
        above[setting.section] = tomlkit.inline_table() if isinstance(above, InlineTable) else tomlkit.table()
    section = above[setting.section]
    item = tomlkit.item(setting.value)
    if setting.why and not isinstance(section, InlineTable):
        item.comment(setting.why)
    if isinstance(section, AbstractTable):
        _append(section, setting.key, item)
    elif isinstance(section, MutableMapping):
        section[setting.key] = item  # a table in several pieces
    if is_new and above is not document and isinstance(section, Table):
        section.add(tomlkit.nl())
    added = document.as_string()
    return added[:-1] if added.endswith("\n\n") and not text.endswith("\n\n") else added


def _append(section: AbstractTable, key: str, item: Item) -> None:
    """Add a key behind the last one, and before a gap: what follows that belongs to the next table."""
    body = section.value.body
    last = next((entry for name, entry in reversed(body) if name is not None), None)
    if last is not None:
        item.trivia.indent = last.trivia.indent
    end = len(body)
    while end and body[end - 1][0] is None:
        end -= 1
    while end < len(body) and body[end][1].as_string().strip():
        end += 1
    tail = body[end:]
    del body[end:]
    section.append(key, item)
    body += tail
