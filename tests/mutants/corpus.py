"""All mutants, and the checks that none of them claims."""

from __future__ import annotations

from mutants.mutant import Mutant
from mutants.of_behaviour import OF_BEHAVIOUR
from mutants.of_bytes import OF_BYTES
from mutants.of_files import OF_FILES
from mutants.of_programs import OF_PROGRAMS
from mutants.of_settings import OF_SETTINGS

CORPUS: tuple[Mutant, ...] = (*OF_SETTINGS, *OF_FILES, *OF_BYTES, *OF_PROGRAMS, *OF_BEHAVIOUR)

UNCLAIMED = {
    "binary.pie": "the good image's program is at a fixed place itself, as Go links it; an information",
    "trial.user": "the sandbox gives user, capabilities and no-new-privileges; no image can change them",
    "trial.health-services": "tells of services that the good image does not have; an information",
}
"""Check id -> why no image here can show that it notices."""
