"""The measured service: a copy of examples/orders in a git repository of its own, and edits to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seatrial.cli.build import parse_request
from seatrial.cli.unchanged import question, record_path
from seatrial.model.plan import Plan
from seatrial.pipeline import plan_build
from seatrial.plan import service_key
from seatrial.toolchains.go.answers import answers_place
from seatrial.toolchains.go.environment import GoEnvironment

ORDERS = Path(__file__).parents[1] / "examples" / "orders"
SEATRIAL = str(Path(sys.executable).with_name("seatrial"))
# A message that is logged when an order is made: a line that a developer would change.
EDITED_FILE = "internal/httpapi/orders.go"
_EDITED_TEXT = '"order created'


@dataclass(frozen=True, kw_only=True)
class Service:
    """A copy of the service. output: where its image goes. env: of everything that is run for it."""

    directory: Path
    output: Path
    env: Mapping[str, str]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words after ``seatrial``: one tar, not run (a trial waits for the service, not for us)."""
        return ("build", ".", "--no-trial", "-o", str(self.output))

    def edit(self, token: str) -> None:
        """Change one line of the service to something that no cache has seen."""
        edit(self.directory, token)

    def plan(self) -> tuple[Plan, GoEnvironment]:
        """Return what ``seatrial build --plan`` would say."""
        plan, go, _ = plan_build(parse_request([str(self.directory), *self.arguments[2:]]))
        return plan, go

    @property
    def place(self) -> Path:
        """Where Seatrial keeps this service's view and programs."""
        request = parse_request([str(self.directory), *self.arguments[2:]])
        return request.cache / "services" / service_key(self.plan()[0].project)


def edit(directory: Path, token: str) -> None:
    """Change one line: the text of a message, so that code and linked program differ too."""
    original = (ORDERS / EDITED_FILE).read_text()
    changed = original.replace(_EDITED_TEXT, f"{_EDITED_TEXT} {token}", 1)
    if changed == original:
        raise ValueError(f"{EDITED_FILE} has no {_EDITED_TEXT}")
    (directory / EDITED_FILE).write_text(changed)


def make_repository(directory: Path, env: Mapping[str, str]) -> None:
    """Commit what is in ``directory``, so that versions are stamped as in real work."""
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "measured"), ("tag", "v1.0.0")):
        who = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false")
        subprocess.run(("git", *who, *words), cwd=directory, env=dict(env), check=True)


@contextmanager
def temporary_service(scratch: Path) -> Iterator[Service]:
    """Copy the service below ``scratch``; afterwards take away what Seatrial remembers of it.

    Seatrial's and Go's own caches are the user's: a standard library woven once serves this, too.
    """
    env = dict(os.environ)
    directory = scratch / "orders"
    # Same time stamps or not: no file of the copy is one that an earlier run has stamped.
    shutil.copytree(ORDERS, directory, ignore=shutil.ignore_patterns("*.db", ".env"))
    make_repository(directory, env)
    service = Service(directory=directory, output=scratch / "orders.tar", env=env)
    place = service.place
    answers = answers_place(parse_request(["."]).cache / "answers", directory)
    try:
        yield service
    finally:
        shutil.rmtree(place, ignore_errors=True)
        answers.unlink(missing_ok=True)
        asked = question(service.arguments[1:], str(directory), env)
        Path(record_path(asked, env)).unlink(missing_ok=True)
