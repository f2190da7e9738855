"""The replication monitor: what is news goes on the bus once, and plans start their test when they are ready."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from jsonschema import Draft202012Validator

import start
import watch_replication
from cutover.cloudendure import CloudEndure
from cutover.errors import AwsUnavailable, MessageNotSent, ServiceUnavailable
from cutover.events import Bus
from cutover.instants import instant
from cutover.machine import Machine, Replication
from cutover.plan import WHEN_READY, Mode, Plan
from cutover.planned_selection import Selection
from cutover.records import Proof, RunRecord
from cutover.store import Store
from tests.statemachines.interpreter import Context
from tests.statemachines.night import Night, a_night, a_plan, a_wave, a_world

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs/schemas/events/replication-changed.schema.json").read_text()),
    format_checker=Draft202012Validator.FORMAT_CHECKER,
)
STALLS: list[dict[str, Any]] = [
    {"state": "continuous", "for": "20m"},
    {"state": "stalled", "for": "6h"},
    {"state": "continuous"},
]


def tick() -> dict[str, Any]:
    context: Any = Context()
    return watch_replication.handler({}, context)


def watch(night: Night, *plans: Plan) -> None:
    """What `cutover plan put` leaves."""
    for plan in plans:
        night.store.write_plan(plan)
        night.store.watch_plan(plan.name, plan.sha256)


def told(night: Night) -> list[tuple[str, str]]:
    """Machine and news, of the events since they were read last; each is as published."""
    found = [each for each in night.news() if "news" in each and "name" in each]
    for each in found:
        SCHEMA.validate(each)
    return [(each["name"], each["news"]) for each in found]


def ticks(night: Night, count: int) -> list[tuple[str, str]]:
    """Look every five minutes; what was told."""
    for _ in range(count):
        night.simulator.advance(300)
        tick()
    return told(night)


def test_there_is_nothing_to_do_where_nothing_is_watched() -> None:
    with a_night(a_world({"db01": {}})) as night:
        assert tick() == {"plans": 0, "told": 0, "requested": 0}
        assert night.asked().total() == 0


def test_a_stall_of_six_hours_comes_to_two_events() -> None:
    with a_night(a_world({"db01": {"replication": STALLS}, "db02": {}})) as night:
        watch(night, a_plan(a_wave("db", "db01", "db02")))
        assert sorted(ticks(night, 2)) == [("db01", "ready"), ("db02", "ready")]
        assert ticks(night, 100) == [("db01", "stalled"), ("db01", "recovered")]


def test_a_tick_asks_a_project_once_however_many_plans() -> None:
    with a_night(a_world({"db01": {}, "db02": {}})) as night:
        watch(night, *(a_plan(a_wave("db", "db01"), name=name) for name in ("a", "b", "c")))
        watch(night, a_plan(a_wave("db", "db02", "of-another-world"), name="d"))
        tick()  # logs in
        before = night.asked()
        assert ticks(night, 1) == [(name, "ready") for name in ("db01", "db01", "db01", "db02")]
        assert (night.asked() - before).total() == 1


def test_a_tick_that_is_delivered_twice_is_one() -> None:
    stuck = {"replication": {"state": "stalled", "behind": "2h"}}
    with a_night(a_world({"db01": stuck})) as night:
        watch(night, a_plan())
        tick()
        night.simulator.advance(10)
        assert tick() == {"plans": 1, "told": 0, "requested": 0}  # ten seconds without movement are no stall
        night.simulator.advance(290)
        assert tick()["told"] == 1


def test_what_the_bus_did_not_take_is_told_by_the_next_tick_once() -> None:
    with a_night(a_world({"db01": {}})) as night:
        watch(night, a_plan())
        with patch.object(Bus, "put_all", side_effect=MessageNotSent("no")), pytest.raises(MessageNotSent):
            tick()
        assert ticks(night, 3) == [("db01", "ready")]


def test_a_tick_that_dies_before_it_is_noted_tells_again_by_the_same_id() -> None:
    with a_night(a_world({"db01": {}})) as night:
        watch(night, a_plan())
        write = Store.write_watched

        def dies(store: Store, plan: str, machines: Any) -> Any:
            given = list(machines)
            if given and not given[0].untold:
                raise AwsUnavailable("gone")
            return write(store, plan, given)

        with patch.object(Store, "write_watched", dies), pytest.raises(AwsUnavailable):
            tick()
        night.simulator.advance(300)
        tick()
        first, again = night.news()
        assert first == again


def test_a_service_that_is_away_is_no_news() -> None:
    with a_night(a_world({"db01": {}}, faults=[{"on": "GET */machines", "times": 1, "status": 503}])) as night:
        watch(night, a_plan())
        with pytest.raises(ServiceUnavailable):
            tick()
        assert told(night) == []
        assert night.store.watched_machines("demo") == {}
        assert ticks(night, 1) == [("db01", "ready")]


def test_a_project_that_cannot_be_looked_at_hides_no_other() -> None:
    with a_night(a_world({"db01": {}})) as night:
        watch(night, a_plan(name="a", project="Nowhere"), a_plan(name="b"))
        night.store.watch_plan("c", "0" * 64)  # of which nothing is stored
        with pytest.raises(Exception, match=r"Nowhere|plans/c"):
            tick()
        assert told(night) == [("db01", "ready")]


def test_what_is_cut_over_or_being_cut_over_is_shut_down_on_purpose() -> None:
    lost = {"replication": [{"state": "continuous", "for": "1m"}, {"state": "disconnected"}]}
    with a_night(a_world({"db01": lost, "db02": lost})) as night:
        plan = a_plan(a_wave("db", "db01", "db02"))
        watch(night, plan)
        night.store.record_proofs(
            plan.name, [Proof(night.machine_id("db01"), Mode.CUTOVER, "a run", "i-0", "2026-11-27T00:00:00Z")]
        )
        run = night.store.claim(RunRecord("demo-cutover-1", "demo", plan.sha256, Mode.CUTOVER, 1, None, "now"))
        assert ticks(night, 6) == []
        night.store.release(run)
        assert ticks(night, 6) == [("db02", "disconnected")]


def test_what_a_plan_selects_is_watched() -> None:
    with a_night(a_world({"db01": {}})) as night:
        wave = a_wave("db", "db01")
        by_tag = replace(wave.machines[0], name=None, selection=Selection(tagged={"application": "shop"}))
        plan = replace(a_plan(replace(wave, machines=(by_tag,))), schedule={Mode.TEST: WHEN_READY})
        watch(night, plan)
        assert tick() == {"plans": 1, "told": 0, "requested": 0}  # nothing is chosen: nothing can be said of it
        listed = [Machine("m-1", "db01", None, Replication(), tags={"application": "shop"})]

        def grouped(service: CloudEndure) -> list[Machine]:
            service.machines()  # which tells the time
            return listed

        with patch.object(CloudEndure, "grouped", grouped):
            night.simulator.advance(300)
            assert tick()["requested"] == 0
            assert night.store.watched_machines("demo") == {}  # of which nothing is known
            ready = Replication("STARTED", consistent_at=night.simulator.clock.now())
            listed[0] = replace(listed[0], replication=ready)
            night.simulator.advance(150)
            assert tick() == {"plans": 1, "told": 1, "requested": 1}


# A test that starts when all machines are ready


@contextmanager
def a_plan_that_waits() -> Iterator[tuple[Night, Plan]]:
    late = {"replication": [{"state": "lagging", "behind": "2h", "for": "30m"}, {"state": "continuous"}]}
    with a_night(a_world({"db01": {}, "db02": late})) as night:
        plan = replace(a_plan(a_wave("db", "db01", "db02")), schedule={Mode.TEST: WHEN_READY})
        watch(night, plan)
        yield night, plan


def requests(night: Night) -> list[dict[str, Any]]:
    return [each for each in night.news() if set(each) == {"plan", "sha256", "mode", "scheduled"}]


def test_a_test_is_requested_once_all_machines_are_ready_and_once_only() -> None:
    with a_plan_that_waits() as (night, plan):
        ticks(night, 4)
        for _ in range(10):
            night.simulator.advance(300)
            tick()
        (request,) = requests(night)
        assert (request["plan"], request["sha256"], request["mode"]) == ("demo", plan.sha256, "test")
        watch(night, plan)  # put again as it was
        ticks(night, 3)
        assert requests(night) == []


def test_nothing_is_requested_while_a_machine_is_not_ready_or_not_there() -> None:
    with a_plan_that_waits() as (night, plan):
        night.simulator.advance(300)
        assert tick()["requested"] == 0
        watch(night, replace(plan, name="more", waves=(a_wave("db", "db01", "of-another-world"),)))
        for _ in range(12):
            night.simulator.advance(300)
            tick()
        assert [each["plan"] for each in requests(night)] == ["demo"]


def test_a_request_that_is_put_twice_is_one_run() -> None:
    with a_plan_that_waits() as (night, _):
        tick()
        night.simulator.advance(3600)
        with patch.object(Store, "note_requested", side_effect=AwsUnavailable("gone")), pytest.raises(AwsUnavailable):
            tick()
        night.simulator.advance(300)
        tick()
        first, again = requests(night)
        assert first == again
        with patch.object(start, "local_now", lambda: instant(first["scheduled"])):
            runs = {night.workflows.invoke("Start", each)["run"] for each in (first, again)}
        assert len(runs) == 1
