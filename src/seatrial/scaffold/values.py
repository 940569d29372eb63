"""What a template may know of a service: decided before anything is rendered, printable and comparable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from seatrial.model.image import Healthcheck


@dataclass(frozen=True, kw_only=True)
class ActionPin:
    """A GitHub action by commit (40 hex). version: a claim, printed as a comment only."""

    name: str
    commit: str
    version: str

    @property
    def uses(self) -> str:
        """The value of ``uses:`` with the version as its comment."""
        return f"{self.name}@{self.commit} # {self.version}"


@dataclass(frozen=True, kw_only=True)
class Pins:
    """Versions and digests from the lock. go: such as "go1.26.8", the Go inside of ``golang``.

    golang, static: whole image references, "NAME:TAG@sha256:…". tools: name -> version, of what make
    and CI run. orchestrion: such as "v1.15.0".
    """

    go: str
    orchestrion: str
    golang: str
    static: str
    actions: tuple[ActionPin, ...]
    tools: Mapping[str, str]

    def action(self, name: str) -> ActionPin:
        """Return the pin of an action such as "actions/checkout"; KeyError is a defect of ours."""
        return {pin.name: pin for pin in self.actions}[name]


@dataclass(frozen=True, kw_only=True)
class Values:
    """What is known of one service.

    name: of the image, such as "orders". module: import path; module_directory: relative to the
    repository's root that init was given, "." or "services/orders". main: the package to build, relative
    to the module's directory, such as "./cmd/server". pin_file: "go.mod" or "tools.mod", which holds the
    ``tool`` line of Orchestrion. is_woven: False for [instrument] with = "none". integrations: folders of
    the aspect module. healthcheck: None when nobody answers --health-check.
    health_settings: the link-time word of the health check (BuildPlan.health), or "".
    tags, experiments of Go, ldflags: the user's own, ldflags with {version} and {revision} unfilled.
    prepare: commands that make generated code, run in prepare_directory, relative to the root. arguments:
    of the program, for CMD. image_files: path in the image -> path of the service, relative to the root.
    hosts: of "github" and "gitlab", whose CI is wanted. default_branch: such as "main".
    revision: the commit that is checked out, 40 hex, or "".
    workspace_modules: directories of the other members of a go.work or local replacements, below the root.
    inputs: files of the repository that the build reads, relative to its root.
    answers_flag: the service itself has --health-check. has_linter_settings: a golangci-lint file of any
    name is there. has_settings: those of Seatrial are in pyproject.toml. wants_ignores: git would see what
    make writes. has_other_dockerfiles: builds of the user's own read .dockerignore. makefile: the name
    of the file that make reads here. make_targets: targets that the user's own has. paths: template's key
    -> where its file is.
    """

    name: str
    module: str
    module_directory: str
    main: str
    pins: Pins
    pin_file: str
    is_woven: bool
    is_cgo: bool
    is_vendored: bool
    integrations: tuple[str, ...]
    ports: tuple[str, ...]
    arguments: tuple[str, ...]
    healthcheck: Healthcheck | None
    health_settings: str
    tags: tuple[str, ...]
    experiments: tuple[str, ...]
    ldflags: str
    prepare: tuple[str, ...]
    prepare_directory: str
    image_files: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...]
    size_limit_bytes: int
    hosts: frozenset[str]
    default_branch: str
    source_url: str = ""
    revision: str = ""
    workspace_modules: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    answers_flag: bool = False
    has_linter_settings: bool = False
    has_settings: bool = False
    wants_ignores: bool = False
    has_other_dockerfiles: bool = False
    makefile: str = "Makefile"
    make_targets: frozenset[str] = frozenset()
    paths: Mapping[str, str] = field(default_factory=dict)

    def path(self, template: str) -> str:
        """Return where a template's file is kept in this repository: ``path("Dockerfile")``."""
        return self.paths.get(template, template)

    def target(self, name: str) -> str:
        """Return the make target that does ``name``: another one where the user's Makefile has that name."""
        return f"seatrial-{name}" if name in self.make_targets else name

    def placed(self, paths: Mapping[str, str]) -> Values:
        """Return the same with the places of all files known."""
        return replace(self, paths=dict(paths))
