"""Which Go: the newest patch of the pinned minor release that has a builder image, or why not.

Go supports its two newest minor releases (go.dev/doc/devel/release). The builder image runs with
GOTOOLCHAIN=local, so what it holds, and not what was released, decides what can be compiled in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from seatrial.errors import ConfigError
from seatrial.renew.found import Floor, GoFacts, GolangImage, GoPins, Group
from seatrial.renew.references import split_reference
from seatrial.renew.versions import Numbers, go_name, go_numbers, minor_name

_TAG: Final = re.compile(r"(\d+\.\d+(?:\.\d+)?)((?:-[A-Za-z][\w.-]*)?)")
# A patch whose image is not there yet is a matter of days: the one before it is.
_PATCHES_TRIED: Final = 3
_LEFT_OUT: Final = "--only leaves it out"


@dataclass(frozen=True, kw_only=True)
class GoChoice:
    """go, golang: the pins from now on. go_why and the like: as in Proposal."""

    go: str
    golang: str
    go_why: str = ""
    go_held: str = ""
    image_why: str = ""
    image_held: str = ""


@dataclass(frozen=True, kw_only=True)
class _Tag:
    """A reference to a builder image, taken apart. name: up to the tag. is_exact: the tag has a patch."""

    name: str
    numbers: Numbers
    suffix: str
    is_exact: bool

    def of(self, go: Numbers) -> str:
        """Return the tag for another Go, in the same style."""
        number = ".".join(map(str, go)) if self.is_exact else minor_name(go)
        return number + self.suffix


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """Releases to try, best first; and why they are of this minor release, and why not of a newer one."""

    candidates: tuple[Numbers, ...]
    moved_because: str
    stays_because: str


def tags_to_look_at(pins: GoPins, facts: GoFacts) -> tuple[str, ...]:
    """Return the tags of the builder image that the choice may come to, best first."""
    tag = _read_tag(pins.golang)
    if tag is None or Group.IMAGES not in pins.groups:
        return ()
    wanted = _wanted(pins, facts)
    return tuple(dict.fromkeys(tag.of(go) for go in _tried(wanted.candidates)))


def choose_go(pins: GoPins, facts: GoFacts) -> GoChoice:
    """Choose Go and its builder image together. Raises ConfigError for an --go that cannot be had."""
    wanted = _wanted(pins, facts)
    stay = GoChoice(go=pins.go, golang=pins.golang)
    if not pins.golang:
        if Group.GO not in pins.groups or not wanted.candidates:
            return stay
        go = go_name(wanted.candidates[0])
        return GoChoice(go=go, golang="", go_why=_go_why(pins, go, wanted), go_held=wanted.stays_because)
    tag = _read_tag(pins.golang)
    if tag is None:
        reason = f"the tag of {pins.golang.partition('@')[0]} does not name a Go release"
        return _held(stay, reason)
    if Group.IMAGES not in pins.groups:
        return _held(stay, "the builder image holds this Go, and --only leaves images out", image="")
    return _with_image(pins, facts, tag, wanted)


def _held(stay: GoChoice, reason: str, image: str | None = None) -> GoChoice:
    return GoChoice(
        go=stay.go,
        golang=stay.golang,
        go_held=reason,
        image_held=reason if image is None else image,
    )


def _with_image(pins: GoPins, facts: GoFacts, tag: _Tag, wanted: _Wanted) -> GoChoice:
    refused: list[str] = []
    young = _young(pins, facts)
    for go in _tried(wanted.candidates):
        name = tag.of(go)
        image = facts.golang.get(name)
        inside = _inside(image, go, tag)
        floor = _floor(pins).go
        if image is None:
            refused.append(f"{_short(tag, name)} is not there")
        elif inside is None:
            refused.append(f"{_short(tag, name)} does not say which Go it holds")
        elif Group.GO not in pins.groups and go_name(inside) != pins.go:
            refused.append(f"{_short(tag, name)} holds {go_name(inside)} now, and --only keeps {pins.go}")
        elif inside < _must(floor) or inside[:2] != go[:2] or (tag.is_exact and inside != go):
            refused.append(f"{_short(tag, name)} holds {go_name(inside)}")
        elif inside in young:
            refused.append(f"{_short(tag, name)} holds {go_name(inside)} now, and {young[inside]}")
        elif wait := _image_waits(pins, image, f"{tag.name}:{name}"):
            refused.append(wait)
        else:
            return _taken(pins, wanted, image, inside, name=f"{tag.name}:{name}", refused=_distinct(refused))
    words = "; ".join(_distinct(refused)) or wanted.stays_because or "no newer release is known"
    return _held(GoChoice(go=pins.go, golang=pins.golang), words)


def _image_waits(pins: GoPins, image: GolangImage, name: str) -> str:
    """Return why an image is not taken yet, or "": the one that is pinned is not asked."""
    is_pinned = pins.golang == f"{name}@{image.digest}"
    return "" if is_pinned else pins.cool_down.holds(name, image.created)


def _taken(
    pins: GoPins,
    wanted: _Wanted,
    image: GolangImage,
    inside: Numbers,
    *,
    name: str,
    refused: tuple[str, ...],
) -> GoChoice:
    go = go_name(inside)
    golang = f"{name}@{image.digest}"
    newest = max((one for one in wanted.candidates if one[:2] == inside[:2]), default=inside)
    reasons = list(refused)
    if newest > inside and not refused:
        reasons.append(f"{name} still holds {go}, and {go_name(newest)} is out")
    held = "; ".join([*reasons, *([wanted.stays_because] if wanted.stays_because else [])])
    source = "its own GOLANG_VERSION says so" if image.go else "as its tag says"
    return GoChoice(
        go=go,
        golang=golang,
        go_why=_go_why(pins, go, wanted),
        go_held=held if Group.GO in pins.groups else "",
        image_why=f"holds {go}, {source}{pins.cool_down.unknown(image.created)}"
        if golang != pins.golang
        else "",
    )


def _go_why(pins: GoPins, go: str, wanted: _Wanted) -> str:
    if go == pins.go:
        return ""
    before, after = _must(pins.go or go), _must(go)
    if before[:2] == after[:2]:
        return f"a newer patch of Go {minor_name(after)}"
    return wanted.moved_because


def _wanted(pins: GoPins, facts: GoFacts) -> _Wanted:
    """Return the releases to try: of the pinned minor while that holds, else of newer ones, newest first."""
    floor = _floor(pins)
    least = _must(floor.go)
    known = sorted({found for name in facts.go_versions if (found := go_numbers(name))}, reverse=True)
    young = _young(pins, facts)
    if Group.GO not in pins.groups:
        own = go_numbers(pins.go)
        return _Wanted(candidates=(own,) if own else (), moved_because="", stays_because="")
    fitting = [one for one in known if one >= least and one not in young]
    minors = sorted({one[:2] for one in known}, reverse=True)
    supported = minors[:2]
    pinned = _must(pins.go)[:2]
    if pins.asked_minor:
        return _asked(pins, fitting, minors, young)
    if not known or (pinned in supported and least[:2] == pinned):
        stays = [reason for one, reason in young.items() if one[:2] == pinned][:1]
        if minors and minors[0] > pinned:
            newest = minor_name(minors[0])
            stays.append(f"Go {newest} is out, too: --go {newest} moves there")
        same = tuple(one for one in fitting if one[:2] == pinned)
        return _Wanted(candidates=same, moved_because="", stays_because="; ".join(stays))
    because = [f"Go {minor_name(pinned)} is out of support"] if pinned not in supported else []
    because += [one.reason for one in _floors(pins) if _must(one.go)[:2] > pinned]
    moved = tuple(one for one in fitting if one[:2] in supported)
    waits = [reason for one, reason in young.items() if one[:2] in supported][:1]
    return _Wanted(candidates=moved, moved_because="; ".join(because), stays_because="".join(waits))


def _young(pins: GoPins, facts: GoFacts) -> dict[Numbers, str]:
    """Return the releases that have not been out for long enough, newest first, each with words for it."""
    found: dict[Numbers, str] = {}
    for name, published in facts.go_published.items():
        numbers, reason = go_numbers(name), pins.cool_down.holds(f"go{name}", published)
        if numbers and reason and numbers != go_numbers(pins.go):
            found[numbers] = reason
    return dict(sorted(found.items(), reverse=True))


def _asked(pins: GoPins, fitting: list[Numbers], minors: list[Numbers], young: dict[Numbers, str]) -> _Wanted:
    asked = go_numbers(pins.asked_minor)
    if asked is None or asked[:2] not in minors:
        known = ", ".join(minor_name(one) for one in minors[:3])
        raise ConfigError(
            f"Go {pins.asked_minor} is no release", where="--go", hint=f"the newest are {known}"
        )
    # A patch that was asked for is one to have at most.
    is_exact = pins.asked_minor.count(".") == 2
    found = tuple(one for one in fitting if one[:2] == asked[:2] and (not is_exact or one == asked))
    waits = [reason for one, reason in young.items() if one[:2] == asked[:2]][:1]
    if not found and waits:
        raise ConfigError(waits[0], where="--go", hint="--min-release-age 0 takes it all the same")
    if not found:
        reason = _floor(pins).reason
        raise ConfigError(
            f"Go {pins.asked_minor} is too old: {reason}", where="--go", hint="nothing moves backwards"
        )
    return _Wanted(candidates=found, moved_because="--go asks for it", stays_because="".join(waits))


def _floor(pins: GoPins) -> Floor:
    """Return what needs the newest Go."""
    return max(_floors(pins), key=lambda floor: _must(floor.go))


def _floors(pins: GoPins) -> list[Floor]:
    floors = [Floor(go=pins.go, reason=f"{pins.go} is pinned"), *pins.floors]
    tag = _read_tag(pins.golang)
    if tag is not None:
        name = pins.golang.partition("@")[0]
        floors.append(Floor(go=".".join(map(str, tag.numbers)), reason=f"{name} is pinned"))
    return floors


def _read_tag(reference: str) -> _Tag | None:
    name, tag, _ = split_reference(reference)
    found = _TAG.fullmatch(tag)
    numbers = go_numbers(found[1]) if found else None
    if found is None or numbers is None:
        return None
    return _Tag(name=name, numbers=numbers, suffix=found[2], is_exact=found[1].count(".") == 2)


def _tried(candidates: tuple[Numbers, ...]) -> Iterator[Numbers]:
    for minor in dict.fromkeys(one[:2] for one in candidates):
        yield from [one for one in candidates if one[:2] == minor][:_PATCHES_TRIED]


def _inside(image: GolangImage | None, go: Numbers, tag: _Tag) -> Numbers | None:
    if image is None:
        return None
    if image.go:
        return go_numbers(image.go)
    return go if tag.is_exact else None


def _short(tag: _Tag, name: str) -> str:
    return f"{tag.name}:{name}"


def _distinct(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))


def _must(version: str) -> Numbers:
    """Return a Go version's numbers; one that is no release, such as "devel", is older than all."""
    return go_numbers(version) or (0, 0, 0)
