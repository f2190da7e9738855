"""What comes after a run, through its functions; and a launch that somebody makes by hand, observed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from cutover.cleanup import LOOKS_AFTER
from cutover.clients import table
from cutover.locks import Locks, machine_lock
from cutover.night_records import Holder
from cutover.plan import Mode
from cutover.records import Outcome, RunRecord
from tests.statemachines.interpreter import REGION
from tests.statemachines.night import TABLE, WAIVED, Night, a_night, a_plan, a_wave, a_world

SCHEDULER = {
    "CUTOVER_SCHEDULE_GROUP": "cutover",
    "CUTOVER_SCHEDULER_ROLE": "arn:aws:iam::123456789012:role/scheduler",
    "CUTOVER_CLEAN_UP": f"arn:aws:lambda:{REGION}:123456789012:function:clean-up",
    "CUTOVER_UNDELIVERED": f"arn:aws:sqs:{REGION}:123456789012:late",
}


def call(night: Night, function: str, **more: str) -> dict[str, Any]:
    return dict(night.workflows.invoke(function, {"run": night.run_id, "by": "lead@example.com", **more}))


def state(night: Night, instance: str) -> str:
    seen = night.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return seen["State"]["Name"]


def test_test_targets_go_at_their_time_or_when_asked_but_not_the_one_that_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in SCHEDULER.items():
        monkeypatch.setenv(name, value)
    plan = replace(a_plan(a_wave("db", "db01", "db02", "db03")), test_ttl=6 * 86400)
    with a_night(a_world({"db01": {}, "db02": {}, "db03": {}})) as night:
        scheduler = boto3.client("scheduler", REGION)
        scheduler.create_schedule_group(Name="cutover")
        night.run(plan)
        targets = {name: night.target_of(name) for name in ("db01", "db02", "db03")}

        names = [each["Name"] for each in scheduler.list_schedules(GroupName="cutover")["Schedules"]]
        assert len(names) == len(LOOKS_AFTER)
        first = scheduler.get_schedule(GroupName="cutover", Name=min(names))
        due = str(night.store.run(night.run_id).clean_up_at)
        assert first["ScheduleExpression"] == f"at({due.removesuffix('Z')})"
        assert (first["ActionAfterCompletion"], first["Target"]["Arn"]) == ("DELETE", SCHEDULER["CUTOVER_CLEAN_UP"])
        assert json.loads(first["Target"]["Input"])["run"] == night.run_id

        night.ec2.create_tags(Resources=[targets["db02"]], Tags=[{"Key": "keep", "Value": "true"}])
        night.launch_by_hand("db03")  # somebody is at work in the project, and replaces the third one
        busy = call(night, "CleanUp")
        assert busy["verdict"] == "wait"
        assert "not yet" in busy["reason"]
        night.simulator.advance(3600)
        asked = call(night, "CleanUp")
        assert {each["label"]: each["fate"] for each in asked["machines"]} == {
            "db01": "going",
            "db02": "stays",
            "db03": "gone",
        }
        again = call(night, "CleanUp")
        assert (again["verdict"], night.asked()["DELETE replicas"]) == ("wait", 2), "asked for once while it goes on"
        night.simulator.advance(600)
        done = call(night, "CleanUp")

        assert done["verdict"] == "done"
        assert {name: state(night, each) for name, each in targets.items()} == {
            "db01": "terminated",
            "db02": "running",
            "db03": "terminated",
        }
        assert state(night, night.target_of("db03")) == "running"
        assert json.loads(night.file("cleanup.json"))["done"]
        assert call(night, "CleanUp")["verdict"] == "done"
        assert night.asked()["DELETE replicas"] == 2


def test_a_committed_cutover_is_finalized_by_who_names_the_plan() -> None:
    with a_night(a_world({"db01": {}, "db02": {}})) as night:
        night.run(a_plan(a_wave("db", "db01", "db02")))
        targets = [night.target_of(name) for name in ("db01", "db02")]
        # The cutover itself is another story: as its night leaves it.
        night.store.update_run(night.run_id, mode=Mode.CUTOVER, outcome=Outcome.CUT_OVER)
        early = call(night, "Finalize", confirm="demo")
        record = night.store.night(night.run_id)
        committed = record.but(committed="2026-12-09T10:00:00Z", holder=Holder.TARGET, since="2026-12-05T22:00:00Z")
        night.store.write_night(night.run_id, committed)
        night.ec2.modify_instance_attribute(InstanceId=targets[0], DisableApiTermination={"Value": True})

        unconfirmed = call(night, "Finalize", confirm="shop")
        other = RunRecord("demo-cutover-2", "demo", "ab", Mode.CUTOVER, 1, None, "2026-12-01T00:00:00Z")
        night.store.claim(other.but(lease="2026-12-31T00:00:00Z"))
        locks = Locks(table(TABLE), other.id)
        lock = machine_lock("cloudendure", night.machine_id("db01"))
        assert locks.take([lock], "2026-12-01T00:00:00Z") == {}
        held = call(night, "Finalize", confirm="demo")
        locks.give_up([lock])
        done = call(night, "Finalize", confirm="demo")

        assert [each["field"] for each in held["machines"][0]["findings"]] == ["lock"]
        assert [each["verdict"] for each in (early, unconfirmed, done)] == ["refused", "refused", "done"]
        assert {each["label"]: each["fate"] for each in done["machines"]} == {"db01": "gone", "db02": "stays"}
        assert "a full initial sync" in done["reason"]
        assert night.asked()["DELETE machines"] == 1
        assert [state(night, each) for each in targets] == ["running", "running"]
        left = json.loads(night.file("finalize.json"))
        assert (left["by"], left["machines"][1]["findings"][0]["field"]) == ("lead@example.com", "protection")
        again = call(night, "Finalize", confirm="demo")
        assert (again["verdict"], night.asked()["DELETE machines"]) == ("done", 1)


def test_a_launch_made_by_hand_is_found_followed_verified_and_tagged_and_nothing_is_launched() -> None:
    """The second wave's machine is launched first; the first wave waits until somebody presses its button, too."""
    plan = a_plan(a_wave("db", "db01", "db02", test_waiver=WAIVED), a_wave("web", "web01"))
    clicked: list[float] = []

    def waited(simulator: Any, seconds: float) -> None:
        simulator.advance(seconds)
        if not clicked:
            clicked.append(seconds)
            night.launch_by_hand("db01", "db02", "web01")

    with a_night(a_world({"db01": {"tested": "9d"}, "db02": {}, "web01": {}}), waited=waited) as night:
        before = night.target_of("db01")
        with patch.object(night.workflows, "invoke", _observing(night.workflows.invoke)):
            ended = night.run(plan)

        assert ended["status"] == "SUCCEEDED", ended
        assert night.run_id.startswith("demo-test-observe-")
        assert night.outcome() == "Tested"
        assert night.statuses() == {"db01": "verified", "db02": "verified", "web01": "verified"}
        assert night.launches() == 0
        assert not {each for each in night.asked() if each.split(" ")[0] not in ("GET", "POST")}
        assert {"ConfigureTargets", "LaunchTargets"}.isdisjoint(night.wave_states(1))
        assert night.wave_states(1).count("WaitForReplication") == 1
        assert night.machine("db01")["target"]["instance_id"] == night.target_of("db01") != before
        seen = night.ec2.describe_instances(InstanceIds=[night.target_of("db01")])["Reservations"][0]["Instances"][0]
        assert {"Key": "cutover:run", "Value": night.run_id} in seen["Tags"]
        assert night.store.launches(night.run_id, 1)[0].reason.startswith("launched by hand")
        assert {each.source for each in night.store.proofs("demo").values()} == {"observed"}
        assert [each["field"] for each in night.evidence()["run"]["findings"]] == ["observe"]
        assert call(night, "CleanUp")["verdict"] == "refused"
        told = night.news()
        assert [each["news"] for each in told] == ["started", "waiting", "launched", "launched", "ended"]
        assert all("This run launches, stops and moves nothing" in each["text"] for each in told)
        assert told[2]["subject"].endswith("wave db was launched by hand")


def _observing(invoke: Any) -> Any:
    """`start` is asked for a run that observes."""

    def observe(function: str, event: dict[str, Any]) -> Any:
        return invoke(function, {**event, "observe": True} if function == "Start" else event)

    return observe
