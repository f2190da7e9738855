"""Rules of the calendar that span several keys, over the plain data as those of across.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cli.plan.across import Part
from cli.plan.calendar import Schedule, test_by
from cli.plan.fields import seconds
from cli.plan.model import GateOfTest
from cli.plan.problems import Path, Problem
from cli.plan.source import Source
from cli.plan.zone import Unclear, instant_of, shown, zone_of

LATEST = 24 * 3600
"""Seconds: what EventBridge Scheduler keeps an event for at the most. The least is a minute, which is its precision."""
EARLIEST = 60


@dataclass(frozen=True)
class _Times:
    """What is written and stands for one instant, by where it stands."""

    zone: ZoneInfo | None
    at: dict[Path, datetime]

    def read(self, path: Path) -> str:
        return shown(self.at[path], self.zone)


TEST, CUTOVER = ("schedule", "test"), ("schedule", "cutover")


def problems(source: Source) -> Iterator[Problem]:
    """What single keys of `schedule` cannot show."""
    plan = Part((), source.data)
    schedule = Part(("schedule",), plan.at("schedule"))
    blackouts = list(schedule.blocks("blackouts"))
    times = _Times(zone_of(schedule.data.get("zone")), {})
    if times.zone is None and "zone" in schedule.data:
        return  # the model refuses it; without it no time here means anything
    for part, keys in ((schedule, ("test", "cutover")), *((each, ("from", "to")) for each in blackouts)):
        for key in keys:
            yield from _time(source, part, key, times)
    yield from _late_start(source, schedule)
    yield from _order(source, plan, times)
    yield from _room(source, plan, schedule)
    yield from _blackouts(source, plan, blackouts, times)


def _time(source: Source, part: Part, key: str, times: _Times) -> Iterator[Problem]:
    given, path = part.data.get(key), (*part.path, key)
    try:
        times.at[path] = instant_of(given, times.zone) if isinstance(given, str) else instant_of("", None)
    except Unclear as error:
        yield source.problem(path, error.rule, error.remedy)
    except ValueError:
        return  # by hand, or no time: the model knows


def _late_start(source: Source, schedule: Part) -> Iterator[Problem]:
    late = _seconds(schedule.data.get("late_start"))
    if late is not None and not EARLIEST <= late <= LATEST:
        rule = "a start is at most 1m to 24h late: a schedule is no more precise, and is kept for no longer"
        yield source.problem((*schedule.path, "late_start"), rule, "write a time between")


def _order(source: Source, plan: Part, times: _Times) -> Iterator[Problem]:
    """A test that the cutover may rely on, with time left to repeat it; or a cutover after it where no gate is."""
    if not {TEST, CUTOVER} <= times.at.keys():
        return
    ages, repeat = _ages(plan), _seconds(_of_schedule(plan, "repeat"))
    if repeat is None:
        return
    try:
        latest = test_by(times.at[CUTOVER], ages.values(), repeat)
    except ValueError:
        return
    if latest is None and times.at[CUTOVER] <= times.at[TEST]:
        rule = f"the cutover is after the test ({times.read(TEST)})"
        yield source.problem(CUTOVER, rule, "move one of them; mind the offsets")
    if latest is not None and times.at[TEST] > latest:
        age = max(ages, key=lambda each: ages[each])
        rule = (
            f"a test is {age} old at the cutover (test_gate.minimum_age), with {_of_schedule(plan, 'repeat')} left to "
            f"repeat it (schedule.repeat), and this one is at {times.read(TEST)}"
        )
        remedy = (
            f"test at {shown(latest, times.zone)} at the latest, or leave `test` out: it is scheduled from the cutover"
        )
        yield source.problem(CUTOVER, rule, remedy)


def _room(source: Source, plan: Part, schedule: Part) -> Iterator[Problem]:
    """A start that is as late as it may be must still fit into its window, or the allowance is none."""
    needs = [_seconds(plan.at("cutover").get(key)) for key in ("window", "estimate", "reserve")]
    late = _seconds(_of_schedule(plan, "late_start"))
    if "cutover" not in schedule.data or late is None:
        return
    window, estimate, reserve = needs
    if window is None or estimate is None or reserve is None or estimate + reserve > window:
        return  # without a start that is late it is refused already
    if late + estimate + reserve > window:
        room = timedelta(seconds=window - estimate - reserve)
        seen = f"{plan.at('cutover')['window']}, of which estimate and reserve leave {room}"
        rule = f"a start that is late by `schedule.late_start` ({_of_schedule(plan, 'late_start')}) still fits into it"
        yield source.problem(("cutover", "window"), rule, "widen the window, or shorten schedule.late_start", seen)


def _blackouts(source: Source, plan: Part, blackouts: list[Part], times: _Times) -> Iterator[Problem]:
    window = timedelta(seconds=_seconds(plan.at("cutover").get("window")) or 0)
    spans = {TEST: timedelta(0), CUTOVER: window}
    begins = {path: at for path, at in times.at.items() if path in spans}
    itself = None
    if "test" not in plan.at("schedule") and CUTOVER in begins:
        try:
            itself = test_by(begins[CUTOVER], _ages(plan).values(), _seconds(_of_schedule(plan, "repeat")) or 0)
        except ValueError:
            return
    for blackout in blackouts:
        first, end = (times.at.get((*blackout.path, key)) for key in ("from", "to"))
        if first is None or end is None:
            continue
        if end <= first:
            yield source.problem((*blackout.path, "to"), "a blackout ends after it begins", "move one of the two")
            continue
        why = f"the blackout from line {source.line(blackout.path)} ({blackout.data.get('reason')})"
        for path, at in begins.items():
            if at < end and max(at + spans[path], at) >= first:
                rule = f"no run begins in {why}, and no cutover's window reaches into it"
                yield source.problem(path, rule, "move it before or after")
        if itself is not None and first <= itself < end:
            seen = f"no test, which then starts by itself at {shown(itself, times.zone)}"
            remedy = "write `test` with a time before the blackout"
            yield source.problem(CUTOVER, f"no run begins in {why}", remedy, seen)


def _ages(plan: Part) -> dict[str, int]:
    """What the gates of the waves ask for, as it is written, in seconds; nothing of a wave whose gate is lifted."""
    ages = {}
    for wave in plan.blocks("waves"):
        gate = {"minimum_age": GateOfTest.model_fields["minimum_age"].default}
        gate |= {**plan.at("test_gate"), **wave.at("test_gate")}
        age = _seconds(gate["minimum_age"])
        if age is not None and "waiver" not in gate:
            ages[gate["minimum_age"]] = age
    return ages


def _of_schedule(plan: Part, key: str) -> object:
    return plan.at("schedule").get(key, Schedule.model_fields[key].default)


def _seconds(given: object) -> int | None:
    """None for what is no duration: the model refuses that."""
    try:
        return seconds(given) if isinstance(given, str) else None
    except ValueError:
        return None
