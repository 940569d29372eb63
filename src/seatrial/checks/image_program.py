"""The user that the image runs as is known, and cannot change the program it runs."""

from __future__ import annotations

from typing import Final

from seatrial.checks.rule import Rule, sample
from seatrial.checks.settings import process_settings, text, texts
from seatrial.model.facts import PathFact, StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

NOT_WRITABLE: Final = Rule(
    id="image.program-not-writable",
    severity=Severity.MEDIUM,
    reference="Kubernetes readOnlyRootFilesystem, for those who cannot set it",
)
USER_EXISTS: Final = Rule(id="image.user-exists", severity=Severity.INFO, reference="passwd(5)")

_STICKY: Final = 0o1000


def check_not_writable(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - one form for all
    """Look at the owners and modes of the program and of the directories above it."""
    program = facts.executable.strip("/")
    if not program:
        return NOT_WRITABLE.when(False).unknown("the image's program was not found")
    uid, gid = _user(facts)
    if uid is None:
        return NOT_WRITABLE.when(False).unknown("the image's user has no number that could be compared")
    fix = "give the program and its directories to root, with modes 0755, and name a user that is not root"
    if uid == 0:
        return NOT_WRITABLE.fails("the image runs as root, who may change its program", fix)
    names = {name for path in (program, _as_named(facts)) for name in _with_directories(path)}
    found = [path.path for path in facts.paths if path.path in names and _may_change(path, uid, gid)]
    if found:
        return NOT_WRITABLE.fails(f"the image's own user may change {sample([f'/{p}' for p in found])}", fix)
    return NOT_WRITABLE.passes(f"user {uid} may not change {facts.executable}")


def check_user_exists(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as above
    """Look for the user's number, or name, in the image's /etc/passwd."""
    user = text(process_settings(facts), "User").partition(":")[0]
    if facts.users is None:
        return USER_EXISTS.unknown("the image has no /etc/passwd, so its user has no name")
    known = {name for name, _ in facts.users} | {str(uid) for _, uid in facts.users}
    if (user or "0") in known:
        return USER_EXISTS.passes(f"user {user or '0'} is in /etc/passwd")
    return USER_EXISTS.fails(
        f"user {user} is not in /etc/passwd; programs that ask for their name or home do not find them",
        f"add a line for {user} to /etc/passwd",
    )


def _as_named(facts: StaticFacts) -> str:
    """Return where the command's first word is looked for, which may be a link to the program; or ""."""
    settings = process_settings(facts)
    word = (*texts(settings, "Entrypoint"), *texts(settings, "Cmd"), "")[0]
    return word.strip("/") if word.startswith("/") else ""


def _with_directories(path: str) -> set[str]:
    """Return a relative path and the directories above it."""
    return {path[:at] for at, character in enumerate(path) if character == "/"} | {path}


def _user(facts: StaticFacts) -> tuple[int | None, int | None]:
    """Return uid and gid as an engine would take them; None for what cannot be known."""
    user, _, group = text(process_settings(facts), "User").partition(":")
    gid = int(group) if group.isdecimal() else None
    if not user:
        return 0, gid
    if user.isdecimal():
        return int(user), gid
    return dict(facts.users or ()).get(user), gid


def _may_change(path: PathFact, uid: int, gid: int | None) -> bool:
    if path.kind == "symlink":
        return False
    if path.uid == uid:
        return True  # an owner may always give himself the right to write
    if path.kind == "directory" and path.mode & _STICKY:
        return False  # others' files in it are safe
    return bool(path.mode & 0o002 or (path.gid == gid and path.mode & 0o020))
