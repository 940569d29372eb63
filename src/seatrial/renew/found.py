"""What was found out about newer pins, and what is proposed: frozen values between looking and deciding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from seatrial.renew.cooldown import ANY_AGE, CoolDown


class Group(StrEnum):
    """What ``--only`` takes: pins whose sources are the same."""

    GO = "go"  # Go and Orchestrion
    IMAGES = "images"
    ACTIONS = "actions"
    TOOLS = "tools"
    BASE = "base"


@dataclass(frozen=True, kw_only=True)
class Release:
    """A published version. needs_go: of its own go.mod, such as "1.26.0"; "" where it says none.

    published: when; None where the source does not say.
    """

    version: str
    needs_go: str
    published: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class GolangImage:
    """A builder image as its registry has it now. go: inside, such as "go1.26.8", or "" when unreadable.

    created: when it was made; None where it does not say.
    """

    digest: str
    go: str
    created: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What becomes of one pin. name: as in the lock, such as "images.golang".

    why: what the new value is and why it was taken; "" for a pin that stays.
    held_by: why it is not at the newest; "" for one that is.
    """

    name: str
    group: Group
    before: str
    after: str
    why: str = ""
    held_by: str = ""

    @property
    def has_moved(self) -> bool:
        """True when the lock would change."""
        return self.before != self.after


@dataclass(frozen=True, kw_only=True)
class Floor:
    """Something that needs a Go: "1.26.3", and who says so, such as "go.mod's go line"."""

    go: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class GoPins:
    """The pins that must fit one Go, as they are now.

    go: such as "go1.26.8". golang: a reference, or "" without one. orchestrion: "" when nothing is woven.
    tools: of those that are Go modules, name -> version. floors: what else needs a Go.
    asked_minor: such as "1.27", or "". fixed_orchestrion: a version that the settings ask for, or "".
    groups: those that may move. cool_down: for what is new.
    """

    go: str
    golang: str
    orchestrion: str
    tools: Mapping[str, str]
    floors: tuple[Floor, ...]
    groups: frozenset[Group]
    asked_minor: str = ""
    fixed_orchestrion: str = ""
    cool_down: CoolDown = ANY_AGE


@dataclass(frozen=True, kw_only=True)
class GoFacts:
    """What the module proxy and the image registry said.

    go_versions: all, such as "1.26.8". go_published: when they came out, of those that are newer than the
    pin. releases: "orchestrion" or a tool's name -> its versions, of which none is older than the pin.
    golang: tag -> the image, or None for a tag that is not there.
    """

    go_versions: tuple[str, ...] = ()
    releases: Mapping[str, tuple[Release, ...]] = field(default_factory=dict)
    go_published: Mapping[str, datetime] = field(default_factory=dict)
    golang: Mapping[str, GolangImage | None] = field(default_factory=dict)
