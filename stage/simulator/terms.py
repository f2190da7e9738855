"""What every part of a scenario is written with: durations, sizes, and models that refuse what they do not know."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_SIZES = {"MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


class ScenarioError(ValueError):
    """A scenario file that cannot be read; the message names file and fields, what was seen and what is allowed."""


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and re.fullmatch(r"(\d+[smhd])+", value):
        return sum(
            (timedelta(**{_UNITS[unit]: int(n)}) for n, unit in re.findall(r"(\d+)([smhd])", value)), timedelta()
        )
    raise ValueError("not a duration; write for example 90s, 5m, 2h30m or 9d")


def _signed_duration(value: object) -> object:
    if isinstance(value, str) and value[:1] in ("-", "+"):
        found = _duration(value[1:])
        return -found if value[0] == "-" and isinstance(found, timedelta) else found
    return _duration(value)


def duration_text(value: timedelta) -> str:
    """A duration as a scenario file has it: `2h30m`, `-90s`."""
    rest, text = abs(int(value.total_seconds())), ""
    for unit, seconds in _SECONDS.items():
        count, rest = divmod(rest, seconds)
        text += f"{count}{unit}" if count else ""
    return ("-" if value < timedelta() else "") + (text or "0s")


def _size(value: object) -> object:
    match = re.fullmatch(r"(\d+) ?(MiB|GiB|TiB)", value) if isinstance(value, str) else None
    if not match:
        raise ValueError("not a size; write for example 512MiB, 40GiB or 2TiB")
    return int(match[1]) * _SIZES[match[2]]


def _size_text(value: int) -> str:
    unit = next(unit for unit in ("TiB", "GiB", "MiB") if value % _SIZES[unit] == 0)
    return f"{value // _SIZES[unit]}{unit}"


def one_or_more(value: object) -> object:
    """A single thing where a list is meant."""
    return value if isinstance(value, (list, tuple)) else [value]


def require(what: str, named: list[str], allowed: list[str]) -> None:
    """ValueError for a name that is not among those allowed."""
    for name in named:
        if name not in allowed:
            raise ValueError(f"{what} {name!r} is unknown; there are: {', '.join(allowed)}")


Duration = Annotated[timedelta, BeforeValidator(_duration), PlainSerializer(duration_text, when_used="json")]
SignedDuration = Annotated[
    timedelta, BeforeValidator(_signed_duration), PlainSerializer(duration_text, when_used="json")
]
Size = Annotated[int, BeforeValidator(_size), PlainSerializer(_size_text, when_used="json")]
Mode = Literal["test", "cutover"]


class Strict(BaseModel):
    """Nothing unknown, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)
