"""A plan's calendar on a stage: where its world begins, what is passed over, and what is not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import pytest
from rich.console import Console

from cli import time_travel
from cli.deployment import RunView
from cli.plan import load_plan
from cli.time_travel import PastCalendar, ScheduleSilent, Skipping, at_its_time, dated, soak_ends
from cutover.instants import instant, text
from cutover.night_records import NightRecord
from cutover.plan import WHEN_READY, Mode
from cutover.records import RunRecord
from stage.simulator import Scenario

ROOT = Path(__file__).parents[2]
PLAN = load_plan(ROOT / "plans" / "demo.yaml")
WORLD = Scenario.load(ROOT / "plans" / "scenarios" / "demo.yaml")
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
TIMES = {Mode.TEST: "2026-12-05T08:00:00Z", Mode.CUTOVER: "2026-12-19T21:00:00Z"}
SCHEDULED = replace(PLAN, schedule=TIMES)


@dataclass
class Stage:
    """A clock that goes on by a second at each look, and schedules that fire when they are due."""

    at: datetime
    schedules: dict[str, str]
    fires: bool = True
    skipped: list[timedelta] = field(default_factory=list)
    fired: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def advance(self, seconds: float) -> bool:
        self.skipped.append(timedelta(seconds=seconds))
        self.at += timedelta(seconds=seconds)
        return True

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=30)
        for name, expression in list(self.schedules.items()) if self.fires else ():
            if expression.startswith("at(") and instant(f"{expression[3:-1]}Z") <= self.at:
                self.fired.append(name)
                del self.schedules[name]

    def client(self, service: str) -> Stage:
        assert service == "scheduler"
        return self

    outputs: ClassVar = {"ScheduleGroupName": "group"}

    class exceptions:
        ResourceNotFoundException = KeyError

    def get_paginator(self, operation: str) -> Stage:
        return self

    def paginate(self, GroupName: str) -> list[dict[str, Any]]:
        return [{"Schedules": [{"Name": name} for name in [*self.schedules, "fired meanwhile"]]}]

    def get_schedule(self, Name: str, GroupName: str) -> dict[str, Any]:
        return {"ScheduleExpression": self.schedules[Name]}


def skipping(stage: Stage) -> tuple[Skipping, StringIO]:
    said = StringIO()
    anything: Any = stage
    return Skipping(anything, anything, Console(file=said, width=200), stage.sleep), said


def test_a_plan_without_times_is_tested_at_once_and_cut_over_when_its_test_is_old_enough() -> None:
    found = dated(PLAN, NOW).schedule
    assert instant(found[Mode.TEST]) - NOW == timedelta(minutes=15)
    assert instant(found[Mode.CUTOVER]) - instant(found[Mode.TEST]) == timedelta(days=8)
    assert dated(SCHEDULED, NOW) is SCHEDULED
    assert list(dated(replace(PLAN, night=None), NOW).schedule) == [Mode.TEST], "nothing says how it is cut over"


def test_the_world_begins_shortly_before_the_first_time_of_the_plan() -> None:
    assert at_its_time(WORLD, SCHEDULED, NOW).clock.start == datetime(2026, 12, 5, 7, 0, tzinfo=UTC)
    assert at_its_time(WORLD, SCHEDULED, NOW).clock.speed == WORLD.clock.speed
    ready = replace(PLAN, schedule={Mode.TEST: WHEN_READY, Mode.CUTOVER: "2026-12-19T21:00:00Z"})
    assert at_its_time(WORLD, ready, NOW).clock.start == datetime(2026, 12, 5, 21, 0, tzinfo=UTC)
    assert at_its_time(WORLD, replace(PLAN, schedule={Mode.TEST: WHEN_READY}), NOW) == WORLD


def test_times_that_have_passed_cannot_be_lived() -> None:
    with pytest.raises(PastCalendar, match=r"schedule.test: 2026-12-05T08:00:00Z has passed; name times"):
        at_its_time(WORLD, SCHEDULED, NOW + timedelta(days=10))


def test_what_is_due_before_fires_in_its_turn_and_what_is_due_after_is_left() -> None:
    stage = Stage(
        NOW,
        {
            "demo-cutover": "at(2026-12-19T21:00:00)",
            "clean-up-1": "at(2026-12-11T09:00:00)",
            "watch": "rate(1 minute)",
            "later": "at(2026-12-25T09:00:00)",
        },
    )
    clock, said = skipping(stage)
    clock.skip_to("demo-cutover")
    assert stage.fired == ["clean-up-1", "demo-cutover"]
    assert set(stage.schedules) == {"watch", "later"}
    assert [each.days for each in stage.skipped] == [9, 8]
    assert "next: schedule clean-up-1, at 2026-12-11T09:00:00Z" in said.getvalue()
    assert "schedule demo-cutover has fired" in said.getvalue()


def test_a_schedule_that_is_due_and_does_not_fire_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_travel, "FIRES_SECONDS", 0.0)
    stage = Stage(NOW, {"demo-test": "at(2026-12-05T08:00:00)"}, fires=False)
    with pytest.raises(ScheduleSilent, match="schedule demo-test is due since 2026-12-05T08:00:00Z and does not fire"):
        skipping(stage)[0].skip_to("demo-test")


@pytest.mark.parametrize(("minutes", "skipped"), [(5, 0), (10, 0), (12, 1)])
def test_a_short_wait_is_waited_out(minutes: int, skipped: int) -> None:
    stage = Stage(NOW, {})
    skipping(stage)[0].skip(NOW + timedelta(minutes=minutes), "something")
    assert len(stage.skipped) == skipped


SOAKS = NightRecord(opened=text(NOW), looks={"soak": 1})


@pytest.mark.parametrize(
    ("night", "ends"),
    [
        (SOAKS, NOW + timedelta(minutes=5)),
        (SOAKS.but(looks={}), None),
        (SOAKS.but(committed=text(NOW)), None),
        (NightRecord(looks={"soak": 1}, deadlines={"soak_from": text(NOW)}), NOW + timedelta(minutes=5)),
        (None, None),
    ],
    ids=["soaks", "not yet", "committed", "nobody was led anywhere", "a test"],
)
def test_only_a_soak_is_passed_over(night: NightRecord | None, ends: datetime | None) -> None:
    run = RunRecord("demo-cutover-1", "demo", "ab", Mode.CUTOVER, 1, None, text(NOW))
    assert soak_ends(RunView(run, (), night=night), PLAN.night) == ends
