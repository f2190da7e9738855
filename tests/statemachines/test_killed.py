"""Killed at any point and started again, a run ends as if nothing had happened: each wave launched once."""

from __future__ import annotations

from typing import Any

import pytest

from cutover.plan import Mode, PollBounds
from cutover.records import RunStatus
from tests.statemachines.interpreter import Handler, load_handlers
from tests.statemachines.night import Night, a_night, a_plan, a_wave, a_world

HANDLERS = load_handlers()
ELSEWHERE = {"Start", "TellDeadRun", "FindLaunch", "WatchLateTargets", "Probe", "Wake"}
MESSENGERS = {"NotifySns", "NotifySlack", "WriteSlack", "Invite", "Decide"}
WATCHES = {"WatchReplication", "PublishChanges"}
"""Reached by no run."""
AT_NIGHT = {"Ask", "CarryOutSteps", "CheckPlan", "Hold", "ProveZeroLoss", "StopTargets", "WatchSilence"}
"""Killed in test_whole_night.py."""
WITH_EVENTS = {"AwaitEvent"}
"""Killed in test_waiting_for_events.py."""
ON_THE_WAY = sorted(set(HANDLERS) - ELSEWHERE - MESSENGERS - AT_NIGHT - WITH_EVENTS - WATCHES - {"CleanUp", "Finalize"})
"""The functions that an ordinary run calls."""


class Killed(Exception):
    """The execution was stopped under the function's feet."""


class Killer:
    """Kills a run's executions when a function is called for the nth time, before or after its work, once."""

    def __init__(self, function: str, number: int, *, after: bool) -> None:
        self.function, self.number, self.after = function, number, after
        self.calls = 0
        self.night: Night

    @property
    def handlers(self) -> dict[str, Handler]:
        return {self.function: self}

    def __call__(self, event: dict[str, Any]) -> Any:
        self.calls += 1
        if self.calls != self.number:
            return HANDLERS[self.function](event)
        answer = HANDLERS[self.function](event) if self.after else None
        self.night.kill()
        if not self.after:
            raise Killed
        return answer


def two_waves() -> Any:
    seldom = PollBounds(minimum=240, maximum=900)
    return a_plan(a_wave("db", "db01", "db02", poll=seldom), a_wave("web", "web01", poll=seldom))


def a_tested_world() -> dict[str, Any]:
    return a_world({name: {"tested": "9d"} for name in ("db01", "db02", "web01")})


@pytest.mark.parametrize(
    ("after", "noticed"),
    [(False, True), (True, False)],
    ids=["before its work, told dead first", "after its work, not noticed"],
)
@pytest.mark.parametrize("function", ON_THE_WAY)
def test_a_run_killed_in_any_function_and_started_again_ends_as_if_nothing_had_happened(
    function: str, after: bool, noticed: bool
) -> None:
    killer = Killer(function, 1, after=after)
    with a_night(a_tested_world(), handlers=killer.handlers) as night:
        killer.night = night
        plan = two_waves()
        night.verified_before(plan, "db01", "db02", "web01")
        night.run(plan, Mode.CUTOVER)
        night.wait_for_wave()
        run_id = night.run_id
        if noticed:
            night.tell_if_dead()
        closed = night.store.run(run_id).outcome is not None and not night.store.run(run_id).interrupted
        if not closed:
            night.run(plan, Mode.CUTOVER)
        night.tell_if_dead()

        assert closed == (function == "CloseRun" and after), "once it is closed, only the telling is left"
        assert night.run_id == run_id, "the same run goes on"
        assert night.store.run(run_id).told
        assert set(night.statuses().values()) == {"verified"}
        assert night.outcome() == "CutOver"
        assert night.simulator.launches() == {"db01": 1, "db02": 1, "web01": 1}
        assert night.launches() == 2, "one for each wave"
        assert night.store.run(run_id).attempt == (1 if closed else 2)
        assert night.store.run(run_id).status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("function", ["FollowJob", "VerifyTargets"])
def test_a_run_killed_while_its_job_is_open_follows_it_on(function: str, number: int) -> None:
    killer = Killer(function, number, after=True)
    with a_night(a_tested_world(), handlers=killer.handlers) as night:
        killer.night = night
        night.run(two_waves())
        night.wait_for_wave()
        night.run(two_waves())

        assert set(night.statuses().values()) == {"verified"}
        assert night.simulator.launches() == {"db01": 1, "db02": 1, "web01": 1}
        assert [each["news"] for each in night.news()].count("launched") == 2, "no launch is told twice"


@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "not accepted"])
def test_a_run_killed_while_a_launch_is_unclear_finds_it_first(accepted: bool) -> None:
    lost = [{"on": "POST /projects/*/launchMachines", "nth": 1, "drop": True, "accepted": accepted}]
    killer = Killer("LaunchTargets", 1, after=False)

    def unclear(event: dict[str, Any]) -> Any:
        killer.calls += 1
        try:
            return HANDLERS["LaunchTargets"](event)
        finally:
            if killer.calls == 1:
                night.kill()

    with a_night(a_world({"db01": {}}, faults=lost), handlers={"LaunchTargets": unclear}) as night:
        night.run(a_plan())
        night.wait_for_wave()
        night.run(a_plan())

        assert night.statuses() == {"db01": "verified"}
        assert night.simulator.launches() == {"db01": 1}
        assert night.launches() == (1 if accepted else 2)


def test_what_is_left_of_a_dead_attempt_touches_nothing_once_the_run_has_gone_on() -> None:
    """The function that was at work when its execution was killed goes on, and ends its work after the next attempt
    has begun; the wave's execution, which nobody stopped, asks for the next function."""

    def goes_on(event: dict[str, Any]) -> Any:
        if not killed:
            killed.append(event["execution"])
            night.workflows.stop(event["execution"])  # the parent alone: the wave's execution lives on
            night.workflows.wait(event["execution"])
            night.start(a_plan(), Mode.TEST)
            night.workflows.wait(night.execution)
        return HANDLERS["LaunchTargets"](event)

    killed: list[str] = []
    with a_night(a_world({"db01": {}}), handlers={"LaunchTargets": goes_on}) as night:
        night.run(a_plan())
        night.wait_for_wave()

        assert killed[0].endswith("-1")
        assert night.store.run(night.run_id).attempt == 2
        assert night.statuses() == {"db01": "verified"}
        assert night.simulator.launches() == {"db01": 1}
        assert night.launches() == 1
        waves = night.workflows.ended(night.workflows.wave)
        assert sorted(each.get("error", "") for each in waves) == ["", "RunDisputed"]


def test_a_run_that_was_closed_by_its_own_decision_does_not_go_on() -> None:
    with a_night(a_world({"db01": {"launch": {"target": "missing"}}})) as night:
        night.run(a_plan(a_wave("db", "db01", verify_deadline=60)))
        first = night.run_id
        night.simulator.advance(60)
        night.start(a_plan(a_wave("db", "db01", verify_deadline=60)), Mode.TEST)
        night.workflows.wait(night.execution)

        assert night.run_id != first


def test_an_interrupted_run_that_was_aborted_does_not_go_on() -> None:
    killer = Killer("CheckReadiness", 1, after=True)
    with a_night(a_world({"db01": {}}), handlers=killer.handlers) as night:
        killer.night = night
        night.run(a_plan())
        night.wait_for_wave()
        night.tell_if_dead()
        night.abort()
        first = night.run_id
        night.simulator.advance(60)
        night.run(a_plan())

        assert night.run_id != first
        assert night.statuses() == {"db01": "verified"}
