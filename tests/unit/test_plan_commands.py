"""Plans stored with a deployed Cutover, by the commands as people type them, against moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from typer.testing import CliRunner

from cli.main import app
from cli.plan import load_plan
from cutover.plan import Mode
from cutover.records import Outcome, RunRecord, RunStatus, as_planned
from cutover.store import Store
from tests.unit.deployed import deploy

MINIMAL = Path(__file__).parents[2] / "plans" / "minimal.yaml"
OUTPUTS = {
    "TableName": "table",
    "BucketName": "bucket",
    "StartFunctionArn": "arn:aws:lambda:eu-central-1:123456789012:function:start",
    "SchedulerRoleArn": "arn:aws:iam::123456789012:role/scheduler",
    "ScheduleGroupName": "cutover",
    "ScheduleDeadLetterArn": "arn:aws:sqs:eu-central-1:123456789012:late",
}
TEXT = MINIMAL.read_text(encoding="utf-8")
NAME = load_plan(MINIMAL).name


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        deploy(monkeypatch, OUTPUTS)
        boto3.client("scheduler").create_schedule_group(Name="cutover")
        yield


@pytest.fixture
def timed(tmp_path: Path) -> Path:
    """The plan, with another rule and a time for its test."""
    path = tmp_path / "timed.yaml"
    path.write_text(TEXT + "\nschedule: {test: '2030-06-01T07:00:00Z'}\n", encoding="utf-8")
    return path


def given(*arguments: str | Path, code: int = 0) -> str:
    done = CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "200"})
    assert done.exit_code == code, done.output
    return done.output


def schedules() -> list[str]:
    return [each["Name"] for each in boto3.client("scheduler").list_schedules(GroupName="cutover")["Schedules"]]


def test_every_version_is_kept_with_who_and_when(timed: Path) -> None:
    given("plan", "put", MINIMAL)
    given("plan", "put", MINIMAL)
    put = json.loads(given("plan", "put", timed, "--json"))

    shown = json.loads(given("plan", "show", NAME, "--json"))
    (listed,) = json.loads(given("plan", "list", "--json"))["plans"]

    assert {each["sha256"] for each in shown["versions"]} == {load_plan(MINIMAL).sha256, load_plan(timed).sha256}
    assert len(shown["versions"]) == 2
    assert listed["sha256"] == put["sha256"] == shown["sha256"] == load_plan(timed).sha256
    assert listed["put_by"].startswith("arn:aws:")
    assert listed["put_at"].endswith("Z")
    assert NAME in given("plan", "list")


def test_a_file_differs_from_what_is_stored_field_by_field(timed: Path) -> None:
    given("plan", "put", MINIMAL)

    assert given("plan", "diff", MINIMAL) == "no difference\n"
    assert '2030-06-01T07:00:00Z"' in given("plan", "diff", timed, code=1)
    given("plan", "put", timed)
    first = load_plan(MINIMAL).sha256[:12]
    (found,) = json.loads(given("plan", "diff", NAME, "--from", first, "--json", code=1))["differences"]
    assert "schedule" in found["field"]


def test_a_plan_or_version_that_is_not_there_is_named() -> None:
    assert f"no plan {NAME} is stored here" in given("plan", "show", NAME, code=1)
    given("plan", "put", MINIMAL)
    assert "0 versions of plan" in given("plan", "show", NAME, "--version", "zz", code=1)


def test_schedules_go_and_come_again(timed: Path) -> None:
    store = Store.open("table", "bucket")
    given("plan", "put", timed)
    assert schedules() == [f"{NAME}-test"]
    (entry,) = store.watched_plans()
    store.ask_for_test(entry, "2030-06-01T07:00:00Z")
    assert f"{NAME}-test" in given("unschedule", NAME)
    assert schedules() == []
    assert store.watched_plans() == []
    given("schedule", NAME)
    assert schedules() == [f"{NAME}-test"]
    assert [each.asked for each in store.watched_plans()] == ["2030-06-01T07:00:00Z"], "nothing is forgotten"


def test_a_plan_that_is_carried_out_is_not_removed(timed: Path) -> None:
    given("plan", "put", timed)
    store, plan = Store.open("table", "bucket"), load_plan(timed)
    run = store.claim(RunRecord(f"{NAME}-test-1", NAME, plan.sha256, Mode.TEST, 1, None, "2026-11-28T09:00:00Z"))

    assert f"is carried out by run {NAME}-test-1" in given("plan", "remove", NAME, code=1)
    assert schedules() == [f"{NAME}-test"]

    store.release(run)
    given("plan", "remove", NAME)
    assert schedules() == []
    assert json.loads(given("plan", "list", "--json")) == {"plans": []}
    assert store.plan(NAME, plan.sha256) == plan


def test_runs_are_shown_told_and_fetched(tmp_path: Path) -> None:
    given("plan", "put", MINIMAL)
    store, plan = Store.open("table", "bucket"), load_plan(MINIMAL)
    for number in (1, 2):
        run = store.claim(
            RunRecord(f"{NAME}-test-{number}", NAME, plan.sha256, Mode.TEST, 1, None, f"2026-11-28T09:00:0{number}Z")
        )
        store.write_file(run.id, "summary.md", "as it was", "text/markdown")
        store.update_run(run.id, status=RunStatus.FAILED, outcome=Outcome.FAILED)
        store.release(run)
    for wave, machines in as_planned(plan):
        store.write_wave(f"{NAME}-test-2", wave)
        store.write_machines(f"{NAME}-test-2", wave.number, machines)

    told = json.loads(given("history", NAME, "--json"))
    shown = json.loads(given("status", NAME, "--json"))
    given("report", f"{NAME}-test-1", "--out", tmp_path / "report")

    assert [each["id"] for each in told["runs"]] == [f"{NAME}-test-1", f"{NAME}-test-2"]
    assert shown["run"]["id"] == f"{NAME}-test-2"
    assert [each["name"] for each in shown["waves"]] == [wave.name for wave in plan.waves]
    assert f"{NAME}-test-2: Failed" in given("status", f"{NAME}-test-2", "--watch")
    assert (tmp_path / "report" / "summary.md").read_text() == "as it was"
    assert "has left nothing yet" in given("report", f"{NAME}-test-9", code=1)
    assert "no run nobody is known here" in given("status", "nobody", code=1)


def test_looking_on_ends_though_the_run_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    given("plan", "put", MINIMAL)
    store, plan = Store.open("table", "bucket"), load_plan(MINIMAL)
    store.claim(RunRecord(f"{NAME}-test-1", NAME, plan.sha256, Mode.TEST, 1, None, "2026-11-28T09:00:00Z"))
    slept: list[float] = []
    monkeypatch.setattr("cli.run_commands.LOOKS", 3)
    monkeypatch.setattr("cli.run_commands.time.sleep", slept.append)

    assert "has not ended within a day" in given("status", f"{NAME}-test-1", "--watch")
    assert slept == [5.0] * 3


@pytest.mark.parametrize("refused", [False, True])
def test_a_start_goes_through_the_function_and_says_what_it_says(
    refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given("plan", "put", MINIMAL)
    asked: list[dict[str, str]] = []
    answer = {"errorType": "RunDisputed", "errorMessage": "wait"} if refused else {"run": "r-1", "execution": "arn"}

    class Functions:
        def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
            assert FunctionName == OUTPUTS["StartFunctionArn"]
            asked.append(json.loads(Payload))
            return {"Payload": BytesIO(json.dumps(answer).encode()), **({"FunctionError": "x"} if refused else {})}

    others = boto3.client
    monkeypatch.setattr("boto3.client", lambda service: Functions() if service == "lambda" else others(service))

    said = given("start", NAME, "--mode", "cutover", "--yes", code=1 if refused else 0)

    assert asked == [{"plan": NAME, "sha256": load_plan(MINIMAL).sha256, "mode": "cutover"}]
    assert said == ("RunDisputed: wait\n" if refused else "r-1\n")
    given("start", NAME, "--mode", "cutover", code=1)
    assert len(asked) == 1


def test_what_somebody_may_not_do_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tables:
        def get_item(self, **_: Any) -> None:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetItem")

    others = boto3.client
    monkeypatch.setattr("boto3.client", lambda service: Tables() if service == "dynamodb" else others(service))

    assert "not permitted: dynamodb:GetItem, to read plans and runs; allow it" in given("plan", "show", NAME, code=1)


def test_what_is_current_already_is_no_new_version(monkeypatch: pytest.MonkeyPatch) -> None:
    given("plan", "put", MINIMAL)
    monkeypatch.setattr("cli.stored_plans.text", lambda _: "2999-01-01T00:00:00Z")
    given("plan", "put", MINIMAL)

    assert len(json.loads(given("plan", "show", NAME, "--json"))["versions"]) == 1
