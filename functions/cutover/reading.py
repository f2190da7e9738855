"""Reading a service's JSON tolerantly: omitted, null and "" are alike, and garbage in a field is None. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cutover.instants import instant

UNREADABLE = -1
"""An amount that is there and is no number. None would read as "nothing", which it does not say."""


def record(value: object) -> dict[str, Any]:
    """An object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[Any]:
    """A list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def text(value: object) -> str | None:
    """A string with something in it."""
    return (value.strip() or None) if isinstance(value, str) else None


def at(value: object) -> datetime | None:
    """An instant: RFC 3339 with any number of fraction digits, `Z` or an offset. Without an offset it names none."""
    try:
        return instant(value.strip()) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def number(value: object) -> int | None:
    """A whole number, also when it comes as a string or a float without a fraction."""
    if isinstance(value, bool):
        return None
    try:
        whole = int(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return None if isinstance(value, float) and whole != value else whole


def flag(value: object) -> bool | None:
    """A truth value, also when it comes as a string."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def amount(value: object) -> int | None:
    """A whole number; UNREADABLE for one that is there and is none."""
    return UNREADABLE if value not in (None, "") and number(value) is None else number(value)
