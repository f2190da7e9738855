"""Waiting for a job whose service puts events on the bus: few looks, none too late, none that depends on an event."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from cutover.plan import Mode, PollBounds
from cutover.planned_night import Action, Deed, PlannedStep
from cutover.waking import FALLBACK
from tests.statemachines.events import EventBus, a_night_with_events
from tests.statemachines.interpreter import Handler
from tests.statemachines.night import BEGIN, NO_DOORS, WAIVED, Night, a_wave, a_world
from tests.statemachines.test_killed import HANDLERS, Killer
from tests.statemachines.test_on_mgn import a_mgn_plan
from tests.unit.hooked import hooked

MINUTELY = PollBounds(minimum=60, maximum=900)
WAITING = ("FollowJob", "VerifyTargets", "TargetsVerdict", "WaitForJob", "AwaitJob")


def slow(minutes: int) -> dict[str, object]:
    """A project whose launches take about so long."""
    return {"jobs": {"conversion": f"{minutes - 4}m"}}


def waited(night: Night) -> Counter[str]:
    """The transitions from the first wait for the job to the look that saw its end."""
    states = night.wave_states()
    begins = next(number for number, state in enumerate(states) if state in ("WaitForJob", "AwaitJob"))
    return Counter(state for state in states[begins:] if state in WAITING)


def test_a_job_of_a_service_without_events_is_polled() -> None:
    with a_night_with_events(a_world({"db01": {}}, project=slow(10)), events=False) as (night, bus):
        night.run(a_mgn_plan(a_wave("db", "db01", poll=MINUTELY)))

        assert night.statuses() == {"db01": "verified"}
        assert "AwaitJob" not in night.wave_states()
        assert waited(night)["FollowJob"] >= 8
        assert bus.put
        assert bus.woken == 0, "nobody listens"


def waiting_costs(minutes: int, *, events: bool) -> int:
    """Transitions of waiting for a job that lasts about so long."""
    world = a_world({"db01": {}, "db02": {}, "db03": {}}, project=slow(minutes))
    with a_night_with_events(world, events=events) as (night, _):
        night.run(a_mgn_plan(a_wave("db", "db01", "db02", "db03", poll=MINUTELY, job_deadline=4 * 3600)))
        assert set(night.statuses().values()) == {"verified"}
        return waited(night).total()


def test_waiting_with_events_costs_a_tenth_of_looking_every_minute() -> None:
    minutely = waiting_costs(30, events=False)
    assert 4 * 28 <= minutely <= 4 * 30
    assert 10 * waiting_costs(30, events=True) <= minutely
    assert 10 * waiting_costs(90, events=True) <= 4 * 88, "a minute each, as was counted"


def test_fifty_events_are_one_look() -> None:
    fleet = {"count": 50, "name": "srv{n:04}", "machine": {"target": False}}
    project = {"subnets": {"demo": "10.20.0.0/20"}, "fleet": fleet, **slow(30)}
    names = [f"srv{n:04}" for n in range(1, 51)]
    with a_night_with_events(a_world({}, project=project)) as (night, bus):
        night.run(a_mgn_plan(a_wave("all", *names, poll=MINUTELY)))

        assert Counter(night.statuses().values()) == {"verified": 50}
        assert len(bus.put) == 50
        assert bus.woken == 1
        assert waited(night)["FollowJob"] <= 4, "two slow looks, one that was woken, and at most one more"


def test_events_that_are_lost_cost_a_slow_look_and_nothing_else() -> None:
    bus = EventBus(lose=lambda event: True)
    with a_night_with_events(a_world({"db01": {}}, project=slow(30)), bus) as (night, _):
        night.run(a_mgn_plan(a_wave("db", "db01", poll=MINUTELY)))

        assert night.statuses() == {"db01": "verified"}
        assert bus.woken == 0
        assert waited(night)["AwaitJob"] == 2
        assert night.hours() * 3600 < 29 * 60 + FALLBACK


def test_one_lost_event_of_many_is_made_up_by_the_slow_look() -> None:
    bus = EventBus(lose=lambda event: len(bus.put) == 1)
    with a_night_with_events(a_world({"db01": {}, "db02": {}}, project=slow(20)), bus) as (night, _):
        night.run(a_mgn_plan(a_wave("db", "db01", "db02", poll=MINUTELY)))

        assert set(night.statuses().values()) == {"verified"}
        assert bus.woken == 0


def test_events_delivered_twice_wake_once() -> None:
    with a_night_with_events(a_world({"db01": {}, "db02": {}}, project=slow(20)), EventBus(times=3)) as (night, bus):
        night.run(a_mgn_plan(a_wave("db", "db01", "db02", poll=MINUTELY)))

        assert set(night.statuses().values()) == {"verified"}
        assert bus.woken == 1
        assert night.simulator.launches() == {"db01": 1, "db02": 1}


def test_an_event_that_comes_while_the_job_is_looked_at_is_not_slept_over() -> None:
    """The look that takes so long begins before the launch has come out, and ends after it."""
    with a_night_with_events(a_world({"db01": {}}, project=slow(20)), EventBus(meanwhile=20 * 60)) as (night, bus):
        night.run(a_mgn_plan(a_wave("db", "db01", poll=MINUTELY)))

        assert night.statuses() == {"db01": "verified"}
        assert bus.woken == 0, "nobody slept yet"
        assert waited(night)["AwaitJob"] == waited(night)["WaitForJob"] == 1, "it went on at once"


def test_a_launch_that_fails_is_heard_like_one_that_does_not() -> None:
    bad = {"launch": [{"target": "conversion_failed"}]}
    with a_night_with_events(a_world({"db01": {}, "db02": bad}, project=slow(20))) as (night, bus):
        night.run(a_mgn_plan(a_wave("db", "db01", "db02", poll=MINUTELY)))

        assert night.statuses() == {"db01": "verified", "db02": "failed"}
        assert [event["detail"]["state"] for event in bus.put] == ["TEST_LAUNCH_FAILED", "TEST_LAUNCH_SUCCEEDED"]
        assert bus.woken == 1


def test_who_cannot_sleep_waits_plainly() -> None:
    def fails(event: dict[str, object]) -> object:
        raise RuntimeError("the table is away")

    world = a_world({"db01": {}}, project=slow(10))
    with a_night_with_events(world, handlers={"AwaitEvent": fails}) as (night, _):
        night.run(a_mgn_plan(a_wave("db", "db01", poll=MINUTELY)))

        assert night.statuses() == {"db01": "verified"}
        seen = waited(night)
        assert seen["AwaitJob"] == seen["WaitForJob"] >= 8


def test_events_on_another_regions_bus_are_not_waited_for() -> None:
    with a_night_with_events(a_world({"db01": {}}, project=slow(10))) as (night, _):
        with patch.dict(os.environ, {"AWS_REGION": "us-east-1"}):
            night.run(a_mgn_plan(a_wave("db", "db01", poll=MINUTELY)))

        assert night.statuses() == {"db01": "verified"}
        assert "AwaitJob" not in night.wave_states()


@pytest.mark.parametrize(("silent", "sleeps"), [(900, False), (1800, True)])
def test_behind_closed_doors_it_sleeps_only_where_the_plan_lets_it_be_silent(silent: int, sleeps: bool) -> None:
    world = a_world({"db01": {"tested": "9d"}}, project=slow(20))
    with hooked() as hooks, a_night_with_events(world) as (night, _):
        shut = PlannedStep("web", Action(Deed.WEBHOOK, f"{hooks.url}/web"), undo=None, timeout=600)
        planned = replace(NO_DOORS, quiesce=(shut,), no_quiesce="", zero_loss_wait=1200, silent=silent)
        plan = replace(a_mgn_plan(a_wave("db", "db01", poll=MINUTELY, test_waiver=WAIVED)), night=planned)
        night.run(plan, Mode.CUTOVER)

        assert night.store.night(night.run_id).closed is not None
        assert night.statuses() == {"db01": "verified"}
        assert ("AwaitJob" in night.wave_states()) is sleeps


def test_near_its_deadline_a_job_is_polled() -> None:
    """The slow look would come too late."""
    world = a_world({"db01": {}}, project={"jobs": {"hangs": True}})
    with a_night_with_events(world) as (night, _):
        night.run(a_mgn_plan(a_wave("db", "db01", poll=PollBounds(minimum=300, maximum=900), job_deadline=2400)))

        assert night.statuses() == {"db01": "unknown"}
        assert waited(night)["AwaitJob"] == 2, "then 600 seconds are left, and 1200 must be"
        assert waited(night)["WaitForJob"] == 2


def test_the_token_of_the_task_is_in_no_record_that_is_left() -> None:
    with a_night_with_events(a_world({"db01": {}}, project=slow(20))) as (night, _):
        night.run(a_mgn_plan(a_wave("db", "db01", poll=MINUTELY)))

        tokens = {event["token"] for name, event in night.workflows.calls if name == "AwaitEvent"}
        assert len(tokens) == 2
        assert not [left for left in night.records_and_files() if any(token in left for token in tokens)]
        assert not [left for left in night.records_and_files() if "WAITING" in left]


@pytest.mark.parametrize("after", [False, True], ids=["before it sleeps", "asleep"])
def test_a_run_killed_in_its_sleep_and_started_again_sleeps_on(after: bool) -> None:
    killer = Killer("AwaitEvent", 1, after=after)
    world = a_world({"db01": {}, "db02": {}}, project=slow(30))
    with a_night_with_events(world, handlers=killer.handlers) as (night, bus):
        killer.night = night
        plan = a_mgn_plan(a_wave("db", "db01", "db02", poll=MINUTELY))
        night.run(plan)
        night.wait_for_wave()
        first = night.run_id
        night.run(plan)

        assert night.run_id == first
        assert set(night.statuses().values()) == {"verified"}
        assert night.simulator.launches() == {"db01": 1, "db02": 1}
        assert waited(night)["AwaitJob"] >= 1
        assert bus.woken == 1


SYNCING = {"replication": {"state": "initial_sync", "progress": 40, "for": "100m"}}
PATIENT = {"poll": MINUTELY, "readiness_deadline": 4 * 3600}


def test_the_end_of_an_initial_sync_wakes_the_wave() -> None:
    with a_night_with_events(a_world({"db01": SYNCING, "db02": {}})) as (night, bus):
        night.run(a_mgn_plan(a_wave("db", "db01", "db02", **PATIENT)))

        assert night.statuses() == {"db01": "verified", "db02": "verified"}
        states = night.wave_states()
        assert states.count("AwaitReplication") == 6, "five slow looks, and the one that was woken"
        assert states.count("CheckReadiness") <= 10
        assert bus.woken == 2, "from replication, and from the job"


def test_woken_it_looks_after_the_shortest_pause() -> None:
    def looks(event: dict[str, Any]) -> Any:
        looked.append((night.simulator.clock.now() - BEGIN).total_seconds())
        return HANDLERS["CheckReadiness"](event)

    looked: list[float] = []
    handlers: dict[str, Handler] | None = {"CheckReadiness": looks}
    stalls = [{"state": "initial_sync", "progress": 10, "for": "25m"}, {"state": "stalled", "for": "60m"}]
    with a_night_with_events(a_world({"db01": {"replication": stalls}}), handlers=handlers) as (night, _):
        night.run(a_mgn_plan(a_wave("db", "db01", **PATIENT)))

        assert [at for at in looked if 1500 < at <= 1500 + 10 + 60], "though the sync was far from its end"


def test_an_event_of_replication_that_is_lost_costs_a_slow_look() -> None:
    bus = EventBus(lose=lambda event: True)
    with a_night_with_events(a_world({"db01": SYNCING}), bus) as (night, _):
        night.run(a_mgn_plan(a_wave("db", "db01", **PATIENT)))

        assert night.statuses() == {"db01": "verified"}
        started = night.store.wave(night.run_id, 1)
        assert started.ready_looks <= 10


def test_lag_is_looked_at_because_no_event_tells_of_it() -> None:
    lagging = {"replication": {"state": "lagging", "behind": "45m"}}
    with a_night_with_events(a_world({"db01": SYNCING, "db02": lagging})) as (night, _):
        night.run(a_mgn_plan(a_wave("db", "db01", "db02", poll=PollBounds(minimum=300, maximum=900))))

        assert night.statuses() == {"db01": "postponed", "db02": "postponed"}
        assert "AwaitReplication" not in night.wave_states()


def test_a_wait_for_replication_ends_at_its_deadline_when_no_event_comes() -> None:
    with a_night_with_events(a_world({"db01": SYNCING})) as (night, _):
        night.run(a_mgn_plan(a_wave("db", "db01", poll=MINUTELY, readiness_deadline=3000)))

        assert night.statuses() == {"db01": "postponed"}
        assert night.wave_states().count("AwaitReplication") == 2
        assert night.hours() == pytest.approx(3000 / 3600, abs=0.02)
        assert night.simulator.launches() == {}
