"""Images that do not depend on Go: the base of the generated Dockerfile, and Docker in GitLab's pipeline."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from seatrial.checks.support_dates import distribution_end
from seatrial.host.registry import Configuration
from seatrial.renew.cooldown import ANY_AGE, CoolDown, parse_time
from seatrial.renew.found import GolangImage, Group, Proposal
from seatrial.renew.references import split_reference
from seatrial.renew.versions import release_numbers

DOCKER_TOOLS: Final = ("docker-cli", "docker-dind")
_DEBIAN: Final = re.compile(r"(.*-debian)(\d+)")
# A version that is too young yet is followed by one that is not.
_VERSIONS_TRIED: Final = 3
_DOCKER_TAG: Final = re.compile(r"(\d+\.\d+\.\d+)-(cli|dind)")

# Image's name and tag -> digest, or None for a tag that is not there.
Digest = Callable[[str, str], str | None]
# Image's name and digest -> when it was made, or None where it does not say.
Created = Callable[[str, str], datetime | None]


def propose_static(
    reference: str,
    digest: Digest,
    *,
    now: datetime,
    asked_base: str,
    created: Created = lambda _name, _digest: None,
    cool_down: CoolDown = ANY_AGE,
) -> Proposal:
    """Return the base at its newest digest; of the next Debian, where the present one is out of support.

    asked_base: [base] image of the settings, "" when it was not asked for: "debian-12" is then kept.
    """
    name, tag, _ = split_reference(reference)
    tag = tag or "latest"
    reasons: list[str] = []
    for candidate, why in _successors(name, now, asked_base, reasons):
        found = digest(candidate, tag)
        if found is None:
            reasons.append(f"{candidate}:{tag} is not there")
            continue
        after = f"{candidate}:{tag}@{found}"
        made = created(candidate, found) if cool_down.days and after != reference else None
        if wait := cool_down.holds(f"{candidate}:{tag}", made):
            reasons.append(wait)
            continue
        return _image("images.static", reference, after, why + cool_down.unknown(made), reasons)
    return _image("images.static", reference, reference, "", reasons)


def _successors(name: str, now: datetime, asked_base: str, reasons: list[str]) -> Iterator[tuple[str, str]]:
    """Yield names to try with their reasons, the best first; what forbids one goes to ``reasons``."""
    found = _DEBIAN.fullmatch(name)
    if found is not None:
        number = int(found[2])
        while _is_over(number, now):
            number += 1
        if number != int(found[2]):
            end = (distribution_end("debian", found[2]) or ("", ""))[0]
            if asked_base == f"debian-{found[2]}":
                reasons.append(f'[base] image = "{asked_base}" asks for it, and its support ended {end}')
            else:
                yield f"{found[1]}{number}", f"Debian {found[2]}'s support ended {end}"
    yield name, "the tag names a newer image"


def _is_over(number: int, now: datetime) -> bool:
    end = distribution_end("debian", str(number))
    return end is not None and now.date().isoformat() > end[0]


def propose_docker(
    pins: dict[str, str],
    digest: Digest,
    tags: Callable[[str], tuple[str, ...] | None],
    *,
    created: Created = lambda _name, _digest: None,
    cool_down: CoolDown = ANY_AGE,
) -> tuple[Proposal, ...]:
    """Return Docker's client and engine at one version, the newest that has both images.

    pins: name -> reference. tags: image's name -> all of its tags, or None where they are not listed.
    """
    known = {name: split_reference(pins[name]) for name in DOCKER_TOOLS if name in pins}
    versions = [match[1] for _, tag, _ in known.values() if (match := _DOCKER_TAG.fullmatch(tag))]
    listed = {image: tags(image) for image in {name for name, _, _ in known.values()}}
    candidates, reason = _docker_versions(versions, listed.values())
    held = [reason] if reason else []
    for version in candidates:
        found: list[Proposal] = []
        waits: list[str] = []
        for name, (image, tag, _) in known.items():
            match = _DOCKER_TAG.fullmatch(tag)
            moved = f"{version}-{match[2]}" if match and version else tag
            pointed = digest(image, moved) if moved else None
            if pointed is None:
                missing = f"{image}:{moved} is not there"
                found.append(_image(f"tools.{name}", pins[name], pins[name], "", [missing]))
                continue
            after = f"{image}:{moved}@{pointed}"
            made = created(image, pointed) if cool_down.days and after != pins[name] else None
            if wait := cool_down.holds(f"{image}:{moved}", made):
                waits.append(wait)
            why = "the tag names a newer image" if moved == tag else _docker_why(versions, version)
            found.append(_image(f"tools.{name}", pins[name], after, why + cool_down.unknown(made), held))
        if not waits:
            return tuple(found)
        held = [*held, waits[0]]
    return tuple(_image(f"tools.{name}", pins[name], pins[name], "", held) for name in known)


def _docker_versions(
    versions: list[str], listed: Iterable[tuple[str, ...] | None]
) -> tuple[tuple[str, ...], str]:
    """Return the versions to try, newest first, "" for the tag's own; and why not a newer one."""
    kinds: dict[str, set[str]] = {}
    for tags in listed:
        if tags is None:
            return ("",), "the registry does not list its tags"
        for tag in tags:
            if match := _DOCKER_TAG.fullmatch(tag):
                kinds.setdefault(match[1], set()).add(match[2])
    if not versions:
        return ("",), "the tag does not name a release such as 29.7.2-cli"
    own = max(versions, key=_order)
    newer = [
        version
        for version, found in kinds.items()
        if found == {"cli", "dind"} and _order(version) > _order(own)
    ]
    return (*sorted(newer, key=_order, reverse=True)[:_VERSIONS_TRIED], own), ""


def _order(version: str) -> tuple[int, ...]:
    return release_numbers(version) or ()


def _docker_why(versions: list[str], newest: str) -> str:
    before = max(versions, key=_order)
    if before.partition(".")[0] != newest.partition(".")[0]:
        return f"the newest release; a new major one, {before} to {newest}: read its notes"
    return "the newest release"


def _image(name: str, before: str, after: str, why: str, reasons: list[str]) -> Proposal:
    return Proposal(
        name=name,
        group=Group.IMAGES,
        before=before,
        after=after,
        why=why if before != after else "",
        held_by="; ".join(reasons),
    )


def golang_image(digest: str | None, configuration: Configuration | None) -> GolangImage | None:
    """Return what a builder image holds, by the variable that its maintainers set."""
    if digest is None:
        return None
    version = configuration.variables.get("GOLANG_VERSION", "") if configuration else ""
    created = parse_time(configuration.created) if configuration else None
    return GolangImage(digest=digest, go=f"go{version}" if version else "", created=created)
