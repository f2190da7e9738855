"""Times as a plan writes them, by the clock of its time zone, and the instants they stand for."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, WithJsonSchema

from cli.plan.fields import INSTANT, check_instant, refusal, utc

_LOCAL = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}$"
_ZONE = r"^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$"
BY_HAND = "by_hand"


class Unclear(ValueError):
    """When a time stands for no instant, or for more than one. `rule` and `remedy` say which, and what to write."""

    def __init__(self, rule: str, remedy: str) -> None:
        super().__init__(rule)
        self.rule, self.remedy = rule, remedy


def zone_of(name: Any) -> ZoneInfo | None:
    """The zone of this IANA name; None for anything else, and where the computer has no time zones."""
    if not isinstance(name, str) or not re.fullmatch(_ZONE, name):
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # a name that leads elsewhere, to a folder, or nowhere
        return None


def instant_of(given: str, zone: ZoneInfo | None) -> datetime:
    """The instant in UTC that a time of a plan stands for. Unclear where there is none, or more than one; ValueError
    for what is no time."""
    if not re.fullmatch(_LOCAL, given):
        return _with_offset(given, zone)
    if zone is None:
        remedy = f"add the offset, {given}+02:00 or {given}Z, or name the plan's zone in `schedule.zone`"
        raise Unclear("a time has its offset from UTC, or the plan a zone", remedy)
    local = datetime.fromisoformat(given)
    try:
        either = sorted({local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)})
        meant = [each for each in either if each.astimezone(zone).replace(tzinfo=None) == local]
    except OverflowError as error:
        raise ValueError(f"{given!r} is out of range") from error
    if not meant:
        shown = " or ".join(each.astimezone(zone).replace(tzinfo=None).isoformat() for each in either)
        raise Unclear(f"clocks are put forward over this time in {zone.key}: it does not exist", f"write {shown}")
    if len(meant) > 1:
        shown = " or ".join(each.astimezone(zone).isoformat() for each in meant)
        raise Unclear(f"clocks are put back over this time in {zone.key}: it comes twice", f"add the offset: {shown}")
    return meant[0]


def _with_offset(given: str, zone: ZoneInfo | None) -> datetime:
    """A wrong offset is mostly that of the other half of the year."""
    instant = utc(given)
    if zone is not None and not given.endswith("Z"):
        right = instant.astimezone(zone)
        if right.utcoffset() != datetime.fromisoformat(given).utcoffset():
            raise Unclear(
                f"the offset is that of {zone.key} at that time",
                f"write {right.isoformat()} for this instant, or {given[:19]} for this time of day there",
            )
    return instant


def shown(instant: datetime, zone: ZoneInfo | None) -> str:
    """An instant as the plan's people read it."""
    return instant.astimezone(zone or UTC).isoformat().replace("+00:00", "Z")


def before(instant: datetime, seconds: int) -> datetime:
    """The instant `seconds` before. ValueError where there is none."""
    try:
        return instant - timedelta(seconds=seconds)
    except OverflowError as error:
        raise ValueError("out of range") from error


def _check_moment(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(_LOCAL, value):
        try:
            datetime.fromisoformat(value)
            return value  # whether it exists in the plan's zone, rules over several keys tell
        except ValueError:
            pass
    return check_instant(value)


def check_moment_or_by_hand(value: Any) -> Any:
    """A time, or that there is none by itself."""
    return value if value == BY_HAND else _check_moment(value)


def _check_zone(value: Any) -> Any:
    if zone_of(value) is None:
        rule = "the IANA name of a time zone: Europe/Berlin, America/New_York, UTC"
        if not available_timezones():
            raise refusal(rule, "install the time zones that this computer lacks: its tzdata package")
        raise refusal(rule, "correct the name; an offset or an abbreviation such as CEST is none")
    return value


Moment = Annotated[
    str,
    BeforeValidator(_check_moment),
    WithJsonSchema({"type": "string", "pattern": INSTANT.replace("(Z|", "(|Z|")}),
]
"""A time by the clock of the plan's zone, or an instant with its offset."""
MomentOrByHand = Annotated[
    str,
    BeforeValidator(check_moment_or_by_hand),
    WithJsonSchema({"type": "string", "pattern": f"^{BY_HAND}$|" + INSTANT.replace("(Z|", "(|Z|")}),
]
Zone = Annotated[str, BeforeValidator(_check_zone), WithJsonSchema({"type": "string", "pattern": _ZONE})]
