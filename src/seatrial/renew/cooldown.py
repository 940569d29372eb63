"""How long a release must have been out before it is taken: most bad ones are found within days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# What tools write for "no time": the epoch of tar, zip and DOS.
_OLDEST = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class CoolDown:
    """days: 0 takes any release. now: of this machine."""

    days: int = 0
    now: datetime = _OLDEST

    def holds(self, what: str, published: datetime | None) -> str:
        """Return why a release is not taken yet, such as "v1.2.3 is 2 days old (…)", or ""."""
        if not self.days or published is None or self.now - published >= timedelta(days=self.days):
            return ""
        return f"{what} is {_spoken(self.now - published)} old (--min-release-age {self.days})"

    def unknown(self, published: datetime | None) -> str:
        """Return words for the reason of a pin that moves, whose source says no time; or ""."""
        return "; how long it has been out is not known" if self.days and published is None else ""


ANY_AGE = CoolDown()


def parse_time(text: str) -> datetime | None:
    """Read RFC 3339, as module proxies and images have it; None for none, and for a stand-in of long ago."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found if found >= _OLDEST else None


def _spoken(age: timedelta) -> str:
    hours = max(0, int(age.total_seconds() // 3600))
    number, unit = (hours, "hour") if hours < 48 else (hours // 24, "day")
    return f"{number} {unit}{'' if number == 1 else 's'}"
