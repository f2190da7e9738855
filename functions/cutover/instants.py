"""Instants and their text: RFC 3339 in UTC, to the second where people and names are concerned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def text(instant: datetime) -> str:
    """E.g. 2026-11-28T09:00:00Z."""
    return instant.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def instant(given: str) -> datetime:
    """The instant of an RFC 3339 text with an offset; ValueError for anything else."""
    parsed = datetime.fromisoformat(given)
    if parsed.tzinfo is None:
        raise ValueError(f"{given!r} has no offset from UTC")
    return parsed.astimezone(UTC)


def compact(moment: datetime) -> str:
    """For names: 20261128T090000Z."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def after(given: str, seconds: int) -> str:
    """The text of the instant `seconds` after a given one."""
    return text(instant(given) + timedelta(seconds=seconds))
