"""A job past its deadline is unknown, not failed; what comes of it later is caught, stopped and told."""

from __future__ import annotations

from typing import Any

from cutover.plan import Mode
from tests.statemachines.night import Night, a_night, a_plan, a_wave, a_world

SLOW = {"jobs": {"number": 1, "conversion": "90m"}}
"""The first job's conversions take longer than the plan gives the job."""


def instance(night: Night, id_: str) -> dict[str, Any]:
    return dict(night.ec2.describe_instances(InstanceIds=[id_])["Reservations"][0]["Instances"][0])


def test_a_target_that_comes_after_its_jobs_deadline_is_stopped_tagged_and_told() -> None:
    with a_night(a_world({"db01": {}}, project=SLOW)) as night:
        night.run(a_plan(), Mode.TEST)

        assert night.outcome() == "Failed"
        assert night.statuses() == {"db01": "unknown"}, "and stays so: it was not verified"
        late = instance(night, night.target_of("db01"))
        assert late["State"]["Name"] in ("stopping", "stopped")
        assert {"Key": "cutover:isolated", "Value": night.run_id} in late["Tags"]
        assert late["InstanceId"] in night.findings("db01")
        news = night.news()
        assert [each["news"] for each in news] == ["started", "launched", "ended", "late"]
        assert late["InstanceId"] in news[-1]["text"]
        assert "Production: SOURCE" in news[-1]["text"]
        assert night.machine("db01")["target"]["instance_id"] == late["InstanceId"]


def test_a_target_that_comes_long_after_its_job_has_ended_is_stopped() -> None:
    with a_night(a_world({"db01": {"launch": {"late": "50m"}}})) as night:
        night.run(a_plan())

        assert night.statuses() == {"db01": "failed"}
        assert instance(night, night.target_of("db01"))["State"]["Name"] in ("stopping", "stopped")
        assert "late_target" in night.findings("db01")


def test_a_target_that_somebody_else_launches_meanwhile_is_told_and_left_alone() -> None:
    def pass_time(simulator: Any, seconds: float) -> None:
        simulator.advance(seconds)
        if night.outcome_if_any() == "Failed" and not by_hand:
            by_hand.append("db01")
            night.launch_by_hand("db01")

    by_hand: list[str] = []
    with a_night(a_world({"db01": {"launch": {"number": 1, "target": "missing"}}}), waited=pass_time) as night:
        night.run(a_plan(a_wave("db", "db01", verify_deadline=60)))

        theirs = night.target_of("db01")
        assert instance(night, theirs)["State"]["Name"] == "running"
        assert "does not say that this run's job made it" in night.findings("db01")
        assert theirs in night.findings("db01")


def test_a_job_that_never_ends_is_watched_for_half_a_day_and_then_a_person_is_called() -> None:
    with a_night(a_world({"db01": {}}, project={"jobs": {"hangs": True}})) as night:
        night.run(a_plan())

        assert night.outcome() == "Failed"
        assert 12.9 < night.hours() < 13.6
        news = night.news()
        assert [each["news"] for each in news][-2:] == ["ended", "late"]
        assert "nobody watches it any more" in news[-1]["text"]
        assert night.states().count("WatchLateTargets") < 60


def test_a_launch_that_nobody_could_find_is_adopted_when_its_job_shows_at_last() -> None:
    """The answer is lost, and the service refuses to list its jobs when the launch is looked for."""
    lost = [
        {"on": "POST /projects/*/launchMachines", "nth": 1, "drop": True, "accepted": True},
        {"on": "GET /projects/*/jobs", "nth": 3, "status": 403},
    ]
    with a_night(a_world({"db01": {}}, faults=lost)) as night:
        night.run(a_plan())

        assert night.statuses() == {"db01": "unknown"}
        assert night.simulator.launches() == {"db01": 1}
        assert [launch.state for launch in night.store.launches(night.run_id, 1)] == ["accepted"]
        assert instance(night, night.target_of("db01"))["State"]["Name"] in ("stopping", "stopped")


def test_a_watch_that_breaks_off_says_that_nobody_watches_any_more() -> None:
    def crash(event: dict[str, Any]) -> Any:
        raise IndexError("list index out of range")

    hangs = a_world({"db01": {}}, project={"jobs": {"hangs": True}})
    with a_night(hangs, handlers={"WatchLateTargets": crash}) as night:
        ended = night.run(a_plan())

        assert ended["status"] == "FAILED"
        assert night.outcome() == "Failed"
        assert "nobody watches it any more" in night.told("late")["text"]
