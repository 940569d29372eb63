"""Everything that was decided before anything is done. A plan can be printed, compared and saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from seatrial.model.image import Healthcheck
from seatrial.model.project import Project
from seatrial.model.trial import TrialPlan


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where an image goes. form: "layout" (a directory) or "tar" (one file for docker load)."""

    path: Path
    form: str


class FlagOwner(StrEnum):
    """Who answers --health-check: the service's own code, Seatrial's, or nobody, as the user wants it."""

    SERVICE = "service"
    WOVEN = "woven"
    NOBODY = "nobody"


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """How the program is compiled.

    instrument: "orchestrion" or "none". orchestrion_version: such as "v1.15.0", or "".
    integrations: package names of Seatrial's aspect module. is_cgo: linked statically with C code.
    health: settings of the woven health check, as its runtime reads them (url-encoded); "" for none.
    """

    instrument: str
    orchestrion_version: str
    integrations: tuple[str, ...]
    architecture: str
    tags: tuple[str, ...]
    ldflags: str
    is_cgo: bool
    should_stamp_vcs: bool
    health: str = ""


@dataclass(frozen=True, kw_only=True)
class ImagePlan:
    """What the image will hold and say of itself. created: RFC 3339; epoch_s: the same as seconds.

    name: such as "orders", without registry, owner and tag. arguments: of the program, as CMD has them.
    files: path in the image -> file or directory of the service, relative to its root.
    health_flag: whether the service itself answers --health-check, as declared; None: to be found out.
    """

    name: str
    reference: str
    base: str
    created: str
    epoch_s: int
    version: str
    labels: tuple[tuple[str, str], ...]
    ports: tuple[str, ...]
    healthcheck: Healthcheck
    health_flag: bool | None
    size_limit_bytes: int
    arguments: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All decisions of one ``seatrial build``."""

    project: Project
    build: BuildPlan
    image: ImagePlan
    trial: TrialPlan | None
    outputs: tuple[Output, ...]
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True, kw_only=True)
class Built:
    """A compiled program. modules_hidden: woven in, unknown to the binary's own build information."""

    program: Path
    sha256: str
    size_bytes: int
    is_static: bool
    is_woven: bool
    modules_hidden: tuple[str, ...]
    is_from_cache: bool
