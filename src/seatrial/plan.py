"""Project + Request -> Plan: every decision of a build, and nothing done yet."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from seatrial.config import Settings, trial_plan
from seatrial.config_values import NAME
from seatrial.errors import ConfigError, MachineError
from seatrial.model.image import Healthcheck
from seatrial.model.plan import BuildPlan, FlagOwner, ImagePlan, Output, Plan
from seatrial.model.project import Project
from seatrial.model.request import Request

# Integration in seatrial.toml -> folders of the aspect module.
_ASPECTS = {
    "net/http": ("http", "router"),
    "database/sql": ("sql",),
    "pgx": ("pgx",),
    "log/slog": ("slog",),
}
SERVER_PATH = "server"
HEALTH_FLAG = "--health-check"
# Of the HEALTHCHECK's timeout: what is left lets the probe say why before it is killed.
_OWN_SHARE = 0.8


def make_plan(
    project: Project, request: Request, settings: Settings, *, orchestrion_version: str, has_c_compiler: bool
) -> Plan:
    """Decide everything.

    orchestrion_version: already chosen for this Go; "" when nothing is woven.
    Raises ConfigError for what cannot be combined, MachineError for C code that cannot be linked here.
    """
    is_cgo = _links_c(project, request, has_c_compiler)
    name = settings.image_name or _name(project)
    return Plan(
        project=project,
        build=BuildPlan(
            instrument="orchestrion" if orchestrion_version else "none",
            orchestrion_version=orchestrion_version,
            integrations=tuple(name for key in settings.integrations for name in _ASPECTS[key]),
            architecture=request.architecture,
            tags=settings.tags,
            ldflags=_expanded(settings.ldflags, project),
            is_cgo=is_cgo,
            should_stamp_vcs=settings.stamps_vcs and bool(project.repository and project.repository.revision),
        ),
        image=_image_plan(name, project, request, settings),
        trial=trial_plan(
            settings,
            service_name=name,
            root=project.root,
            expects_spans=bool(orchestrion_version) and "net/http" in settings.integrations,
        )
        if request.should_try
        else None,
        outputs=request.outputs or (_default_output(name, project, request),),
        warnings=project.warnings,
    )


def with_flag_owner(plan: Plan, settings: Settings, owner: FlagOwner) -> Plan:
    """Return the plan for a service whose --health-check is answered by ``owner``."""
    argv = () if owner is FlagOwner.NOBODY else (f"/{SERVER_PATH}", HEALTH_FLAG)
    return replace(
        plan,
        build=replace(plan.build, health=_health(settings, owner, plan.build.instrument)),
        trial=replace(plan.trial, health_argv=argv) if plan.trial else None,
    )


def _health(settings: Settings, owner: FlagOwner, instrument: str) -> str:
    """Return what the woven health check reads at its start: seatrial.dev/weave/health, settings.go."""
    if owner is not FlagOwner.WOVEN:
        # Woven aspects are the same for all services; this link-time word keeps them out.
        return urlencode({"flag": FlagOwner.SERVICE.value}) if instrument == "orchestrion" else ""
    pairs = [("flag", owner.value), ("timeout", f"{settings.health_timeout_s * _OWN_SHARE:g}s")]
    pairs += [("http", settings.health_http)] if settings.health_http else []
    pairs += [("listener", settings.health_listener)] if settings.health_listener != "required" else []
    pairs += [("informational", name) for name in settings.health_informational]
    pairs += [(f"check.{name}", address) for name, address in settings.health_checks]
    return urlencode(pairs)


def _links_c(project: Project, request: Request, has_c_compiler: bool) -> bool:
    """C code is linked statically or refused; it is never left out unless the user said CGO_ENABLED=0."""
    if not project.cgo_packages:
        return False
    names = ", ".join(project.cgo_packages[:6])
    if request.architecture != request.host_architecture:
        raise MachineError(
            f"C code cannot be cross-compiled here: {names}",
            hint="build on a machine of that architecture, or without it: CGO_ENABLED=0 seatrial build",
        )
    if not has_c_compiler:
        raise MachineError(
            f"these packages need a C compiler, and there is none: {names}",
            hint="apt-get install gcc libc6-dev   (or build without them: CGO_ENABLED=0 seatrial build)",
        )
    return True


def _image_plan(name: str, project: Project, request: Request, settings: Settings) -> ImagePlan:
    repository = project.repository
    version = repository.version if repository else ""
    epoch_s = _epoch_s(project, request)
    labels = {
        "org.opencontainers.image.title": name,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.revision": repository.revision if repository else "",
        "org.opencontainers.image.source": repository.source_url if repository else "",
        **dict(settings.labels),
    }
    return ImagePlan(
        name=name,
        reference=_reference(request.reference) or f"{name}:{_tag(version)}",
        base=request.base or settings.base,
        created=datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        epoch_s=epoch_s,
        version=version,
        labels=tuple((key, value) for key, value in sorted(labels.items()) if value),
        ports=settings.ports or project.exposed_ports,
        arguments=settings.image_arguments,
        healthcheck=Healthcheck(
            argv=(f"/{SERVER_PATH}", HEALTH_FLAG),
            interval_s=settings.health_interval_s,
            timeout_s=settings.health_timeout_s,
            start_period_s=settings.start_period_s,
            retries=settings.health_retries,
        ),
        health_flag=settings.health_flag,
        size_limit_bytes=settings.image_size_bytes,
        files=settings.image_files,
    )


def _epoch_s(project: Project, request: Request) -> int:
    """Time in the image comes from the commit, or from SOURCE_DATE_EPOCH (reproducible-builds.org)."""
    given = request.env.get("SOURCE_DATE_EPOCH", "")
    if given:
        if not given.isdigit() or int(given) > 253_402_300_799:
            raise ConfigError(f"{given!r} is not a number of seconds", where="SOURCE_DATE_EPOCH")
        return int(given)
    return project.repository.commit_epoch_s if project.repository else 0


def _name(project: Project) -> str:
    """Name the image after the module: its last word but for a version; of a host alone, its own name."""
    words = [word for word in project.module.path.split("/") if not re.fullmatch(r"v\d+", word)]
    last = words[-1] if len(words) > 1 else "".join(words).partition(".")[0]
    name = re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")
    return name or "service"


def _tag(version: str) -> str:
    """Return a legal tag (OCI distribution-spec: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127})."""
    return re.sub(r"[^a-zA-Z0-9_.-]", "-", version).lstrip(".-")[:128] or "latest"


def _reference(text: str) -> str:
    if not text:
        return ""
    name, _, tag = text.rpartition(":") if ":" in text.rpartition("/")[2] else (text, "", "latest")
    if not re.fullmatch(rf"(?:[\w.-]+(?::\d+)?/)?{NAME}(?:/{NAME})*", name) or _tag(tag) != tag:
        raise ConfigError(
            f"{text!r} is not an image name", where="-t", hint="such as orders:1.4.2, in lower case"
        )
    return f"{name}:{tag}"


def _expanded(ldflags: str, project: Project) -> str:
    """Fill {version} and {revision} in the user's own -ldflags."""
    repository = project.repository
    values = {
        "{version}": repository.version if repository else "dev",
        "{revision}": repository.revision if repository else "",
    }
    for name, value in values.items():
        ldflags = ldflags.replace(name, value)
    return ldflags


def _default_output(name: str, project: Project, request: Request) -> Output:
    """Return a place outside the user's tree that is the same for each build of this service."""
    return Output(path=request.cache / "images" / f"{name}-{service_key(project)}", form="layout")


def service_key(project: Project) -> str:
    """Return a short name for this service on this machine (its directory and main package)."""
    identity = f"{project.module.directory}\0{project.main.import_path}"
    return hashlib.sha256(identity.encode()).hexdigest()[:12]
