"""A lock without the pins of kept files -> one with them; versions that do not fit are refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from seatrial.config import Settings
from seatrial.errors import ConfigError
from seatrial.instrument.pin import DEFAULT_VERSION, MINIMUM_GO
from seatrial.lock import FILE_NAME as LOCK_NAME
from seatrial.lock import Lock
from seatrial.model.plan import Plan
from seatrial.renew.modules import MODULES, GoAsker
from seatrial.renew.versions import go_numbers, release_numbers
from seatrial.scaffold import pins
from seatrial.scaffold.values import ActionPin, Pins

# Orchestrion's version -> the Go that it needs, or None for a version that is not there.
Needs = Callable[[str], tuple[int, int] | None]
# Of go.mod, which pin Orchestrion (Go 1.24 release notes).
TOOL_LINES: Final = (1, 24)
_ASK_TIMEOUT_S: Final = 60.0
_STATIC_DEBIAN_12: Final = (
    "gcr.io/distroless/static-debian12:nonroot"
    "@sha256:f5b485ea962d9bd1186b2f6b3a061191539b905b82ec395de78cbfae51f20e35"
)


def complete_lock(
    lock: Lock, plan: Plan, settings: Settings, *, hosts: tuple[str, ...], needs: Needs
) -> tuple[Lock, tuple[str, ...]]:
    """Fill what the lock does not pin yet; what it pins stays. Return notes for the user, too.

    hosts: whose CI. needs: the Go of an Orchestrion that is in no table.
    Raises ConfigError for versions that do not fit.
    """
    completed, notes = fill_lock(lock, plan, settings, hosts=hosts)
    _refuse_unfit(completed, plan, settings, needs)
    return completed, notes


def fill_lock(
    lock: Lock, plan: Plan, settings: Settings, *, hosts: tuple[str, ...]
) -> tuple[Lock, tuple[str, ...]]:
    """Do the same without a look at whether the versions fit."""
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


def orchestrion_needs(version: str, env: Mapping[str, str]) -> tuple[int, int] | None:
    """Return the Go that an Orchestrion needs: of those known here, else by its own go.mod.

    None for a version that was never published. Raises NetworkError (the module proxy does not answer).
    """
    if version in MINIMUM_GO or not release_numbers(version):
        return MINIMUM_GO.get(version)
    asker = GoAsker(env=env, timeout_s=_ASK_TIMEOUT_S)
    found = asker.published([(MODULES["orchestrion"], version)]).get((MODULES["orchestrion"], version))
    numbers = go_numbers(found.needs_go) if found else None
    return (numbers[0], numbers[1]) if numbers else None


def _refuse_unfit(lock: Lock, plan: Plan, settings: Settings, needs: Needs) -> None:
    """Versions that cannot be put together, each with the nearest that can (Go 1.24 notes; their go.mod)."""
    problems: list[str] = []
    tag = re.search(r"golang:(\d+)\.(\d+)", lock.images["golang"])
    have = (int(tag[1]), int(tag[2])) if tag else None
    needed = needs(lock.orchestrion) if lock.orchestrion else None
    if lock.orchestrion and needed is None:
        problems.append(f"Orchestrion {lock.orchestrion} was never published")
    least = max(needed or TOOL_LINES, TOOL_LINES)
    if have and have < TOOL_LINES:
        problems.append(f"golang:{have[0]}.{have[1]} has no tool lines in go.mod: they came with Go 1.24")
    if have and needed and have < needed:
        problems.append(
            f"Orchestrion {lock.orchestrion} needs Go {needed[0]}.{needed[1]}, not {have[0]}.{have[1]}"
        )
    if not problems:
        return
    is_fixed = needed is None and lock.orchestrion == settings.orchestrion_version
    hints = list(_remedies(plan, have, least, is_fixed=is_fixed))
    hints += [f"note, too: {warning}" for warning in plan.warnings]
    if not is_fixed:
        hints.append("seatrial lock --update looks for newer pins that fit together")
    where = settings.source if is_fixed and len(problems) == 1 else LOCK_NAME
    raise ConfigError("\n".join(problems), where=where, hint="\n".join(hints))


def _remedies(
    plan: Plan, have: tuple[int, int] | None, least: tuple[int, int], *, is_fixed: bool
) -> Iterator[str]:
    """Say what fits. have: the builder image's Go. is_fixed: the settings name the Orchestrion."""
    minors = [have] if have and have >= TOOL_LINES else []
    if have and have < least:
        image = _nearest_golang(plan, least)
        yield f'the nearest builder image: "images": {{"golang": "{image.image}"}}'
        minors.insert(0, image.minor)
    fitting = [(version, minor) for minor in minors if (version := _newest_orchestrion(minor))]
    if fitting:
        words = (f"Orchestrion {version} with Go {minor[0]}.{minor[1]}" for version, minor in fitting)
        yield f"these fit: {', or '.join(words)}"
    if is_fixed:
        version = fitting[0][0] if fitting else DEFAULT_VERSION
        yield f'so: [instrument] version = "{version}"'


def _newest_orchestrion(minor: tuple[int, int]) -> str:
    return next((name for name, low in MINIMUM_GO.items() if low <= minor), "")


def _nearest_golang(plan: Plan, least: tuple[int, int]) -> pins.GolangPin:
    """Return the image for this machine's Go; the usual one where that is too old."""
    mine = go_numbers(plan.project.toolchain_version) or (0, 0, 0)
    usual = f"go{pins.GOLANG[0].minor[0]}.{pins.GOLANG[0].minor[1]}"
    version = plan.project.toolchain_version if mine[:2] >= least else usual
    return pins.choose_golang(version, f"{least[0]}.{least[1]}") or pins.GOLANG[0]


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
