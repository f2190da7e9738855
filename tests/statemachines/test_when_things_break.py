"""Our own faults, one place after the other: the run ends, is told, and never says better than what was seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cutover.errors import MessageNotSent
from cutover.plan import Mode, OnFailure
from cutover.planned_night import Approval
from cutover.planned_night import Night as PlannedNight
from tests.statemachines.interpreter import load_handlers
from tests.statemachines.night import WAIVED, Night, a_night, a_plan, a_wave, a_world
from tests.unit.night_of import CLOSED


class Bug(Exception):
    """Nobody's error in particular."""


def crash(event: dict[str, Any]) -> Any:
    raise Bug("a list index is out of range")


TOLD_BY_THE_RUN = ("NextPart", "CheckReadiness", "LaunchTargets", "FollowJob", "VerifyTargets", "CloseWave", "OpenRun")


@pytest.mark.parametrize("function", TOLD_BY_THE_RUN)
def test_a_function_that_crashes_ends_the_run_told_and_not_verified(function: str) -> None:
    with a_night(a_world({"db01": {}, "web01": {}}), handlers={function: crash}) as night:
        ended = night.run(a_plan(a_wave("db", "db01"), a_wave("web", "web01")))

        assert ended["status"] == "FAILED"
        assert night.outcome() == "Failed"
        launched = function in ("FollowJob", "VerifyTargets", "CloseWave")
        assert night.launches() == launched
        assert night.statuses()["web01"] == "not_started"
        if function != "CloseWave":
            assert night.statuses()["db01"] == ("unknown" if launched else "not_started")
        last = night.told()
        assert (last["news"], last["outcome"]) == ("ended", "Failed")
        assert "Bug" in last["text"]
        assert "Production: SOURCE" in last["text"]
        assert len(night.evidence()["waves"][0]["jobs"]) == launched, "the job is named even when it was never read"
        night.tell_if_dead()
        assert night.news() == [], "told once"


def test_a_wave_that_cannot_be_closed_keeps_what_was_seen() -> None:
    with a_night(a_world({"db01": {}}), handlers={"CloseWave": crash}) as night:
        night.run(a_plan())

        assert night.statuses() == {"db01": "verified"}
        assert night.outcome() == "Failed"


@pytest.mark.parametrize("function", ["CloseRun", "FindLaunch"])
def test_a_run_that_cannot_even_close_is_told_by_the_rule_for_dead_executions(function: str) -> None:
    lost = [{"on": "POST /projects/*/launchMachines", "drop": True, "accepted": True}]
    faults = lost if function == "FindLaunch" else []
    with a_night(a_world({"db01": {}}, faults=faults), handlers={function: crash}) as night:
        ended = night.run(a_plan())
        assert ended["status"] == "FAILED"
        night.tell_if_dead()
        night.tell_if_dead()

        told = night.news()
        assert [news["news"] for news in told].count("died") == (function == "CloseRun")
        assert told[-1]["outcome"] == "Failed"
        assert "Production: SOURCE" in told[-1]["text"]
        assert night.launches() == 1
        assert night.outcome() == "Failed"
        assert night.statuses() == {"db01": "verified" if function == "CloseRun" else "unknown"}
        night.simulator.advance(3600)
        night.start(a_plan(), night.store.run(night.run_id).mode)
        went_on = night.run_id == told[-1]["run"]
        assert went_on == (function == "CloseRun"), "a dead run goes on; one that was closed frees its plan"
        night.workflows.wait(night.execution)


@pytest.mark.parametrize("news", ["started", "waiting", "launched", "ended"])
def test_a_message_that_cannot_be_sent_never_fails_a_run(news: str) -> None:
    def tell(event: dict[str, Any]) -> Any:
        if event["news"] == news:
            raise MessageNotSent("the bus is away")
        return handlers["Tell"](event)

    handlers = load_handlers()
    lagging = {"replication": {"state": "lagging", "behind": "1h", "for": "5m"}}
    with a_night(a_world({"db01": lagging}), handlers={"Tell": tell}) as night:
        ended = night.run(a_plan())

        assert ended["status"] == "SUCCEEDED"
        assert night.outcome() == "Tested"
        assert night.statuses() == {"db01": "verified"}
        assert news not in [each["news"] for each in night.news()]


def test_a_failed_run_whose_last_message_was_lost_is_told_all_the_same() -> None:
    def tell(event: dict[str, Any]) -> Any:
        return crash(event) if event["news"] == "ended" else handlers["Tell"](event)

    handlers = load_handlers()
    with a_night(a_world({"db01": {"launch": {"target": "missing"}}}), handlers={"Tell": tell}) as night:
        night.run(a_plan(a_wave("db", "db01", verify_deadline=60)))
        assert "ended" not in [each["news"] for each in night.news()]
        night.tell_if_dead()

        told = night.news()
        assert [each["news"] for each in told] == ["ended"], "what the run itself could not say"
        assert "db01: failed" in told[0]["text"]
        assert night.statuses() == {"db01": "failed"}


def test_a_run_that_failed_over_an_error_stays_failed_when_another_has_to_tell_of_it() -> None:
    """All its machines are verified; that it ended by an error is not forgotten for that."""
    calls: list[str] = []

    def next_wave(event: dict[str, Any]) -> Any:
        calls.append(event["run"])
        return crash(event) if len(calls) > 1 else handlers["NextPart"](event)

    handlers = load_handlers()
    with a_night(a_world({"db01": {}}), handlers={"Tell": crash, "NextPart": next_wave}) as night:
        night.run(a_plan())
        before = night.evidence()["run"]
        night.tell_if_dead()

        assert night.statuses() == {"db01": "verified"}
        assert (before["outcome"], night.outcome()) == ("Failed", "Failed")
        assert night.evidence()["run"] == before
        assert [each["outcome"] for each in night.news()] == ["Failed"]


def test_a_refused_run_that_could_not_say_so_is_told_all_the_same() -> None:
    """Its execution succeeds, as a refusal does: silence is looked for there as well."""
    with a_night(a_world({"db01": {}}), handlers={"Tell": crash}) as night:
        assert night.run(a_plan(a_wave("db", "db99")))["status"] == "SUCCEEDED"
        assert night.news() == []
        night.tell_if_dead()
        night.tell_if_dead()

        (told,) = night.news()
        assert (told["news"], told["outcome"]) == ("ended", "Refused")
        assert "no machine with name db99" in told["text"]


@pytest.mark.parametrize("stopped_in", ["CheckReadiness", "FollowJob"])
def test_an_execution_stopped_from_outside_is_told_and_what_still_runs_of_it_launches_nothing(stopped_in: str) -> None:
    """The function that is at work just then goes on, and here the wave's execution as well."""

    def stop(event: dict[str, Any]) -> Any:
        if not stopped:
            stopped.append(stopped_in)
            night.workflows.stop(night.execution)
            night.tell_if_dead()
        return handlers[stopped_in](event)

    stopped: list[str] = []
    handlers = load_handlers()
    with a_night(a_world({"db01": {}}), handlers={stopped_in: stop}) as night:
        ended = night.run(a_plan())
        assert ended["status"] == "ABORTED"
        night.wait_for_wave()

        last = night.told("died")
        assert last["news"] == "died"
        assert "ABORTED" in last["subject"]
        assert "A launch that was accepted goes on at the service" in last["text"]
        assert night.outcome() == "Failed"
        assert night.statuses() == {"db01": "unknown" if stopped_in == "FollowJob" else "not_started"}
        assert night.launches() == (stopped_in == "FollowJob")


def test_a_run_that_dies_behind_closed_doors_says_that_nobody_serves_users() -> None:
    def die(event: dict[str, Any]) -> Any:
        if night.store.night(event["run"]).closed is None:
            night.store.write_night(event["run"], CLOSED.but(version=0))
            night.workflows.stop(night.execution)
            night.tell_if_dead()
        return handlers["CheckReadiness"](event)

    handlers = load_handlers()
    nobody = Approval(none="a test of the death alone")
    doors = PlannedNight(86400, 9000, 0, nobody, nobody, nobody, no_quiesce="-", no_power_off="-", no_switch="-")
    with a_night(a_world({"db01": {}}), handlers={"CheckReadiness": die}) as night:
        wave = a_wave("db", "db01", test_waiver=WAIVED)
        night.run(replace(a_plan(wave), night=doors), Mode.CUTOVER)
        night.wait_for_wave()

        last = night.told("died")
        assert last["subject"] == "[SIMULATED] demo cutover: died (ABORTED), nobody serves users"
        assert last["production"] == {"holder": "nobody", "since": CLOSED.closed}
        assert night.evidence()["production"][-1] == {"holder": "nobody", "since": CLOSED.closed, "until": None}
        assert night.evidence()["night"]["closed"] == CLOSED.closed


def test_the_service_out_of_reach_after_the_launch_leaves_unknown_what_was_not_seen() -> None:
    away = [{"on": "GET /projects/*/jobs/*", "after": "3m", "status": 503}]
    with a_night(a_world({"db01": {}, "web01": {}}, faults=away)) as night:
        night.run(a_plan(a_wave("db", "db01"), a_wave("web", "web01", on_failure=OnFailure.CONTINUE)))

        assert night.outcome() == "Failed"
        assert night.statuses() == {"db01": "unknown", "web01": "not_started"}
        assert "ServiceUnavailable" in night.findings("db01")
        assert night.launches() == 1


def test_a_launch_that_always_dies_before_it_is_sent_is_not_tried_for_ever() -> None:
    with a_night(a_world({"db01": {}}), handlers={"LaunchTargets": crash}) as night:
        night.run(a_plan())

        assert night.wave_states().count("LaunchTargets") == 40
        assert "40 times" in last_find_reason(night)
        assert "Bug: a list index is out of range" in night.findings("db01")


def last_find_reason(night: Night) -> str:
    wave = str(night.store.wave(night.run_id, 1).execution)
    outputs = [
        event["stateExitedEventDetails"]["output"]
        for event in night.workflows.history(wave)
        if event.get("stateExitedEventDetails", {}).get("name") == "FindLaunch"
    ]
    return str(outputs[-1])
