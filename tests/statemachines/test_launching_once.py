"""Whatever is lost, repeated or contested around a launch: it is sent once, or once more when it is proved absent."""

from __future__ import annotations

from typing import Any

import pytest

from cutover.errors import RunDisputed
from cutover.instants import text
from cutover.locks import Locks, project_lock
from cutover.plan import Mode
from cutover.records import LaunchRecord, LaunchState, RunRecord, RunStatus
from cutover.store_waves import Intent
from tests.statemachines.interpreter import Handler, load_handlers
from tests.statemachines.night import Night, a_night, a_plan, a_wave, a_world

LAUNCH = "POST /projects/*/launchMachines"


def ledger(night: Night) -> list[LaunchState]:
    return [launch.state for launch in night.store.launches(night.run_id, 1)]


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}, {"status": 429}, {"status": 500}, {"status": 408}])
def test_a_launch_whose_answer_is_lost_is_found_and_never_sent_again(fault: dict[str, Any]) -> None:
    with a_night(a_world({"db01": {}, "db02": {}}, faults=[{"on": LAUNCH, "accepted": True, **fault}])) as night:
        night.run(a_plan(a_wave("db", "db01", "db02")))

        assert night.statuses() == {"db01": "verified", "db02": "verified"}
        assert night.launches() == 1
        assert ledger(night) == [LaunchState.ACCEPTED]
        assert "FindLaunch" in night.wave_states()
        assert [news["news"] for news in night.news()] == ["started", "launched", "ended"]


def test_a_launch_whose_job_is_listed_late_is_waited_for_and_never_sent_again() -> None:
    """Its answer is lost, and for more than a minute nothing shows that it was accepted."""
    late = {"jobs": {"listed": "80s"}}
    faults = [{"on": LAUNCH, "nth": 1, "drop": True, "accepted": True}]
    with a_night(a_world({"db01": {}}, project=late, faults=faults)) as night:
        night.run(a_plan())

        assert night.statuses() == {"db01": "verified"}
        assert night.launches() == 1
        assert ledger(night) == [LaunchState.ACCEPTED]


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}])
def test_a_launch_lost_before_it_was_accepted_is_proved_absent_and_sent_once_more(fault: dict[str, Any]) -> None:
    with a_night(a_world({"db01": {}}, faults=[{"on": LAUNCH, "nth": 1, **fault}])) as night:
        night.run(a_plan())

        assert night.statuses() == {"db01": "verified"}
        assert night.launches() == 2
        assert night.simulator.launches() == {"db01": 1}
        assert ledger(night) == [LaunchState.ABSENT, LaunchState.ACCEPTED]
        first, second = night.store.launches(night.run_id, 1)
        assert first.clean_looks >= 2
        assert second.intended > first.intended


@pytest.mark.parametrize("state", [LaunchState.INTENDED, LaunchState.SENT])
def test_an_attempt_that_another_invocation_left_open_is_looked_for_first(state: LaunchState) -> None:
    def after_another(event: dict[str, Any]) -> Any:
        now = text(night.simulator.clock.now())
        machines = (night.machine_id("db01"),)
        locks = Locks(night.store._table, event["run"])
        lock = project_lock("cloudendure", "Demo")
        locks.take([lock], now)
        launch = LaunchRecord(1, state, Mode.TEST, machines, intended=now, sent=now, fence=locks.fence(lock))
        assert night.store.intend(night.store.run(event["run"]), 1, launch, lock, now) in (Intent.WRITTEN, Intent.TAKEN)
        return handlers["LaunchTargets"](event)

    handlers = load_handlers()
    with a_night(a_world({"db01": {}}), handlers={"LaunchTargets": after_another}) as night:
        night.run(a_plan())

        states = night.wave_states()
        first = states.index("LaunchTargets")
        assert states[first : first + 3] == ["LaunchTargets", "LetLaunchSettle", "FindLaunch"]
        assert night.statuses() == {"db01": "verified"}
        assert night.launches() == 1
        assert ledger(night) == [LaunchState.ABSENT, LaunchState.ACCEPTED]


def test_a_launch_that_is_lost_every_time_is_given_up_with_nothing_launched() -> None:
    with a_night(a_world({"db01": {}}, faults=[{"on": LAUNCH, "drop": True}])) as night:
        night.run(a_plan())

        assert night.outcome() == "Failed"
        assert night.statuses() == {"db01": "not_started"}
        assert night.launches() == 3
        assert night.simulator.launches() == {}
        assert set(ledger(night)) == {LaunchState.ABSENT}


def test_a_launch_refused_for_its_licence_is_refused_with_the_services_words() -> None:
    with a_night(a_world({"db01": {}}, project={"license_expired": True})) as night:
        night.run(a_plan())

        assert night.outcome() == "Refused"
        assert night.statuses() == {"db01": "refused"}
        assert "Project license has expired" in night.news()[-1]["text"]
        assert night.launches() == 1
        assert ledger(night) == [LaunchState.REFUSED]


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_refusal_of_a_launch_that_was_accepted_all_the_same_is_not_believed(status: int) -> None:
    with a_night(a_world({"db01": {}}, faults=[{"on": LAUNCH, "status": status, "accepted": True}])) as night:
        night.run(a_plan())

        assert night.statuses() == {"db01": "verified"}
        assert night.launches() == 1
        assert ledger(night) == [LaunchState.ACCEPTED]


def test_a_project_that_becomes_busy_in_the_last_moment_is_waited_for() -> None:
    def meanwhile(event: dict[str, Any]) -> Any:
        if not night.simulator.launches():
            with night.after_next("GET jobs", lambda: night.launch_by_hand("other")):
                return handlers["LaunchTargets"](event)
        return handlers["LaunchTargets"](event)

    handlers = load_handlers()
    with a_night(a_world({"db01": {}, "other": {}}), handlers={"LaunchTargets": meanwhile}) as night:
        night.run(a_plan())

        assert night.statuses() == {"db01": "verified"}
        assert night.simulator.launches() == {"db01": 1, "other": 1}
        assert ledger(night) == [LaunchState.REFUSED, LaunchState.ACCEPTED]


def test_a_foreign_job_with_overlapping_machines_calls_a_person() -> None:
    def contested(event: dict[str, Any]) -> Any:
        with night.after_next("GET jobs", lambda: night.launch_by_hand("db01", "web01")):
            return handlers["LaunchTargets"](event)

    handlers = load_handlers()
    faults = [{"on": LAUNCH, "drop": True}]
    world = a_world({"db01": {}, "db02": {}, "web01": {}}, faults=faults)
    with a_night(world, handlers={"LaunchTargets": contested}) as night:
        night.run(a_plan(a_wave("db", "db01", "db02")))

        assert night.outcome() == "Failed"
        assert night.statuses() == {"db01": "unknown", "db02": "unknown"}
        assert night.launches() == 1
        assert "cannot be told to be this launch" in night.findings("db02")
        assert ledger(night) == [LaunchState.UNKNOWN]


def test_a_lambda_that_dies_after_its_launch_was_accepted_is_answered_by_looking() -> None:
    def dies(event: dict[str, Any]) -> Any:
        handlers["LaunchTargets"](event)
        raise MemoryError("killed")

    handlers = load_handlers()
    with a_night(a_world({"db01": {}}), handlers={"LaunchTargets": dies}) as night:
        night.run(a_plan())

        assert night.statuses() == {"db01": "verified"}
        assert night.launches() == 1


@pytest.mark.parametrize("mode", Mode)
def test_every_function_delivered_twice_is_harmless(mode: Mode) -> None:
    def twice(handler: Handler) -> Handler:
        def call(event: dict[str, Any]) -> Any:
            first = handler(event)
            again = handler(event)
            verdicts = {str(answer.get("verdict")) for answer in (first, again)}
            assert len(verdicts) == 1, (first, again)
            return again

        return call

    handlers = {name: twice(handler) for name, handler in load_handlers().items()}
    plan = a_plan(a_wave("db", "db01", "db02"), a_wave("web", "web01"))
    world = a_world({name: {"tested": "9d"} for name in ("db01", "db02", "web01")})
    with a_night(world, handlers=handlers) as night:
        night.verified_before(plan, "db01", "db02", "web01")
        night.run(plan, mode)

        assert set(night.statuses().values()) == {"verified"}
        assert night.launches() == 2


def test_closing_twice_says_nothing_twice() -> None:
    with a_night(a_world({"db01": {}, "db02": {"replication": {"state": "paused"}}})) as night:
        night.run(a_plan(a_wave("db", "db01", "db02", readiness_deadline=60)))
        before = night.evidence()
        for function in ("CloseWave", "CloseRun"):
            night.workflows.invoke(function, {"run": night.run_id, "wave": 1, "error": ""})

        after = night.evidence()
        assert after["waves"] == before["waves"]
        assert after["run"] == before["run"]


def test_a_run_requested_twice_is_one_run() -> None:
    with a_night(a_world({"db01": {}})) as night:
        night.start(a_plan(), Mode.TEST)
        first, execution = night.run_id, night.execution
        night.simulator.advance(5)
        night.start(a_plan(), Mode.TEST)

        assert (night.run_id, night.execution) == (first, execution)
        night.workflows.wait(night.execution)
        assert night.launches() == 1


def test_a_schedule_delivered_again_after_its_run_has_ended_starts_nothing_and_blocks_nothing() -> None:
    plan = a_plan()
    with a_night(a_world({"db01": {}})) as night:
        night.start(plan, Mode.TEST, "2026-11-28T09:00:00Z")
        first = {"run": night.run_id, "execution": night.execution}
        night.workflows.wait(night.execution)
        night.start(plan, Mode.TEST, "2026-11-28T09:00:00Z")
        assert {"run": night.run_id, "execution": night.execution} == first
        night.simulator.advance(3600)
        night.run(plan)

        assert night.run_id != first["run"]
        assert night.statuses() == {"db01": "verified"}
        assert night.launches() == 2


def test_an_execution_that_is_not_the_runs_own_touches_nothing() -> None:
    with a_night(a_world({"db01": {}})) as night:
        night.run(a_plan())
        before = night.evidence()
        again = night.workflows.start(night.workflows.plan, "by-hand", {"run": night.run_id})
        ended = night.workflows.wait(again)

        assert (ended["status"], ended["error"]) == ("FAILED", "RunDisputed")
        assert night.evidence() == before
        assert night.launches() == 1
        told = len(night.news())
        night.execution = again
        night.tell_if_dead()
        assert told == 3
        assert night.news() == []


def test_a_second_execution_beside_the_runs_own_touches_nothing() -> None:
    def beside(event: dict[str, Any]) -> Any:
        if not others:
            others.append(night.workflows.start(night.workflows.plan, "beside", {"run": event["run"]}))
            assert night.workflows.wait(others[0])["error"] == "RunDisputed"
        return handlers["NextPart"](event)

    others: list[str] = []
    handlers = load_handlers()
    with a_night(a_world({"db01": {}}), handlers={"NextPart": beside}) as night:
        night.run(a_plan())

        assert night.workflows.states(others[0]) == ["OpenRun", "NotThisExecution"]
        assert night.statuses() == {"db01": "verified"}
        assert night.launches() == 1


def test_a_plan_that_was_changed_is_not_answered_with_the_run_of_the_old_one() -> None:
    """The old one still runs: the request fails, is kept and seen, and nothing is started for either plan."""
    old, new = a_plan(a_wave("db", "db01", "db02")), a_plan(a_wave("db", "db01"))
    with a_night(a_world({"db01": {}, "db02": {}})) as night:
        night.store.write_plan(new)
        night.store.claim(RunRecord("demo-test-1", "demo", old.sha256, Mode.TEST, 1, None, "2026-11-28T09:00:00Z"))

        with pytest.raises(RunDisputed, match=f"{new.sha256} was asked for"):
            night.workflows.invoke("Start", {"plan": new.name, "sha256": new.sha256, "mode": "test"})

        assert night.launches() == 0


def test_a_run_that_ended_without_being_released_blocks_nobody() -> None:
    with a_night(a_world({"db01": {}})) as night:
        old = RunRecord("demo-test-1", "demo", a_plan().sha256, Mode.TEST, 1, None, "2026-11-28T09:00:00Z")
        night.store.claim(old)
        night.store.update_run(old.id, status=RunStatus.SUCCEEDED)

        night.run(a_plan())

        assert night.run_id != old.id
        assert night.outcome() == "Tested"


def test_a_service_whose_clocks_disagree_is_not_made_to_launch_twice() -> None:
    """The answer is lost, and the job's creation lies before the intent as the Date header had it."""
    lost = [{"on": "POST /projects/*/launchMachines", "nth": 1, "drop": True, "accepted": True}]
    early = {"omit": [], "set": {"creationDateTime": "2026-11-28T08:59:00.000000+00:00"}}
    with a_night(a_world({"db01": {}}, faults=lost, project={"jobs": [{"answer": early}]})) as night:
        night.run(a_plan())

        assert night.launches() == 1
        assert night.statuses() == {"db01": "verified"}
