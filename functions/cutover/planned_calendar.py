"""What a compiled plan says of its calendar: how late a start may be, and when nothing may begin. Instants in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LATE_START = 900
"""Seconds after its instant that a scheduled run may still begin, where the plan does not say."""


@dataclass(frozen=True)
class Blackout:
    """A span in which no run begins, and into which no cutover's window reaches: from the first instant up to, and
    without, the last. RFC 3339 in UTC."""

    begins: str
    ends: str
    reason: str


@dataclass(frozen=True)
class Calendar:
    """`zone`: the IANA name of the plan's time zone, for people; "" where it names none. `late_start`: seconds."""

    zone: str = ""
    late_start: int = LATE_START
    blackouts: tuple[Blackout, ...] = ()


def read_calendar(data: dict[str, Any]) -> Calendar:
    """From the compiled plan's JSON."""
    return Calendar(**{**data, "blackouts": tuple(Blackout(**each) for each in data["blackouts"])})
