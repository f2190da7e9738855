"""The command's half of AWS: plans, schedules, requests and runs, against moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.deployment import Deployment, NotAborted, NotDeployed
from cli.orders import abort
from cli.refusals import NoSuchRun
from cutover.monitor import WatchedPlan
from cutover.night_records import NightRecord
from cutover.plan import WHEN_READY, Mode
from cutover.planned_calendar import Calendar
from cutover.records import Outcome, Proof, RunRecord, RunStatus, as_planned
from cutover.store import Store
from tests.statemachines.night import a_plan, a_wave
from tests.unit import night_of as at

REGION = "eu-central-1"
OUTPUTS = {
    "TableName": "table",
    "BucketName": "bucket",
    "BusName": "default",
    "StartFunctionArn": f"arn:aws:lambda:{REGION}:123456789012:function:start",
    "SchedulerRoleArn": "arn:aws:iam::123456789012:role/scheduler",
    "ScheduleGroupName": "cutover",
    "ScheduleDeadLetterArn": f"arn:aws:sqs:{REGION}:123456789012:late",
}


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        client("dynamodb").create_table(
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )
        client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
        client("scheduler").create_schedule_group(Name="cutover")
        made = Deployment(client)
        made.__dict__["outputs"] = OUTPUTS
        yield made


def schedules() -> dict[str, dict[str, Any]]:
    listed = client("scheduler").list_schedules(GroupName="cutover")["Schedules"]
    return {each["Name"]: client("scheduler").get_schedule(GroupName="cutover", Name=each["Name"]) for each in listed}


def test_a_plan_is_stored_where_the_functions_read_it(deployment: Deployment) -> None:
    plan = a_plan(a_wave())

    deployment.put_plan(plan)

    store = Store.open("table", "bucket")
    assert store.plan(plan.name, plan.sha256) == plan


def test_a_test_that_starts_when_its_machines_are_ready_has_no_schedule(deployment: Deployment) -> None:
    plan = replace(a_plan(), schedule={Mode.TEST: WHEN_READY})
    deployment.put_schedules(replace(a_plan(), schedule={Mode.TEST: "2030-06-01T07:00:00Z"}))
    assert deployment.put_schedules(plan) == {}
    assert schedules() == {}


def test_a_plan_is_watched_as_the_monitor_reads_it_until_it_is_not(deployment: Deployment) -> None:
    store, plan = Store.open("table", "bucket"), a_plan()
    deployment.watch(plan)
    (entry,) = store.watched_plans()
    assert entry == WatchedPlan(plan.name, plan.sha256)
    assert store.ask_for_test(entry, "2030-06-01T07:00:00Z")
    deployment.watch(plan)  # the same again: nothing is forgotten
    assert [each.asked for each in store.watched_plans()] == ["2030-06-01T07:00:00Z"]
    other = replace(plan, test_ttl=1)
    deployment.watch(other)
    assert store.watched_plans() == [WatchedPlan(plan.name, other.sha256)]
    deployment.unwatch(plan.name)
    assert store.watched_plans() == []
    deployment.unwatch("nobody watches it")
    assert not store.ask_for_test(WatchedPlan(plan.name, other.sha256), "2030-06-01T07:00:00Z"), "a look under way"


def test_a_plan_that_is_scheduled_again_has_not_forgotten_that_its_test_was_requested(deployment: Deployment) -> None:
    store, plan = Store.open("table", "bucket"), a_plan()
    deployment.watch(plan)
    (entry,) = store.watched_plans()
    store.ask_for_test(entry, "2030-06-01T07:00:00Z")
    store.note_requested(entry)
    deployment.unwatch(plan.name)
    deployment.watch(plan)
    assert [(each.asked, each.requested) for each in store.watched_plans()] == [("2030-06-01T07:00:00Z", True)]
    deployment.forget_watching(plan.name)
    deployment.watch(plan)
    assert store.watched_plans() == [WatchedPlan(plan.name, plan.sha256)]


def test_what_has_passed_is_said_by_the_clock_of_aws(deployment: Deployment) -> None:
    class Sts:
        def get_caller_identity(self) -> Any:
            return {"ResponseMetadata": {"HTTPHeaders": {"date": "Sat, 01 Jun 2030 07:00:01 GMT"}}}

    def aws(service: str) -> Any:
        return Sts() if service == "sts" else client(service)

    plan = replace(a_plan(), schedule={Mode.TEST: "2030-06-01T07:00:00Z", Mode.CUTOVER: "2030-06-15T20:00:00Z"})
    made = Deployment(aws)
    made.__dict__["outputs"] = deployment.outputs
    assert made.put_schedules(plan) == {Mode.CUTOVER: "demo-cutover"}


def test_a_schedule_is_made_for_each_mode_that_has_a_time_and_follows_the_plan(deployment: Deployment) -> None:
    plan = replace(a_plan(), schedule={Mode.TEST: "2030-06-01T07:00:00Z", Mode.CUTOVER: "2030-06-15T20:00:00Z"})
    moved = replace(a_plan(), schedule={Mode.CUTOVER: "2030-06-16T20:00:00Z"})

    assert deployment.put_schedules(plan) == {Mode.TEST: "demo-test", Mode.CUTOVER: "demo-cutover"}
    first = schedules()["demo-test"]
    deployment.put_schedules(moved)

    assert first["ScheduleExpression"] == "at(2030-06-01T07:00:00)"
    assert first["ScheduleExpressionTimezone"] == "UTC"
    assert first["ActionAfterCompletion"] == "DELETE"
    assert first["Target"]["Arn"] == OUTPUTS["StartFunctionArn"]
    assert first["Target"]["DeadLetterConfig"] == {"Arn": OUTPUTS["ScheduleDeadLetterArn"]}
    assert first["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 900, "MaximumRetryAttempts": 185}
    assert first["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert json.loads(first["Target"]["Input"]) == {
        "plan": "demo",
        "sha256": plan.sha256,
        "mode": "test",
        "scheduled": "2030-06-01T07:00:00Z",
    }
    assert {name: each["ScheduleExpression"] for name, each in schedules().items()} == {
        "demo-cutover": "at(2030-06-16T20:00:00)"
    }


def test_a_start_is_tried_for_as_long_as_the_plan_lets_it_be_late(deployment: Deployment) -> None:
    plan = replace(a_plan(), schedule={Mode.TEST: "2030-06-01T07:00:00Z"}, calendar=Calendar(late_start=3600))

    deployment.put_schedules(plan)

    assert schedules()["demo-test"]["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] == 3600


def test_a_time_that_has_passed_is_not_scheduled_and_what_was_scheduled_for_it_is_gone(deployment: Deployment) -> None:
    plan = replace(a_plan(), schedule={Mode.TEST: "2030-06-01T07:00:00Z", Mode.CUTOVER: "2030-06-15T20:00:00Z"})
    deployment.put_schedules(plan)

    assert deployment.put_schedules(plan, datetime(2030, 6, 1, 7, tzinfo=UTC)) == {Mode.CUTOVER: "demo-cutover"}
    assert list(schedules()) == ["demo-cutover"]


def test_a_run_is_read_as_the_functions_wrote_it(deployment: Deployment) -> None:
    plan = a_plan(a_wave("db", "db01", "db02"), a_wave("web", "web01"))
    store = Store.open("table", "bucket")
    store.claim(RunRecord("demo-test-1", "demo", plan.sha256, Mode.TEST, 1, None, "2026-11-28T09:00:00Z"))
    for wave, machines in as_planned(plan):
        store.write_wave("demo-test-1", wave)
        store.write_machines("demo-test-1", wave.number, machines)

    view = deployment.view("demo-test-1")

    assert deployment.latest_run("demo", Mode.TEST) == "demo-test-1"
    assert deployment.latest_run("demo", Mode.CUTOVER) is None
    assert deployment.view("nobody") is None
    assert view is not None
    assert [wave.name for wave, _ in view.waves] == ["db", "web"]
    assert [machine.label for machine in view.machines()] == ["db01", "db02", "web01"]


def test_the_night_of_a_run_is_as_the_functions_recorded_it(deployment: Deployment) -> None:
    store = Store.open("table", "bucket")
    assert deployment.night("demo-cutover-1", at.PLANNED).night == NightRecord()
    written = store.write_night("demo-cutover-1", at.OPENED.but(version=0))
    for step in reversed(at.STEPS):
        store.write_step("demo-cutover-1", step)
    for question in (at.USERS, at.GO):
        store.ask("demo-cutover-1", question)

    seen = deployment.night("demo-cutover-1", at.PLANNED)

    assert seen.night == written
    assert seen.steps == at.STEPS
    assert seen.questions == [at.GO, at.USERS]


def test_proofs_from_elsewhere_are_read_by_the_gate(deployment: Deployment) -> None:
    proof = Proof("m-1", Mode.TEST, "demo-test-1", "i-1", "2026-11-01T00:00:00Z", "evidence.json")

    deployment.put_proofs("demo", [proof])

    assert Store.open("table", "bucket").proofs("demo") == {(Mode.TEST, "m-1"): proof}


def test_without_a_stack_the_command_says_what_to_do(deployment: Deployment) -> None:
    with pytest.raises(NotDeployed, match=r"no stack Elsewhere here .*make deploy"):
        _ = Deployment(client, "Elsewhere").outputs


def test_a_run_is_aborted_once_by_a_name_and_for_a_reason(deployment: Deployment) -> None:
    store = Store.open("table", "bucket")
    plan = a_plan(a_wave("db", "db01"))
    store.claim(RunRecord("demo-test-1", "demo", plan.sha256, Mode.TEST, 1, None, "2026-11-28T09:00:00Z"))

    abort(deployment, "demo-test-1", "lead@example.com", "not tonight", "2026-11-28T09:05:00Z")

    run = store.run("demo-test-1")
    assert (run.aborted, run.aborted_by, run.abort_reason) == (True, "lead@example.com", "not tonight")
    assert run.aborted_at == "2026-11-28T09:05:00Z"
    with pytest.raises(NotAborted, match=r"aborted already, by lead@example\.com at 2026-11-28T09:05:00Z: not tonight"):
        abort(deployment, "demo-test-1", "other@example.com", "again", "2026-11-28T09:06:00Z")
    assert store.run("demo-test-1").aborted_by == "lead@example.com"


def test_a_run_nobody_knows_is_not_aborted(deployment: Deployment) -> None:
    with pytest.raises(NoSuchRun, match="no run demo-test-9 is known here"):
        abort(deployment, "demo-test-9", "lead@example.com", "not tonight", "2026-11-28T09:05:00Z")


def test_a_run_that_has_ended_is_not_aborted_and_one_that_was_interrupted_is(deployment: Deployment) -> None:
    store = Store.open("table", "bucket")
    plan = a_plan(a_wave("db", "db01"))
    store.claim(RunRecord("demo-test-1", "demo", plan.sha256, Mode.TEST, 1, None, "2026-11-28T09:00:00Z"))
    store.update_run("demo-test-1", status=RunStatus.FAILED, outcome=Outcome.FAILED)

    with pytest.raises(NotAborted, match=r"has ended \(Failed\); there is nothing to abort"):
        abort(deployment, "demo-test-1", "lead@example.com", "not tonight", "2026-11-28T09:05:00Z")
    assert not store.run("demo-test-1").aborted

    store.update_run("demo-test-1", interrupted=True)
    abort(deployment, "demo-test-1", "lead@example.com", "not tonight", "2026-11-28T09:05:00Z")
    assert store.run("demo-test-1").aborted
