"""A plan's whole calendar on a stage: its schedules begin its runs, and the empty time between is passed over.

The stage's one clock is moved on to shortly before whatever is due next; from there it runs, and the schedule fires.
While a run is at work its time is not cut short, but for the soak: users work on the targets, and the run only waits.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from cli.after_runs import AfterRuns
from cli.afterwards import sign_off_in_rehearsal
from cli.board import Board
from cli.crowd import Crowd
from cli.deployment import RunView
from cli.orders import answer
from cli.rehearse import Watch, claimed, latest, leave_users, one_run, say_reports
from cli.stored_plans import StoredPlans
from cutover.instants import instant, text
from cutover.night import soak_began
from cutover.plan import WHEN_READY, Mode, Plan
from cutover.planned_night import Night
from cutover.words import duration
from stage.simulator import Scenario
from stage.stage import Stage

AHEAD = timedelta(minutes=1)
"""So long before it is due, by the stage's clock, time is let run again."""
BEFORE_ALL = timedelta(hours=1)
"""How long before the first time that a plan names its stage begins."""
UNTIL_READY = timedelta(days=14)
"""The same before a cutover whose test begins when its machines are ready."""
TEST_AFTER = timedelta(minutes=15)
"""When a plan that names no times is tested, from the stage's beginning."""
A_DAY_MORE = timedelta(days=1)
"""Between the age that its tests must have and its cutover."""
WORTH = timedelta(minutes=10)
"""A wait shorter than this is waited out."""
FIRES_SECONDS = 30.0
"""Real ones, within which a schedule that is due has fired."""


class ScheduleSilent(Exception):
    """When a schedule that is due does not fire; the message names it."""


class PastCalendar(Exception):
    """When the times of a plan have passed; the message says which."""


def dated(plan: Plan, now: datetime) -> Plan:
    """The plan with its times; one that names none is tested soon, and cut over a day after its test is old enough."""
    if plan.schedule:
        return plan
    test, age = now + TEST_AFTER, timedelta(seconds=max(wave.test_minimum_age for wave in plan.waves))
    times = {Mode.TEST: text(test), Mode.CUTOVER: text(test + age + A_DAY_MORE)}
    modes = [mode for mode in Mode if mode is Mode.TEST or plan.night is not None]
    return replace(plan, schedule={mode: times[mode] for mode in modes})


def at_its_time(world: Scenario, plan: Plan, now: datetime) -> Scenario:
    """The world, beginning shortly before the plan's first time. Errors: PastCalendar.

    Functions go by the computer's clock where they ask how late a start is, so that no stage can begin in the past.
    """
    named = {mode: instant(at) for mode, at in plan.schedule.items() if at != WHEN_READY}
    if not named:
        return world
    early = BEFORE_ALL if len(named) == len(plan.schedule) else UNTIL_READY
    first = min(named.values())
    if first <= now:
        mode = min(named, key=lambda each: named[each])
        raise PastCalendar(f"schedule.{mode.value}: {text(first)} has passed; name times that are still to come")
    begins = max(now, first - early)
    return world.model_copy(update={"clock": world.clock.model_copy(update={"start": begins})})


@dataclass(frozen=True)
class Calendar:
    """What of a plan is lived, and where to leave the evidence: one folder for each mode of its schedule."""

    plan: Plan
    folders: Mapping[Mode, Path]

    def live(self, stage: Stage, console: Console, sleep: Callable[[float], None] = time.sleep) -> bool:
        """Store the plan, have it scheduled, and give no further command; whether every run ended verified."""
        began, deployment = time.monotonic(), StoredPlans(stage.client)
        stored = deployment.store(self.plan)
        deployment.put_schedules(self.plan, stage.now())
        deployment.watch(self.plan)
        clock = Skipping(stage, deployment, console, sleep)
        clock.say(f"{self.plan.name} {stored.sha256[:12]} is stored, and nobody gives a command from here on")
        for mode, at in self.plan.schedule.items():
            clock.say(f"{mode.value} begins by itself {'once all are ready' if at == WHEN_READY else f'at {at}'}")
        verified = True
        for mode, folder in self.folders.items():
            before = latest(deployment, self.plan, mode)
            if self.plan.schedule[mode] != WHEN_READY:
                clock.skip_to(f"{self.plan.name}-{mode.value}")
            stage.users_begin(mode.value)
            crowd = Crowd(stage.people, partial(answer, deployment), self.plan.night)
            watch = Impatient(stage, crowd, console, sleep, clock, self.plan.night)
            begin = partial(claimed, deployment, self.plan, mode, before, sleep)
            verified = one_run(deployment, self.plan, mode, folder, watch, begin)
            leave_users(stage, mode, folder, console)
            if not verified:
                break
            if mode is Mode.TEST:
                sign_off_in_rehearsal(AfterRuns(stage.client), self.plan, text(stage.now()))
        for run in deployment.runs_of(self.plan.name):
            how = run.outcome.value if run.outcome else run.status.value
            clock.say(f"{run.id}: {how}, {run.started} to {run.ended}")
        say_reports(self.folders, console)
        clock.say(f"{self.plan.name} was lived through in {timedelta(seconds=round(time.monotonic() - began))}")
        return verified


@dataclass(frozen=True)
class Skipping:
    """The stage's clock, moved on over the time in which nothing is due."""

    stage: Stage
    deployment: StoredPlans
    console: Console
    sleep: Callable[[float], None]

    def say(self, message: str) -> None:
        """A line with the stage's date."""
        self.console.print(f"{text(self.stage.now()):20} {message}", markup=False, highlight=False, soft_wrap=True)

    def skip_to(self, schedule: str) -> None:
        """Go to when this schedule fires, and see it and all that are due before it fire. Errors: ScheduleSilent."""
        while schedule in (due := self._due()):
            name = min(due, key=lambda each: due[each])
            self.skip(due[name], f"schedule {name}")
            until = time.monotonic() + FIRES_SECONDS
            while name in self._due():
                if time.monotonic() > until and self.stage.now() > due[name]:
                    raise ScheduleSilent(f"schedule {name} is due since {text(due[name])} and does not fire")
                self.sleep(0.1)
            self.say(f"schedule {name} has fired")

    def skip(self, until: datetime, what: str) -> None:
        """Leave out what lies between now and shortly before an instant, if that is worth it."""
        left = until - AHEAD - self.stage.now()
        if left > WORTH:
            self.stage.advance(left.total_seconds())
            self.say(f"{duration(left)} later; next: {what}, at {text(until)}")

    def _due(self) -> dict[str, datetime]:
        """When each of the one-time schedules is due, by name."""
        scheduler, group = self.stage.client("scheduler"), self.deployment.outputs["ScheduleGroupName"]
        found: dict[str, datetime] = {}
        for page in scheduler.get_paginator("list_schedules").paginate(GroupName=group):
            for each in page["Schedules"]:
                try:
                    one: Any = scheduler.get_schedule(Name=each["Name"], GroupName=group)
                except scheduler.exceptions.ResourceNotFoundException:
                    continue  # it has fired since the page was read
                if at := re.fullmatch(r"at\((.+)\)", one["ScheduleExpression"]):
                    found[each["Name"]] = datetime.fromisoformat(at[1]).replace(tzinfo=UTC)
        return found


@dataclass(frozen=True)
class Impatient(Watch):
    """Who looks on at a run, and has its soak pass at once."""

    clock: Skipping
    night: Night | None

    def look(self, board: Board, view: RunView) -> None:
        """Show the run, have people answer what it asks, and pass over what is left of its soak."""
        super().look(board, view)
        if (ends := soak_ends(view, self.night)) is not None:
            self.clock.skip(ends, "the end of the soak")


def soak_ends(view: RunView, planned: Night | None) -> datetime | None:
    """When the soak of the run ends that soaks now; None while it does anything else."""
    night = view.night
    if night is None or planned is None or not night.looks.get("soak") or night.hold or night.back:
        return None
    began = soak_began(night)
    return instant(began) + timedelta(seconds=planned.soak) if began and not night.committed else None
