"""A start that comes late, into a blackout or too late for its window: refused, told, and nothing launched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cutover.instants import text
from cutover.plan import Mode, Plan
from cutover.planned_calendar import Blackout, Calendar
from tests.statemachines.interpreter import load_handlers
from tests.statemachines.night import NO_DOORS, Night, a_night, a_plan, a_wave, a_world

FREEZE = Calendar(blackouts=(Blackout("2026-11-28T00:00:00Z", "2026-11-30T00:00:00Z", "quarterly closing of books"),))


def begun(night: Night, plan: Plan, mode: Mode, scheduled: str | None) -> dict[str, Any]:
    """The only news."""
    if mode is Mode.CUTOVER:
        night.verified_before(plan, "db01")
    night.start(plan, mode, scheduled)
    assert night.workflows.wait(night.execution)["status"] == "SUCCEEDED"
    (news,) = night.news()
    return news


@pytest.mark.parametrize(
    ("plan", "mode", "scheduled", "told"),
    [
        (a_plan(), Mode.TEST, "2026-11-28T08:40:00Z", "late_start: the start planned for 2026-11-28T08:40:00Z"),
        (replace(a_plan(), calendar=FREEZE), Mode.TEST, "2026-11-28T09:00:00Z", "quarterly closing of books"),
        (replace(a_plan(), calendar=FREEZE), Mode.TEST, None, "quarterly closing of books"),
        (
            a_plan(night=replace(NO_DOORS, window=1800, estimate=2700, reserve=60)),
            Mode.CUTOVER,
            None,
            "45 minutes are estimated",
        ),
    ],
    ids=["late", "in a blackout", "by hand in a blackout", "a window that cannot be met"],
)
def test_a_run_that_must_not_begin_now_is_refused_and_told(
    plan: Plan, mode: Mode, scheduled: str | None, told: str
) -> None:
    with a_night(a_world({"db01": {"tested": "9d"}})) as night:
        news = begun(night, plan, mode, scheduled)

        assert news["outcome"] == "Refused"
        assert told in news["text"]
        assert night.statuses() == {"db01": "refused"}
        assert night.launches() == 0


def test_a_schedule_that_is_delivered_twice_within_its_time_is_one_run() -> None:
    with a_night(a_world({"db01": {}})) as night:
        night.start(a_plan(), Mode.TEST, "2026-11-28T09:00:00Z")
        first = (night.run_id, night.execution)
        night.start(a_plan(), Mode.TEST, "2026-11-28T09:00:00Z")
        night.workflows.wait(night.execution)

        assert (night.run_id, night.execution) == first
        assert night.statuses() == {"db01": "verified"}
        assert night.launches() == 1


def test_a_run_that_has_begun_is_opened_again_whatever_its_calendar_says_by_then() -> None:
    """A launch is being made when its execution dies and the run goes on, in a blackout."""
    opened: list[str] = []

    def late(event: dict[str, Any]) -> Any:
        if not opened:
            night.simulator.advance(3600)
            again = {"run": event["run"], "execution": night.store.run(event["run"]).execution}
            opened.append(handlers["OpenRun"](again)["verdict"])
            assert text(night.simulator.clock.now()) > blackout.begins
        return handlers["LaunchTargets"](event)

    blackout = Blackout("2026-11-28T09:30:00Z", "2026-11-30T00:00:00Z", "quarterly closing of books")
    handlers = load_handlers()
    with a_night(a_world({"db01": {}, "web01": {}}), handlers={"LaunchTargets": late}) as night:
        waves = (a_wave("db", "db01"), a_wave("web", "web01"))
        night.run(replace(a_plan(*waves), calendar=Calendar(blackouts=(blackout,))))

        assert opened == ["go"]
        assert night.statuses() == {"db01": "verified", "web01": "verified"}
