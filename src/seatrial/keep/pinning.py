"""A lock without the pins of kept files -> one with them; versions that do not fit are refused."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from seatrial.config import Settings
from seatrial.errors import ConfigError
from seatrial.instrument.pin import MINIMUM_GO
from seatrial.lock import FILE_NAME as LOCK_NAME
from seatrial.lock import Lock
from seatrial.model.plan import Plan
from seatrial.scaffold import pins
from seatrial.scaffold.values import ActionPin, Pins

_STATIC_DEBIAN_12: Final = (
    "gcr.io/distroless/static-debian12:nonroot"
    "@sha256:f5b485ea962d9bd1186b2f6b3a061191539b905b82ec395de78cbfae51f20e35"
)


def complete_lock(
    lock: Lock, plan: Plan, settings: Settings, *, hosts: tuple[str, ...]
) -> tuple[Lock, tuple[str, ...]]:
    """Fill what the lock does not pin yet; what it pins stays. Return notes for the user, too.

    hosts: whose CI. Raises ConfigError for versions that do not fit.
    """
    golang, version, notes = _golang(lock, plan)
    images = {"golang": golang, "static": pins.STATIC, **lock.images}
    if settings.base == "debian-12" and "static" not in lock.images:
        images["static"] = _STATIC_DEBIAN_12
        notes = (
            *notes,
            'static-debian12 is near its end of support: [base] image = "debian-13"',
        )
    completed = replace(
        lock,
        go=version,
        orchestrion=plan.build.orchestrion_version or lock.orchestrion,
        images=images,
        actions={pin.name: f"{pin.commit} {pin.version}" for pin in pins.ACTIONS} | lock.actions,
        tools={**pins.TOOLS, **lock.tools},
        ci=hosts,
    )
    _refuse_unfit(completed)
    return completed, notes


def _golang(lock: Lock, plan: Plan) -> tuple[str, str, tuple[str, ...]]:
    """Return the builder image, the Go that is pinned, and a note where they may not be the same Go."""
    project = plan.project
    if image := lock.images.get("golang"):
        return image, lock.go or project.toolchain_version, ()
    found = pins.choose_golang(lock.go or project.toolchain_version, project.go_line)
    if found is None:
        raise ConfigError(
            f"no builder image is known for Go {project.go_line}",
            where=str(project.module.directory / "go.mod"),
            hint=f'pin one in {LOCK_NAME}: "images": {{"golang": "golang:TAG@sha256:…"}}',
        )
    version = lock.go or found.version or project.toolchain_version
    if version == found.version:
        return found.image, version, ()
    tag = found.image.partition("@")[0]
    inside = found.version or "a release that only the registry knows"
    note = f"{tag} holds {inside}, and seatrial build uses {version}: their bytes may differ"
    return found.image, version, (note,)


def _refuse_unfit(lock: Lock) -> None:
    """Versions that cannot be put together, each with what does fit (orchestrion's go.mod; Go 1.24 notes)."""
    problems = []
    needed = MINIMUM_GO.get(lock.orchestrion)
    tag = re.search(r"golang:(\d+)\.(\d+)", lock.images["golang"])
    if lock.orchestrion and needed is None:
        problems.append(f"Orchestrion {lock.orchestrion} is none of {', '.join(MINIMUM_GO)}")
    if tag:
        have = (int(tag[1]), int(tag[2]))
        if have < (1, 24):
            problems.append(f"golang:{tag[1]}.{tag[2]} has no tool lines in go.mod: they came with Go 1.24")
        if needed and have < needed:
            problems.append(
                f"Orchestrion {lock.orchestrion} needs Go {needed[0]}.{needed[1]}, not {tag[1]}.{tag[2]}"
            )
    if problems:
        fits = [f"Orchestrion {name} with Go {low[0]}.{low[1]} or newer" for name, low in MINIMUM_GO.items()]
        raise ConfigError("\n".join(problems), where=LOCK_NAME, hint="these fit: " + "; ".join(fits))


def read_pins(lock: Lock) -> Pins:
    """Return the lock's pins for the templates; raise ConfigError for one that is not exact."""
    actions = []
    for name, text in sorted(lock.actions.items()):
        commit, _, version = text.partition(" ")
        if not re.fullmatch(r"[0-9a-f]{40}", commit):
            raise ConfigError(f"{name} is not pinned by a commit: {text!r}", where=LOCK_NAME)
        actions.append(ActionPin(name=name, commit=commit, version=version))
    for name, image in lock.images.items():
        if not re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", image):
            raise ConfigError(f"{name} is not pinned by a digest: {image!r}", where=LOCK_NAME)
    return Pins(
        go=lock.go,
        orchestrion=lock.orchestrion,
        golang=lock.images["golang"],
        static=lock.images["static"],
        actions=tuple(actions),
        tools=lock.tools,
    )
