"""A trial that failed -> the settings that its tree and its words ask for, as a seatrial.toml.

Nothing is guessed that neither names: each setting comes with where it was read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from seatrial.config import Settings
from seatrial.model.facts import RunningFacts
from seatrial.model.project import Project
from seatrial.propose.files import Files, is_private, wanted_files
from seatrial.propose.table import written
from seatrial.propose.tree import Clues, Variable, read_clues
from seatrial.propose.values import KNOWN, Known, made_up, postgres_value, program_value
from seatrial.propose.words import Complaints, read_complaints

__all__ = ["Proposal", "propose", "settings_of_recipe", "written"]

_POSTGRES: Final = re.compile(
    r"github\.com/(lib/pq|jackc/pgx|go-pg/pg|uptrace/bun/driver/pgdriver)\b|gorm\.io/driver/postgres"
)
_MIGRATORS: Final = re.compile(
    r"github\.com/(golang-migrate/migrate|pressly/goose|rubenv/sql-migrate|amacneil/dbmate|jackc/tern)\b"
)
_POSTGRES_PORT: Final = 5432
# Telling the program where to listen, or which of its modes to run in, is what an example is for; paths
# of the machine of whoever wrote it are not.
_PATH_VALUE: Final = re.compile(r"^(/|\./|~|[A-Za-z]:\\)")


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """Settings for the next try. reasons: as ``written`` takes them. unmet: what no setting can bring."""

    settings: Settings
    reasons: Mapping[str, str]
    unmet: tuple[str, ...] = ()


def propose(
    project: Project,
    settings: Settings,
    facts: RunningFacts,
    *,
    tracked: Callable[[Path], bool],
    has_tables: bool = True,
) -> Proposal | None:
    """Return what to add to the settings of a trial that failed; None when nothing is known.

    facts: of that trial. tracked: whether a file is part of the repository; others are not looked into, and
    not delivered. has_tables: False to leave
    out what makes tables.
    """
    clues, said = read_clues(project, tracked), read_complaints(facts)
    draft = _Draft(project, settings, clues, said, tracked)
    draft.add_program()
    draft.add_services()
    draft.add_variables()
    draft.add_files()
    if has_tables:
        draft.add_tables()
    unmet = tuple(_unmet(clues, said))
    if draft.settings == settings and not unmet:
        return None
    return Proposal(settings=draft.settings, reasons=draft.reasons, unmet=unmet)


def _unmet(clues: Clues, said: Complaints) -> Iterator[str]:
    """Yield words for each file that is missed, not in the tree, and made by a step of its Dockerfile."""
    for name, commands in clues.made:
        if any(name in path.split("/") for path in said.paths):
            yield (
                f"{name} is not in the tree: its Dockerfile makes it, by: {commands}\n"
                f"name these commands under [build] prepare, and {name} under [image] files"
            )


def settings_of_recipe(project: Project, settings: Settings) -> Settings:
    """Return the settings with how the service's own Dockerfile compiles, fills and starts it."""
    clues = read_clues(project, lambda _: False)
    files = tuple((path, source) for path, source in clues.recipe_files if not is_private(Path(source).name))
    return replace(
        settings,
        tags=settings.tags or clues.tags,
        image_arguments=settings.image_arguments or clues.arguments,
        image_files=settings.image_files or files,
    )


class _Draft:
    """Settings that grow, and why: (section, key) -> where it was read."""

    def __init__(
        self,
        project: Project,
        settings: Settings,
        clues: Clues,
        said: Complaints,
        tracked: Callable[[Path], bool],
    ) -> None:
        self.settings = settings
        self.reasons: dict[str, str] = {}
        self._modules = project.module_paths
        self._clues = clues
        self._said = said
        self._tracked = tracked
        self._examples = dict(clues.examples)

    def add_program(self) -> None:
        """How it is built and called, as its Dockerfile says or its usage."""
        if self._clues.tags and not self.settings.tags:
            self.settings = replace(self.settings, tags=self._clues.tags)
            self.reasons["tags"] = "as its Dockerfile builds it"
        if not (self.settings.arguments or self.settings.image_arguments):
            arguments = self._clues.arguments or ((self._said.command,) if self._said.command else ())
            if arguments:
                self.settings = replace(self.settings, image_arguments=arguments)
                said = "as its Dockerfile starts it" if self._clues.arguments else "a command of its usage"
                self.reasons["arguments"] = said

    def add_services(self) -> None:
        """What runs beside it: by the libraries that are compiled in, and variables or words that name it."""
        if self._needs_postgres():
            self.settings = replace(self.settings, services=(*self.settings.services, "postgres"))
            self.reasons["services"] = "a PostgreSQL driver is compiled in"
        have = {program.name for program in self.settings.programs}
        for known in KNOWN:
            if known.program.name not in have and self._needs(known):
                self.settings = replace(self.settings, programs=(*self.settings.programs, known.program))
                brought = "" if Path(known.program.run[0]).exists() else f"; apt-get install {known.package}"
                self.reasons[f"service.{known.program.name}"] = f"a client of it is compiled in{brought}"

    def _needs_postgres(self) -> bool:
        if "postgres" in self.settings.services or not self._has(_POSTGRES):
            return False
        named = any(postgres_value(*pair) for pair in self._pairs()) or any(
            postgres_value(name, "") for name in self._required()
        )
        return named or self._said.has_database_words or _POSTGRES_PORT in self._said.ports

    def _needs(self, known: Known) -> bool:
        if not self._has(known.modules):
            return False
        named = any(program_value(*pair, known) for pair in self._pairs()) or any(
            known.words.search(name) for name in self._required()
        )
        return named or known.program.port in self._said.ports

    def _has(self, pattern: re.Pattern[str]) -> bool:
        return any(pattern.match(path) for path in self._modules)

    def _pairs(self) -> list[tuple[str, str]]:
        """Return names and example values of variables that the service may read."""
        found = dict(self._clues.recipe_variables) | self._examples
        return [*found.items(), *((name, "") for name in self._clues.variables if name not in found)]

    def _required(self) -> list[str]:
        """Return names of variables without which it does not start, by its sources or its words."""
        read = self._clues.variables
        declared = [name for name, one in read.items() if one.is_required]
        known = {*read, *self._clues.names, *self._examples}
        return list(dict.fromkeys((*declared, *sorted(self._said.capitals & known))))

    def add_variables(self) -> None:
        """Those of its example file and its Dockerfile, those that are required, and those of a service."""
        have = dict(self.settings.environment)
        found: dict[str, str] = {}
        required = self._required()
        pairs = dict(self._pairs())
        for name in (*pairs, *(name for name in required if name not in pairs)):
            if name in have:
                continue
            value = self._value(name, pairs.get(name, ""), is_required=name in required)
            if value:
                found[name] = value
        for name, value in have.items():  # an address that was given and cannot be reached
            changed = "" if "{" in value else self._address(name, value)
            if changed and changed != value:
                found[name] = changed
        if found:
            self.settings = replace(self.settings, environment=tuple((have | _apart(found)).items()))
            self.reasons["environment"] = self._variable_reason(found)

    def _value(self, name: str, example: str, *, is_required: bool) -> str:
        """Return the value of a variable that is not set yet; "" to leave it alone."""
        if value := self._address(name, example):
            return value
        if example and not _PATH_VALUE.match(example):
            return example
        return made_up(name, self._clues.variables.get(name, Variable()).kind) if is_required else ""

    def _variable_reason(self, found: dict[str, str]) -> str:
        recipe = dict(self._clues.recipe_variables)
        words = []
        if self._examples.keys() & found.keys():
            words.append(f"from {self._clues.example_file}")
        if recipe.keys() & found.keys():
            words.append("from its Dockerfile")
        if found.keys() - self._examples.keys() - recipe.keys():
            words.append("what its sources read")
        return ", and ".join(words)

    def _address(self, name: str, example: str) -> str:
        """Return the value that reaches what runs beside the service; "" for a variable of another kind."""
        if "postgres" in self.settings.services and (value := postgres_value(name, example)):
            return value
        names = {program.name for program in self.settings.programs}
        for known in KNOWN:
            if known.program.name in names and (value := program_value(name, example, known)):
                return value
        return ""

    def add_files(self) -> None:
        """Files that it misses, and those that its Dockerfile's last stage holds."""
        found: Files = wanted_files(self._clues, self._said, self.settings, self._tracked)
        if found.image:
            merged = dict(self.settings.image_files) | dict(found.image)
            if merged != dict(self.settings.image_files):
                self.settings = replace(self.settings, image_files=tuple(merged.items()))
                self.reasons["image.files"] = "what it reads when it runs"
        if found.trial:
            given = dict(self.settings.trial_files) | dict(found.trial)
            self.settings = replace(self.settings, trial_files=tuple(given.items()))
            self.reasons["trial.files"] = "its own file, with the trial's addresses"

    def add_tables(self) -> None:
        """What makes its tables: a command of its own, or its SQL files where no library in it runs them."""
        if self.settings.before or self.settings.sql:
            return
        if self._clues.before or self._said.migrate:
            lines = tuple(" ".join(words) for words in self._clues.before) or (self._said.migrate,)
            self.settings = replace(self.settings, before=lines)
            self.reasons["before"] = (
                "as its Dockerfile does" if self._clues.before else "a command of its usage"
            )
        elif (
            self._clues.migrations
            and "postgres" in self.settings.services
            and (self._said.lacks_tables or not _MIGRATORS.search(self._clues.requirements))
        ):
            self.settings = replace(self.settings, sql=(self._clues.migrations,))
            self.reasons["sql"] = "its tables"


def _apart(found: dict[str, str]) -> dict[str, str]:
    """Give each made-up port a number of its own."""
    taken: set[str] = set()
    for name, value in found.items():
        if name.endswith("PORT") and value.isdecimal():
            number = int(value)
            while str(number) in taken:
                number += 1
            found[name] = str(number)
            taken.add(str(number))
    return found
