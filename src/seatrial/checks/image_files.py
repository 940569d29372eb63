"""What must not lie around in an image: shells, setuid programs, files that anyone may change."""

from __future__ import annotations

from typing import Final

from seatrial.checks.image_spelling import misspelled_settings
from seatrial.checks.rule import Rule, sample
from seatrial.model.facts import StaticFacts
from seatrial.model.verdict import Expectations, Severity, Verdict

NO_SHELL: Final = Rule(
    id="image.no-shell", severity=Severity.MEDIUM, reference="NIST SP 800-190, 4.1.2; CIS Docker 4.3"
)
NO_SETUID: Final = Rule(id="image.no-setuid", severity=Severity.HIGH, reference="CIS Docker 4.8")
NO_WORLD_WRITABLE: Final = Rule(
    id="image.no-world-writable", severity=Severity.MEDIUM, reference="CIS Distribution Independent 6.1.10"
)
NO_FILE_CAPABILITIES: Final = Rule(
    id="image.no-file-capabilities",
    severity=Severity.HIGH,
    reference="CIS Docker 4.8; capabilities(7), File capabilities",
)
WELL_FORMED: Final = Rule(
    id="image.well-formed", severity=Severity.MEDIUM, reference="OCI image-spec, layer.md"
)

_SHELLS: Final = frozenset(
    ("sh", "bash", "dash", "ash", "busybox", "zsh", "ksh", "mksh", "csh", "tcsh", "fish", "toybox")
)
_FILES: Final = ("file", "hardlink")


def check_no_shell(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - one form for all
    """Look for programs, or links, with a shell's name."""
    found = [
        path.path
        for path in facts.paths
        if path.path.rpartition("/")[2] in _SHELLS
        and (path.kind == "symlink" or (path.kind in _FILES and path.mode & 0o111))
    ]
    if found:
        return NO_SHELL.fails(
            f"the image holds a shell: {sample(found)}", 'use the base "debian-13" or "scratch"'
        )
    return NO_SHELL.passes("no shell")


def check_no_setuid(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as above
    """Look for files whose mode gives their owner's power to whoever starts them."""
    found = [path.path for path in facts.paths if path.kind in _FILES and path.mode & 0o6000]
    if found:
        return NO_SETUID.fails(f"setuid or setgid: {sample(found)}", "remove these bits: chmod a-s")
    return NO_SETUID.passes("no setuid or setgid file")


def check_no_file_capabilities(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as above
    """Look for files that give whoever starts them a part of root's power."""
    found = [f"{path.path} ({path.capabilities})" for path in facts.paths if path.capabilities]
    if found:
        return NO_FILE_CAPABILITIES.fails(f"file capabilities: {sample(found)}", "remove them: setcap -r")
    return NO_FILE_CAPABILITIES.passes("no file has capabilities")


def check_no_world_writable(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as above
    """Look for files, and directories without the sticky bit, that anyone may write to."""
    found = [
        path.path
        for path in facts.paths
        if path.mode & 0o002
        and (path.kind in _FILES or (path.kind == "directory" and not path.mode & 0o1000))
    ]
    if found:
        return NO_WORLD_WRITABLE.fails(f"anyone may write to {sample(found)}", "remove this bit: chmod o-w")
    return NO_WORLD_WRITABLE.passes("nothing that anyone may write to")


def check_well_formed(facts: StaticFacts, expected: Expectations) -> Verdict:  # noqa: ARG001 - as above
    """Look at what was odd when the image was read, and what an engine may take otherwise."""
    found = [*misspelled_settings(facts), *facts.problems]
    if found:
        return WELL_FORMED.fails(sample(found), "build the image again, from clean layers")
    return WELL_FORMED.passes("every layer reads as it should")
