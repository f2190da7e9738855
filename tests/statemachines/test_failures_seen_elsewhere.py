"""Failures that other tools are known for and that no other test shows here: see docs/failures.md."""

from __future__ import annotations

from cutover.plan import Expectation, OnDifference
from tests.statemachines.night import Night, a_night, a_plan, a_wave, a_world


def clean_up_by_hand(night: Night, name: str) -> None:
    """Somebody deletes a machine's target in the console: a job like any other."""
    (project,) = night.simulator.world.projects.values()
    target = project.machines[night.machine_id(name)].target
    assert target is not None
    night.simulator.world.clean_up(project, [target], "operator@example.com")


def test_a_launch_waits_for_the_clean_up_that_another_machines_target_is_under() -> None:
    with a_night(a_world({"db01": {}, "old": {"tested": "9d"}})) as night:
        clean_up_by_hand(night, "old")
        night.run(a_plan(a_wave("db", "db01")))

        assert night.statuses() == {"db01": "verified"}
        assert night.launches() == 1, "and was not sent into a refusal"
        (waited,) = [each for each in night.news() if each["news"] == "waiting"]
        assert "the project Demo is busy: job" in waited["text"]


def test_a_machine_that_has_no_name_or_nothing_at_all_disturbs_no_other() -> None:
    nameless = {"answer": {"set": {"sourceProperties.name": None}}}
    bare = {"answer": {"omit": ["sourceProperties", "replicationInfo", "lifeCycle", "license"]}}
    with a_night(a_world({"db01": {}, "nameless": nameless, "bare": bare})) as night:
        night.run(a_plan(a_wave("db", "db01", "nameless", machine_rules={"nameless": {"optional": True}})))

        assert night.statuses() == {"db01": "verified", "nameless": "refused"}
        assert night.outcome() == "Tested"
        assert night.simulator.launches() == {"db01": 1}
        assert "no machine with name nameless" in night.findings("nameless")


def test_every_job_of_a_run_is_followed_to_its_end_and_named() -> None:
    with a_night(a_world({"db01": {}, "web01": {}, "app01": {}})) as night:
        night.run(a_plan(a_wave("db", "db01"), a_wave("web", "web01"), a_wave("app", "app01")))

        jobs = [job for wave in night.evidence()["waves"] for job in wave["jobs"]]
        (project,) = night.simulator.world.projects.values()
        assert [job["id"] for job in jobs] == [job.id for job in project.jobs]
        assert [job["status"] for job in jobs] == ["COMPLETED"] * 3
        assert len({job["id"] for job in jobs}) == 3


def test_nothing_of_the_service_is_changed_but_launches_and_the_blueprints_that_the_plan_corrects() -> None:
    """Another key or staging network in the replication settings would have it copy everything again."""
    expect = Expectation(instance_type="m5.large")
    wave = a_wave("db", "db01", expect=expect, launch_configuration=OnDifference.CORRECT)
    with a_night(a_world({"db01": {"instance_type": "t3.large"}})) as night:
        night.run(a_plan(wave))

        assert night.statuses() == {"db01": "verified"}
        changing = {operation for operation in night.asked() if not operation.startswith("GET ")}
        assert changing == {"POST login", "PATCH blueprints/{id}", "POST launchMachines"}
