"""The shell blocks of README.md and docs/: found, and read as what is typed and what is then printed.

A block runs in the ground that a comment before it names, which no reader of the page sees:

    <!-- in: repository -->

Where it cannot run at all, the comment says why; NOT_RUN in test_docs_shell.py has to know it too:

    <!-- not run: it asks a registry that is not here -->
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LANGUAGES = ("sh", "bash", "console", "shell", "shell-session")
DEFAULT_GROUND = "service"
_FENCE = re.compile(r"^(?P<indent>[ \t]*)```(?P<language>[\w-]*)[^\n]*$")
_MARK = re.compile(r"<!-- (?P<key>in|not run): (?P<value>[^>]+) -->")


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is typed at once, and the lines that the page shows it to print (none: any)."""

    typed: str
    printed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block. line: of its fence, from 1. not_run: the reason, or empty."""

    page: str
    line: int
    ground: str
    not_run: str
    steps: tuple[Step, ...]

    @property
    def name(self) -> str:
        """Where it stands, as an editor takes it."""
        return f"{self.page}:{self.line}"


def blocks(root: Path = ROOT) -> tuple[Block, ...]:
    """Return every shell block of README.md and of all pages below docs/."""
    pages = (root / "README.md", *sorted(root.glob("docs/**/*.md")))
    return tuple(
        block for page in pages for block in parse(page.read_text(), page.relative_to(root).as_posix())
    )


def parse(text: str, page: str) -> tuple[Block, ...]:
    """Return the shell blocks of one page; raise ValueError for one that has no end, or no command."""
    found = []
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        fence = _FENCE.match(lines[number])
        number += 1
        if fence is None:
            continue
        begin = number
        while number < len(lines) and lines[number].strip() != "```":
            number += 1
        if number == len(lines):
            raise ValueError(f"{page}:{begin}: the block has no end")
        content = [line.removeprefix(fence["indent"]) for line in lines[begin:number]]
        number += 1
        if fence["language"] in LANGUAGES:
            found.append(_block(page, begin, lines[begin - 2] if begin > 1 else "", content, fence))
    return tuple(found)


def _block(page: str, line: int, before: str, content: list[str], fence: re.Match[str]) -> Block:
    mark = _MARK.fullmatch(before.strip())
    words = {mark["key"]: mark["value"]} if mark else {}
    is_session = fence["language"] in {"console", "shell-session"}
    steps = _session(content) if is_session else (Step(typed="\n".join(content)),)
    if not steps or not all(step.typed.strip() for step in steps):
        raise ValueError(f"{page}:{line}: nothing is typed in this block: a command begins with $")
    return Block(
        page=page,
        line=line,
        ground=words.get("in", DEFAULT_GROUND),
        not_run=words.get("not run", ""),
        steps=steps,
    )


def _session(content: list[str]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for line in content:
        if line.startswith("$ "):
            steps.append(Step(typed=line[2:]))
        elif not steps:
            return ()
        elif steps[-1].typed.endswith("\\"):
            steps[-1] = Step(typed=f"{steps[-1].typed}\n{line.removeprefix('> ')}")
        else:
            steps[-1] = Step(typed=steps[-1].typed, printed=(*steps[-1].printed, line))
    return tuple(steps)


# What differs from machine to machine, commit to commit and run to run.
_VARYING = (
    (re.compile(r"\b[0-9a-f]{32,64}\b"), "HEX"),
    (re.compile(r"(?<=[:-])[0-9a-f]{7,12}\b(?= )"), "COMMIT"),
    (re.compile(r"\b\d+(\.\d+)? ?(ms|s|kB|MB|m)\b"), "N \\2"),
    (re.compile(r"^trial    .*"), "trial    ENGINE"),
    # What this machine cannot look at is told, and not held against the image.
    (re.compile(r"^verdicts \d+ of \d+ hold"), "verdicts N of N hold"),
    (re.compile(r"^(written  ).*/(?=build/)"), "\\1HERE/"),
)


def shape(line: str) -> str:
    """Return a line of output without what no two runs share: digests, commits, times, sizes, the sandbox."""
    for pattern, instead in _VARYING:
        line = pattern.sub(instead, line)
    return line.rstrip()
