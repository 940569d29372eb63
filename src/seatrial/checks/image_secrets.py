"""No layer and no setting gives away a secret, or the whole history of the sources."""

from __future__ import annotations

import re
from typing import Final

from seatrial.checks.rule import Rule, sample
from seatrial.model.facts import SecretFact, StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

NO_SECRETS: Final = Rule(
    id="image.no-secrets", severity=Severity.HIGH, reference="CIS Docker 4.10; NIST SP 800-190, 4.1.4"
)
NO_VERSION_CONTROL: Final = Rule(
    id="image.no-version-control", severity=Severity.MEDIUM, reference="NIST SP 800-190, 4.1.4"
)

_REPOSITORY: Final = "git repository"
_REPOSITORIES: Final = re.compile(r"(?:^|/)\.(?:git|hg|svn|bzr|jj)(?=/|$)")


def check_no_secrets(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - one form for all
    """Look at what has a secret's shape, in every layer and in the configuration."""
    found = [_described(secret) for secret in facts.secrets if secret.kind != _REPOSITORY]
    if found:
        return NO_SECRETS.fails(
            f"looks like a secret: {sample(found)}",
            "make it invalid where it was issued, as whoever has the image has it; build without it, and "
            "give it to the running container as a file or a variable",
        )
    return NO_SECRETS.passes("nothing in any layer or setting has a secret's shape")


def check_no_version_control(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as above
    """Look for the directories of version control systems, also hidden ones."""
    found = [_described(secret) for secret in facts.secrets if secret.kind == _REPOSITORY]
    seen = {secret.path for secret in facts.secrets}
    found += [f"/{path}" for path in sorted(_repositories(facts) - seen)]
    if found:
        return NO_VERSION_CONTROL.fails(
            f"the sources' history was copied in: {sample(found)}",
            "copy only what the service needs, or list .git in .dockerignore",
        )
    return NO_VERSION_CONTROL.passes("no version control directory")


def _repositories(facts: StaticFacts) -> set[str]:
    """Return such directories; also those without an entry of their own, of which files are there."""
    found = set()
    for path in facts.paths:
        match = _REPOSITORIES.search(path.path)
        if match and (match.end() < len(path.path) or path.kind == "directory"):
            found.add(path.path[: match.end()])
    return found


def _described(secret: SecretFact) -> str:
    if secret.layer < 0 or " " in secret.path:
        return f"{secret.kind} in {secret.path}"
    where = f"layer {secret.layer}" + (", hidden by a higher one" if secret.is_hidden else "")
    return f"{secret.kind} /{secret.path} ({where})"
