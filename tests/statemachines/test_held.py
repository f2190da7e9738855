"""Two runs at once: a machine is in one of them, a project is launched in by one after the other."""

from __future__ import annotations

from typing import Any

from cutover.plan import Mode
from tests.statemachines.interpreter import load_handlers
from tests.statemachines.night import Night, a_night, a_plan, a_wave, a_world


def started(night: Night, plan: Any) -> tuple[str, str]:
    """Start a run beside the night's own: its id, and its execution."""
    mine = night.run_id, night.execution
    night.start(plan, Mode.TEST)
    other = night.run_id, night.execution
    night.run_id, night.execution = mine
    return other


def test_two_runs_for_one_project_take_turns_and_both_end_verified() -> None:
    def follow(event: dict[str, Any]) -> Any:
        if not others and event["run"].startswith("demo-"):
            others.append(started(night, second))
            while not any(name == "LaunchTargets" and "other" in each["run"] for name, each in night.workflows.calls):
                night.simulator.tick()
        return handlers["FollowJob"](event)

    others: list[tuple[str, str]] = []
    handlers = load_handlers()
    second = a_plan(a_wave("web", "web01"), name="other")
    with a_night(a_world({"db01": {}, "web01": {}}), handlers={"FollowJob": follow}) as night:
        night.run(a_plan(a_wave("db", "db01")))
        assert night.statuses() == {"db01": "verified"}
        first = night.run_id
        night.run_id, night.execution = others[0]
        night.workflows.wait(night.execution)

        assert night.statuses() == {"web01": "verified"}
        assert night.simulator.launches() == {"db01": 1, "web01": 1}
        waited = [each["text"] for each in night.news() if each["news"] == "waiting" and each["plan"] == "other"]
        assert len(waited) == 1
        assert f"run {first} launches in it" in waited[0]


def test_a_machine_that_another_run_has_is_refused_and_that_run_is_named() -> None:
    def follow(event: dict[str, Any]) -> Any:
        if not others:
            others.append(started(night, second))
            night.workflows.wait(others[0][1])
        return handlers["FollowJob"](event)

    others: list[tuple[str, str]] = []
    handlers = load_handlers()
    second = a_plan(a_wave("both", "db01", "web01"), name="other")
    with a_night(a_world({"db01": {}, "web01": {}}), handlers={"FollowJob": follow}) as night:
        night.run(a_plan(a_wave("db", "db01")))
        first = night.run_id
        assert night.statuses() == {"db01": "verified"}
        night.run_id = others[0][0]

        assert night.statuses() == {"db01": "refused", "web01": "not_started"}
        assert f"db01 is in run {first}" in night.findings("db01")
        assert night.simulator.launches() == {"db01": 1}
        night.simulator.advance(60)
        night.run(second)
        assert night.statuses() == {"db01": "verified", "web01": "verified"}, "a run that has ended holds nothing"


def test_a_run_whose_lease_ran_out_and_whose_machine_was_taken_over_launches_nothing() -> None:
    def launch(event: dict[str, Any]) -> Any:
        if not others and event["run"].startswith("demo-"):
            night.store.update_run(event["run"], lease="2026-11-28T08:00:00Z")
            others.append(started(night, second))
            night.workflows.wait(others[0][1])
        return handlers["LaunchTargets"](event)

    others: list[tuple[str, str]] = []
    handlers = load_handlers()
    second = a_plan(a_wave("db", "db01"), name="other")
    with a_night(a_world({"db01": {}}), handlers={"LaunchTargets": launch}) as night:
        night.run(a_plan(a_wave("db", "db01")))

        assert night.statuses() == {"db01": "refused"}
        assert f"taken over by run {others[0][0]}" in night.findings("db01")
        assert night.simulator.launches() == {"db01": 1}
        night.run_id = others[0][0]
        assert night.statuses() == {"db01": "verified"}


def test_a_run_keeps_its_locks_while_its_job_hangs_and_nothing_is_launched_over_it() -> None:
    def watch(event: dict[str, Any]) -> Any:
        if not others:
            others.append(started(night, second))
            night.workflows.wait(others[0][1])
        return handlers["WatchLateTargets"](event)

    others: list[tuple[str, str]] = []
    handlers = load_handlers()
    second = a_plan(a_wave("db", "db01"), name="other")
    world = a_world({"db01": {}}, project={"jobs": {"number": 1, "hangs": True}})
    with a_night(world, handlers={"WatchLateTargets": watch}) as night:
        night.run(a_plan(a_wave("db", "db01")))

        assert night.statuses() == {"db01": "unknown"}
        assert night.simulator.launches() == {"db01": 1}
        first, night.run_id = night.run_id, others[0][0]
        assert night.statuses() == {"db01": "refused"}
        assert f"db01 is in run {first}" in night.findings("db01")


def test_aborted_during_its_first_wave_a_run_follows_it_to_its_end_and_launches_no_other() -> None:
    def follow(event: dict[str, Any]) -> Any:
        if not night.store.run(event["run"]).aborted:
            night.run_id = event["run"]
            night.abort()
        return handlers["FollowJob"](event)

    handlers = load_handlers()
    with a_night(a_world({"db01": {}, "web01": {}}), handlers={"FollowJob": follow}) as night:
        ended = night.run(a_plan(a_wave("db", "db01"), a_wave("web", "web01")))

        assert ended["status"] == "SUCCEEDED"
        assert night.states()[-1] == "Aborted"
        assert night.outcome() == "Aborted"
        assert night.statuses() == {"db01": "verified", "web01": "aborted"}
        assert night.simulator.launches() == {"db01": 1}
        assert "aborted by lead@example.com" in night.findings("web01")
        assert "not tonight" in night.told()["text"]
        assert "db01: verified" in night.told()["text"], "what was done before is said"


def test_aborted_between_the_look_and_the_launch_nothing_is_launched() -> None:
    """The mark is a condition of the launch's own write: here it comes after the function has looked at the run."""

    def launch(event: dict[str, Any]) -> Any:
        with night.after_next("GET jobs", night.abort):
            return handlers["LaunchTargets"](event)

    handlers = load_handlers()
    with a_night(a_world({"db01": {}}), handlers={"LaunchTargets": launch}) as night:
        night.start(a_plan(), Mode.TEST)
        night.workflows.wait(night.execution)

        assert night.outcome() == "Aborted"
        assert night.statuses() == {"db01": "aborted"}
        assert night.launches() == 0


def test_aborted_while_it_waits_a_run_ends_at_the_next_look() -> None:
    def look(event: dict[str, Any]) -> Any:
        answer = handlers["CheckReadiness"](event)
        night.run_id = event["run"]
        night.abort()
        return answer

    handlers = load_handlers()
    paused = {"replication": {"state": "paused"}}
    with a_night(a_world({"db01": paused}), handlers={"CheckReadiness": look}) as night:
        night.run(a_plan())

        assert night.outcome() == "Aborted"
        assert night.wave_states().count("CheckReadiness") == 2
        assert night.launches() == 0
