"""The program that an image starts: where it may lie, which file has its content, what that file is."""

from __future__ import annotations

import mmap
from dataclasses import dataclass, replace
from typing import IO, Final

from seatrial.errors import FormatError
from seatrial.formats.elf import is_elf, parse_elf, read_elf_facts
from seatrial.formats.gobinary import find_line_table, read_go_facts
from seatrial.formats.gosizes import read_code_bytes
from seatrial.formats.jsonvalue import table_at, text_at, texts_at
from seatrial.model.facts import ElfFacts, GoFacts, PathFact
from seatrial.observe.merge import MergedPaths

_DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LONGEST_SCRIPT_LINE: Final = 256  # BINPRM_BUF_SIZE


@dataclass(frozen=True, kw_only=True)
class Program:
    """What a program file is. script_interpreter: the words after "#!", or ""."""

    elf: ElfFacts | None = None
    go: GoFacts | None = None
    script_interpreter: str = ""
    problems: tuple[str, ...] = ()

    @property
    def interpreter(self) -> str:
        """The path of what the kernel starts in its place, or ""."""
        script = self.script_interpreter.split()[:1]
        return script[0] if script else self.elf.interpreter if self.elf else ""


def executable_candidates(config: dict[str, object]) -> tuple[str, ...]:
    """Return where the first word of the command may lie, relative, best first (OCI config.md)."""
    settings = table_at(config, "config")
    words = (*texts_at(settings, "Entrypoint"), *texts_at(settings, "Cmd"))
    return candidates_for(config, words[0]) if words else ()


def health_candidates(config: dict[str, object]) -> tuple[str, ...]:
    """Return where the health command's program may lie; none for a shell form."""
    test = texts_at(table_at(table_at(config, "config"), "Healthcheck"), "Test")
    return candidates_for(config, test[1]) if test[:1] == ("CMD",) and len(test) > 1 else ()


def candidates_for(config: dict[str, object], word: str) -> tuple[str, ...]:
    """Return where a program of this name may lie, as execvpe(3) would look with the image's PATH."""
    settings = table_at(config, "config")
    working_directory = text_at(settings, "WorkingDir") or "/"
    if not word:
        return ()
    if "/" in word:
        return (_relative(working_directory, word),)
    variables = dict(variable.partition("=")[::2] for variable in texts_at(settings, "Env"))
    places = variables.get("PATH", _DEFAULT_PATH).split(":")
    return tuple(_relative(working_directory, f"{place}/{word}") for place in places)


def find_executable(candidates: tuple[str, ...], merged: MergedPaths) -> tuple[str, PathFact | None]:
    """Return a program's path and the file that has its content; "" and None when it is not there."""
    for candidate in candidates:
        path = merged.resolve(candidate)
        fact = merged.get(path) if path else None
        if fact is None or path is None:
            continue
        for _ in range(8):
            if fact is None or fact.kind != "hardlink":
                break
            fact = merged.get(fact.link_target)
        if fact is not None and fact.kind == "file":
            return path, fact
    return "", None


def read_program(file: IO[bytes], executable: str, *, has_code_bytes: bool) -> Program:
    """Return what the kept program is, and what is wrong with it.

    has_code_bytes: also sum the machine code of each Go package, which takes some 0.1 s for 30,000 functions.
    """
    where = f"/{executable}"
    if file.seek(0, 2) == 0:
        return Program(problems=(f"{where} is empty",))
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data[:2] == b"#!":
            line = data[2:_LONGEST_SCRIPT_LINE].partition(b"\n")[0]
            return Program(script_interpreter=line.decode(errors="replace").strip())
        if not is_elf(data):
            return Program(problems=(f"{where} is no ELF program",))
        try:
            elf = parse_elf(data, where)
            facts = read_elf_facts(data, elf)
        except FormatError as error:
            return Program(problems=(str(error),))
        try:
            go = read_go_facts(data, elf, where)
            table = find_line_table(data, elf) if go and has_code_bytes else None
            if go and table:
                go = replace(go, code_bytes=read_code_bytes(data, elf, table))
        except FormatError as error:
            return Program(elf=facts, problems=(str(error),))
        return Program(elf=facts, go=go)


def _relative(working_directory: str, path: str) -> str:
    whole = path if path.startswith("/") else f"{working_directory}/{path}"
    return "/".join(part for part in whole.split("/") if part not in {"", "."})
