"""When distributions and Go releases end to get security fixes, as dates "YYYY-MM-DD".

Sources: Debian and Ubuntu since 20.04, the distro-info-data package of November 2026 (its columns eol and
eol-lts). Alpine (https://alpinelinux.org/releases/) and Ubuntu's older releases are written from memory,
and were not compared with their source. Go: https://go.dev/doc/devel/release ("each major Go
release is supported until there are two newer major releases") with one every February and August
(https://go.dev/wiki/Go-Release-Cycle), so those dates are computed.
"""

from __future__ import annotations

import re
from typing import Final

# (ID, VERSION_ID as the table knows it) -> (end of full support, end of long-term support or "").
_ENDS: Final = {
    ("debian", "9"): ("2020-07-18", "2022-06-30"),
    ("debian", "10"): ("2022-09-10", "2024-06-30"),
    ("debian", "11"): ("2024-08-14", "2026-08-31"),
    ("debian", "12"): ("2026-07-11", "2028-06-30"),
    ("debian", "13"): ("2028-08-09", "2030-06-30"),
    ("ubuntu", "16.04"): ("2021-04-30", ""),
    ("ubuntu", "18.04"): ("2023-05-31", ""),
    ("ubuntu", "20.04"): ("2025-05-29", ""),
    ("ubuntu", "22.04"): ("2027-06-01", ""),
    ("ubuntu", "22.10"): ("2023-07-20", ""),
    ("ubuntu", "23.04"): ("2024-01-25", ""),
    ("ubuntu", "23.10"): ("2024-07-11", ""),
    ("ubuntu", "24.04"): ("2029-05-31", ""),
    ("ubuntu", "24.10"): ("2025-07-10", ""),
    ("ubuntu", "25.04"): ("2026-01-15", ""),
    ("ubuntu", "25.10"): ("2026-07-09", ""),
    ("ubuntu", "26.04"): ("2031-05-29", ""),
    ("alpine", "3.12"): ("2022-05-01", ""),
    ("alpine", "3.13"): ("2022-11-01", ""),
    ("alpine", "3.14"): ("2023-05-01", ""),
    ("alpine", "3.15"): ("2023-11-01", ""),
    ("alpine", "3.16"): ("2024-05-23", ""),
    ("alpine", "3.17"): ("2024-11-22", ""),
    ("alpine", "3.18"): ("2025-05-09", ""),
    ("alpine", "3.19"): ("2025-11-01", ""),
    ("alpine", "3.20"): ("2026-04-01", ""),
    ("alpine", "3.21"): ("2026-11-01", ""),
    ("alpine", "3.22"): ("2027-05-01", ""),
    ("alpine", "3.23"): ("2027-11-01", ""),
}
_GO: Final = re.compile(r"go1\.(\d{1,3})(?:[.rb ]|$)")
_FIRST_MINOR, _FIRST_YEAR = 22, 2024  # Go 1.22 came in February 2024
_HALF_YEARS: Final = ("02", "08")


def distribution_end(distribution: str, version: str) -> tuple[str, str] | None:
    """Return the ends of full and of long-term support ("" for none); None when the table has no such line.

    distribution, version: ID and VERSION_ID of os-release(5); Alpine gives "3.22.1" for its line 3.22.
    """
    for line in (version, ".".join(version.split(".")[:2]), version.partition(".")[0]):
        if (distribution, line) in _ENDS:
            return _ENDS[distribution, line]
    return None


def go_end(version: str) -> str | None:
    """Return when the second newer release comes, for "go1.26.8"; None for a version that is no release's."""
    match = _GO.match(version)
    if match is None:
        return None
    half_years = int(match[1]) + 2 - _FIRST_MINOR
    return f"{_FIRST_YEAR + half_years // 2}-{_HALF_YEARS[half_years % 2]}-01"
