"""Go, its builder image, Orchestrion and the tools: newer ones that fit together, and what holds the rest.

Everything here is decided from values; ``problems`` says what the result still violates, and is what the
tests hold every result to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from seatrial.renew.found import Floor, GoFacts, GoPins, Group, Proposal, Release
from seatrial.renew.golang import GoChoice, choose_go, tags_to_look_at
from seatrial.renew.versions import go_name, go_numbers, is_prerelease, order_key

ORCHESTRION = "orchestrion"
# Tool lines in go.mod (Go 1.24 release notes), which pin Orchestrion.
TOOL_LINES = Floor(go="1.24", reason="tool lines in go.mod came with Go 1.24")


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What is proposed, and what cannot be satisfied all the same, as sentences."""

    proposals: tuple[Proposal, ...]
    problems: tuple[str, ...]


def with_needs(pins: GoPins, facts: GoFacts) -> GoPins:
    """Return the pins with one floor more: the Go that the pinned Orchestrion needs.

    A version that was never published needs what the least demanding newer one does.
    """
    pinned = pins.fixed_orchestrion or pins.orchestrion
    if not pinned or Group.GO not in pins.groups:
        return pins
    releases = facts.releases.get(ORCHESTRION, ())
    own = [release for release in releases if release.version == pinned]
    usable = own or [one for one in releases if _may_follow(one.version, pinned)]
    known = [release for release in usable if go_numbers(release.needs_go)]
    floors = [*pins.floors, TOOL_LINES]
    if known:
        least = min(known, key=lambda release: go_numbers(release.needs_go) or ())
        reason = f"Orchestrion {least.version} needs Go {least.needs_go}"
        floors.append(Floor(go=least.needs_go, reason=reason))
    return replace(pins, floors=tuple(floors))


def builder_tags(pins: GoPins, facts: GoFacts) -> tuple[str, ...]:
    """Return the tags of the builder image to look up before ``fit``."""
    return tags_to_look_at(with_needs(pins, facts), facts)


def fit(pins: GoPins, facts: GoFacts) -> Fit:
    """Choose the newest of each that fit together; nothing moves backwards.

    Raises ConfigError for a Go that was asked for and cannot be had.
    """
    pins = with_needs(pins, facts)
    choice = choose_go(pins, facts)
    proposals = list(_go_proposals(pins, choice))
    if Group.GO in pins.groups and pins.orchestrion:
        proposals.append(_orchestrion(pins, facts, choice))
    if Group.TOOLS in pins.groups:
        proposals += [
            _release(pins, f"tools.{name}", version, facts.releases[name], choice.go)
            for name, version in sorted(pins.tools.items())
            if name in facts.releases
        ]
    return Fit(proposals=tuple(proposals), problems=tuple(_problems(pins, facts, choice, proposals)))


def _go_proposals(pins: GoPins, choice: GoChoice) -> Iterator[Proposal]:
    if Group.GO in pins.groups:
        yield Proposal(
            name="go",
            group=Group.GO,
            before=pins.go,
            after=choice.go,
            why=choice.go_why,
            held_by=choice.go_held,
        )
    if Group.IMAGES in pins.groups and pins.golang:
        yield Proposal(
            name="images.golang",
            group=Group.IMAGES,
            before=pins.golang,
            after=choice.golang,
            why=choice.image_why,
            held_by=choice.image_held,
        )


def _orchestrion(pins: GoPins, facts: GoFacts, choice: GoChoice) -> Proposal:
    if not pins.fixed_orchestrion:
        return _release(pins, ORCHESTRION, pins.orchestrion, facts.releases.get(ORCHESTRION, ()), choice.go)
    fixed = pins.fixed_orchestrion
    return Proposal(
        name=ORCHESTRION,
        group=Group.GO,
        before=pins.orchestrion,
        after=fixed,
        why="" if fixed == pins.orchestrion else "[instrument] version asks for it",
        held_by="[instrument] version asks for this one",
    )


def _release(pins: GoPins, name: str, pinned: str, releases: tuple[Release, ...], go: str) -> Proposal:
    """Take the newest release that this Go compiles, and that has been out for long enough."""
    group = Group.GO if name == ORCHESTRION else Group.TOOLS
    ordered = sorted(releases, key=lambda one: order_key(one.version), reverse=True)
    newer = [one for one in ordered if _may_follow(one.version, pinned)]
    is_known = any(one.version == pinned for one in releases)
    refused: dict[str, str] = {}  # what would be asked of another one -> why the newest has it not
    for release in newer:
        if young := pins.cool_down.holds(release.version, release.published):
            refused.setdefault(f"of {pins.cool_down.days} days or more", young)
        elif not _compiles(go, release):
            need = f"{release.version} needs Go {release.needs_go}, and {go} is pinned"
            refused.setdefault(f"that {go} compiles", need)
        else:
            why = f"the newest {' and '.join(refused) or 'release'}"
            lost = "" if is_known else f"; {pinned} was never published"
            need = f", needs Go {release.needs_go}" if release.needs_go else ""
            return Proposal(
                name=name,
                group=group,
                before=pinned,
                after=release.version,
                why=why + need + lost,
                held_by="; ".join(refused.values()),
            )
    return Proposal(name=name, group=group, before=pinned, after=pinned, held_by="; ".join(refused.values()))


def _may_follow(version: str, pinned: str) -> bool:
    """A pre-release follows only another; nothing older follows."""
    if is_prerelease(version) and not is_prerelease(pinned):
        return False
    return order_key(version) > order_key(pinned)


def _compiles(go: str, release: Release) -> bool:
    have, needed = go_numbers(go), go_numbers(release.needs_go)
    return have is None or needed is None or needed <= have


def _problems(pins: GoPins, facts: GoFacts, choice: GoChoice, proposals: list[Proposal]) -> Iterator[str]:
    """What does not fit after all, because nothing newer could be had."""
    if Group.GO not in pins.groups:
        return
    have = go_numbers(choice.go)
    for floor in pins.floors:
        needed = go_numbers(floor.go)
        if have is not None and needed is not None and needed > have:
            held = f" ({choice.go_held})" if choice.go_held else ""
            yield f"{floor.reason}, and Go stays at {choice.go}{held}"
    after = {proposal.name: proposal.after for proposal in proposals}.get(ORCHESTRION, "")
    releases = facts.releases.get(ORCHESTRION, ())
    if after and releases and all(one.version != after for one in releases):
        newest = newest_fitting(releases, choice.go)
        words = f"; {newest} is the newest that fits {choice.go}" if newest else ""
        yield f"Orchestrion {after} was never published{words}"


def newest_fitting(releases: tuple[Release, ...], go: str) -> str:
    """Return the newest release that this Go compiles, or ""."""
    fitting = [one.version for one in releases if _compiles(go, one) and not is_prerelease(one.version)]
    return max(fitting, key=order_key, default="")


def canonical_go(version: str) -> str:
    """Return "go1.26.8" for "go1.26.8-X:nodwarf5" and the like: the release that it is made of."""
    numbers = go_numbers(version.partition("-")[0].partition(" ")[0])
    return go_name(numbers) if numbers else version
