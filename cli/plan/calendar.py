"""The calendar of a plan: when its runs start by themselves, and when none may. What is compiled of it is in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidatorFunctionWrapHandler, WrapValidator
from pydantic.config import JsonDict

from cli.plan.block import Block
from cli.plan.fields import INSTANT, Duration, Reason, seconds
from cli.plan.zone import (
    BY_HAND,
    Moment,
    MomentOrByHand,
    Zone,
    before,
    check_moment_or_by_hand,
    instant_of,
    zone_of,
)
from cutover import planned_calendar
from cutover.instants import text
from cutover.plan import WHEN_READY, Mode

_OFFSETS: JsonDict = {"pattern": f"^{BY_HAND}$|{INSTANT}"}


class Blackout(Block):
    """A span in which nothing begins."""

    from_: Moment = Field(alias="from", description="Its first moment.", examples=["2030-12-20T00:00:00"])
    to: Moment = Field(description="The first moment after it.", examples=["2031-01-02T00:00:00"])
    reason: Reason = Field(description="Why, in a sentence.", examples=["end of year freeze"])


class WhenReady(Block):
    """Not at an instant, but when replication lets it."""

    when: Literal["ready"] = Field(description="`ready`: once all machines of the plan are ready to be launched.")


def _test(value: Any, one: ValidatorFunctionWrapHandler) -> Any:
    return WhenReady.model_validate(value) if isinstance(value, dict) else check_moment_or_by_hand(value)


class Schedule(Block):
    """When runs start by themselves, and when none may."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["zone"]},
                {
                    "properties": {
                        "test": _OFFSETS,
                        "cutover": _OFFSETS,
                        "blackouts": {"items": {"properties": {"from": _OFFSETS, "to": _OFFSETS}}},
                    }
                },
            ]
        }
    )

    zone: Zone | None = Field(
        default=None,
        description="The time zone, by its IANA name, of the times here that have no offset.",
        examples=["Europe/Berlin"],
    )
    test: Annotated[MomentOrByHand | WhenReady, WrapValidator(_test)] | None = Field(
        default=None,
        description="When the test starts: at a time, or once all machines are ready. Left out, it is scheduled from "
        "the cutover; `by_hand`: not by itself.",
        examples=["2030-06-01T09:00:00"],
    )
    cutover: Moment | None = Field(
        default=None,
        description="When the cutover starts: after the test, by `test_gate.minimum_age` and `repeat`.",
        examples=["2030-06-15T22:00:00+02:00"],
    )
    late_start: Duration = Field(
        default="15m", description="So much later, at most, a run still begins; then it is refused. 1m to 24h."
    )
    repeat: Duration = Field(
        default="3d", description="Time between test and cutover, beside the test's minimum age, to repeat a test in."
    )
    blackouts: list[Blackout] = Field(
        default_factory=list, description="Spans in which no run begins, and into which no cutover's window reaches."
    )


def test_by(cutover: datetime, ages: Iterable[int], repeat: int) -> datetime | None:
    """When the test is to start at the latest: old enough at the cutover, though it had to be repeated.

    `ages`: seconds that the waves' gates ask for, without those of waves whose gate is lifted; None where no gate is.
    """
    longest = max(ages, default=None)
    return None if longest is None else before(cutover, longest + repeat)


def compiled_schedule(schedule: Schedule, ages: Iterable[int]) -> dict[Mode, str]:
    """The UTC instant of each mode that starts by itself."""
    zone = zone_of(schedule.zone)
    cutover = instant_of(schedule.cutover, zone) if schedule.cutover else None
    if isinstance(schedule.test, WhenReady):
        return {Mode.TEST: WHEN_READY, **({Mode.CUTOVER: text(cutover)} if cutover else {})}
    if schedule.test is not None:
        test = None if schedule.test == BY_HAND else instant_of(schedule.test, zone)
    else:
        test = test_by(cutover, ages, seconds(schedule.repeat)) if cutover else None
    return {mode: text(at) for mode, at in ((Mode.TEST, test), (Mode.CUTOVER, cutover)) if at}


def compiled_calendar(schedule: Schedule) -> planned_calendar.Calendar:
    """What the functions read."""
    zone = zone_of(schedule.zone)
    return planned_calendar.Calendar(
        zone=schedule.zone or "",
        late_start=seconds(schedule.late_start),
        blackouts=tuple(
            planned_calendar.Blackout(text(instant_of(each.from_, zone)), text(instant_of(each.to, zone)), each.reason)
            for each in schedule.blackouts
        ),
    )
