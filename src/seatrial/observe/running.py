"""Image -> RunningFacts: start it, drive it, listen, take things from it, stop it, start it otherwise."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

from seatrial.host.bubblewrap import find_engine
from seatrial.host.image_reader import open_image
from seatrial.host.launcher import launched
from seatrial.host.layer_store import LayerStore
from seatrial.host.sandbox import SANDBOX_UID, Sandbox, open_sandbox
from seatrial.model.facts import RunningFacts
from seatrial.model.trial import TrialPlan
from seatrial.observe.ahead import LayersAhead
from seatrial.observe.collector import OTLP_PORT
from seatrial.observe.documents import read_documents
from seatrial.observe.health_flag import detect_health_flag
from seatrial.observe.postgres import PLACEHOLDERS, Postgres, find_postgres
from seatrial.observe.services import fill_placeholders, prepare_services
from seatrial.observe.start import Launch
from seatrial.observe.steps import Trial
from seatrial.observe.unpack import Settings, container_environment, fill, read_settings

__all__ = ["detect_health_flag", "observe_running"]

_NO_FILTER: Final = "no system-call filter on this machine"
_FILTER: Final = (
    "the system-call filter denies what Docker's default one denies; a call newer than both passes"
)
_NETWORK: Final = "no /sys, and no network but the loopback"


def observe_running(
    layout: Path, plan: TrialPlan, *, search_path: str, cache: Path | None = None, digest: str = ""
) -> RunningFacts:
    """Run an image as a container would and return what was seen.

    layout: an OCI image layout, a tar of one, or what docker save writes. digest: of the manifest in
    it; empty when it holds one only. search_path: as PATH, to find bwrap when its wheel is not
    installed. cache: a directory that may keep a prepared database and unpacked layers between runs.
    A service that fails is a fact, not an error. Raises MachineError (no namespaces here, or a service
    beside it does not start), MissingTool (bwrap, or PostgreSQL when asked for), FormatError,
    UntrustedInput (the layout).
    """
    began_s = time.monotonic()
    with launched() as launcher:  # before all else: it starts while the image is looked at
        engine = find_engine(search_path)
        tools = find_postgres() if Postgres.name in plan.services else ()
        with open_image(layout) as files:
            documents = read_documents(files, architecture="", digest=digest)
            settings = read_settings(documents.config)
            with (
                LayersAhead(files, documents, LayerStore(cache / "layers") if cache else None) as layers,
                open_sandbox(engine, listen=(OTLP_PORT,), tools=tools, launcher=launcher) as sandbox,
            ):
                postgres, services = prepare_services(plan, sandbox, cache)
                given = fill_placeholders(plan.files, plan.programs)
                rootfs = fill(sandbox, layers, settings.working_directory, given)
                environment = _environment(plan, container_environment(rootfs, settings.environment))
                launch = Launch(
                    argv=(*settings.entrypoint, *(plan.arguments or settings.cmd)),
                    variables=tuple(environment.items()),
                    directory=settings.working_directory,
                    ports=settings.ports,
                    seed=documents.digest,
                    request_timeout_s=plan.request_timeout_s,
                )
                trial = Trial(
                    sandbox, launch, plan, settings, postgres=postgres, services=services, began_s=began_s
                )
                trial.limits.extend((*_limits(sandbox, settings), *rootfs.skipped))
                return trial.run()


def _environment(plan: TrialPlan, image: dict[str, str]) -> dict[str, str]:
    """Return the service's whole environment: the image's, the exporter's settings, then the plan's."""
    telemetry = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{OTLP_PORT}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": plan.service_name,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    own = dict(fill_placeholders(plan.environment, plan.programs))
    if Postgres.name in plan.services:
        own = {"DATABASE_URL": image.get("DATABASE_URL", PLACEHOLDERS["{postgres.url}"])} | own
    return image | telemetry | own


def _limits(sandbox: Sandbox, settings: Settings) -> list[str]:
    """Say where this run is not what an engine would do with this image."""
    limits = [_FILTER if sandbox.has_filter else _NO_FILTER, _NETWORK]
    if os.geteuid() != 0:
        limits.append("not root: file owners are not kept, permissions are those of the image's user")
    if settings.user.partition(":")[0] != str(SANDBOX_UID):
        limits.append(f"the image's user is {settings.user or 'root'!r}; it was run as {SANDBOX_UID}")
    return limits
