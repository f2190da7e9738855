"""Amounts in the words messages use: durations, sizes, times of day, a few names out of many."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta


def duration(span: timedelta) -> str:
    """E.g. 0:07, 14:20, 25:00:00, 3 d 02:00:00. A begun second counts whole, so that over a limit never looks equal."""
    seconds = math.ceil(span.total_seconds())
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours_of_day = divmod(hours, 24)
    if hours >= 48:
        return f"{sign}{days} d {hours_of_day:02}:{minutes:02}:{seconds:02}"
    return f"{sign}{hours}:{minutes:02}:{seconds:02}" if hours else f"{sign}{minutes}:{seconds:02}"


def size(count: int) -> str:
    """Bytes in binary units with one decimal: 512 B, 6.1 GiB."""
    value, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    while abs(value) >= 1023.95 and len(units) > 1:  # 1023.96 would print as 1024.0
        value /= 1024
        units.pop(0)
    return f"{count} B" if units[0] == "B" else f"{value:.1f} {units[0]}"


def clock(at: datetime, now: datetime | None = None) -> str:
    """The time of day, 22:28 UTC; with the date in front, 29 Nov 22:28 UTC, when it is not the UTC day of `now`."""
    at = at.astimezone(UTC)
    other_day = now is not None and at.date() != now.astimezone(UTC).date()
    return at.strftime("%d %b %H:%M UTC" if other_day else "%H:%M UTC")


def some(names: Iterable[str], limit: int = 5) -> str:
    """A few of them: db01, db02 and 3 more."""
    listed = list(names)
    more = f" and {len(listed) - limit} more" if len(listed) > limit else ""
    return ", ".join(listed[:limit]) + more
