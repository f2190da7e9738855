"""A project's terms as its service has them: what it is licensed for, and how it replicates. In our own words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


@dataclass(frozen=True)
class Licence:
    """What a project may use. `lasts`: how long for one machine, from its first use, as the service spells it (ISO
    8601, P90D); None for ever. `expires_at`: the end of the licence itself, None without one. `unreadable`: an end that
    is there and is no instant, as given.
    """

    id: str
    expires_at: datetime | None = None
    lasts: str | None = None
    unreadable: str | None = None


@dataclass(frozen=True)
class ReplicationSettings:
    """How a project replicates. None: the service's own default.

    `key`: the KMS key that volumes are encrypted with. `private`: whether data goes over private addresses only.
    """

    subnet: str | None = None
    security_groups: tuple[str, ...] = ()
    key: str | None = None
    private: bool = False
    converter_type: str | None = None


def span(given: str) -> timedelta | None:
    """An ISO 8601 duration of weeks, days, hours, minutes and seconds, which may have a fraction; None for anything
    else, months included."""
    match = _DURATION.fullmatch(given.strip())
    if match is None or not any(match.groups()):
        return None
    *whole, seconds = (part or "0" for part in match.groups())
    weeks, days, hours, minutes = map(int, whole)
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=float(seconds))
