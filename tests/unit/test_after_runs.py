"""The commands for what comes after a run, against moto; the functions behind them have their own tests."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner, Result

from cli import afterwards
from cli.after_runs import AfterRuns, NotDone
from cli.afterwards import sign_off_in_rehearsal
from cli.main import app
from cutover.plan import AskedToSign, Mode
from cutover.records import MachineStatus, Outcome, Proof, RunRecord, RunStatus, TargetRecord, as_planned
from cutover.store import Store
from tests.statemachines.night import a_plan, a_wave

REGION = "eu-central-1"
APP, DBA = "app@example.com", "dba@example.com"
PLAN = a_plan(a_wave("db", "db01", "db02", sign_off=AskedToSign((APP, DBA), "2026-12-03T16:00:00Z")))
RUN = "demo-test-20261128T090000Z"
IN_TIME, LATE = "2026-12-01T10:00:00Z", "2026-12-04T10:00:00Z"
OUTPUTS = {"TableName": "table", "BucketName": "bucket", "CleanUpFunctionArn": "clean-up", "FinalizeFunctionArn": "fin"}
ANSWER = {"verdict": "done", "wait_seconds": 0, "reason": "1 gone", "machines": []}


class Lambda:
    """Answers as told, one after the other; `asked`: what with."""

    def __init__(self, *answers: dict[str, Any], failed: bool = False) -> None:
        self.answers, self.failed, self.asked = list(answers), failed, list[Any]()

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:
        self.asked.append((FunctionName, json.loads(Payload)))
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        body = {"Payload": io.BytesIO(json.dumps(said).encode())}
        return {**body, "FunctionError": "Unhandled"} if self.failed else body


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Iterator[AfterRuns]:
    """A table in which the plan's test was verified yesterday, of both its machines."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )
        boto3.client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
        store = Store.open("table", "bucket")
        store.write_plan(PLAN)
        run = RunRecord(RUN, "demo", PLAN.sha256, Mode.TEST, 1, None, "2026-11-28T09:00:00Z")
        store.claim(run)
        for wave, machines in as_planned(PLAN):
            store.write_wave(RUN, wave)
            store.write_machines(
                RUN, wave.number, [each.but(id=f"m-{each.label}", name=each.label) for each in machines]
            )
        tests = [Proof(f"m-{name}", Mode.TEST, RUN, "i-0", "2026-11-28T10:00:00Z") for name in ("db01", "db02")]
        store.record_proofs("demo", tests)
        made = AfterRuns(boto3.client)
        made.__dict__["outputs"] = OUTPUTS
        with patch.object(AfterRuns, "outputs", OUTPUTS):
            yield made


def signed() -> dict[str, tuple[str, ...]]:
    return {each.machine: each.signed for each in Store.open("table", "bucket").proofs("demo").values()}


def cutover(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "250"})


def test_a_sign_off_counts_for_every_machine_or_for_those_named(deployment: AfterRuns) -> None:
    deployment.sign_off("demo", APP, IN_TIME)
    deployment.sign_off("demo", DBA, IN_TIME, ["DB01"])

    assert signed() == {"m-db01": (APP, DBA), "m-db02": (APP,)}


def test_a_rejection_is_read_with_its_reason(deployment: AfterRuns) -> None:
    deployment.sign_off("demo", DBA, IN_TIME, ["m-db02"], rejected=True, reason="row counts differ")

    proofs = Store.open("table", "bucket").proofs("demo")
    assert proofs[Mode.TEST, "m-db02"].rejected == {DBA: "row counts differ"}
    assert proofs[Mode.TEST, "m-db01"].rejected == {}


@pytest.mark.parametrize(
    ("plan", "by", "at", "machines", "said"),
    [
        ("demo", "somebody@example.com", IN_TIME, [], "is not asked"),
        ("demo", APP, LATE, [], "were taken until 2026-12-03T16:00:00Z"),
        ("demo", APP, IN_TIME, ["web01"], "no machine web01"),
        ("shop", APP, IN_TIME, [], "no verified test"),
    ],
)
def test_what_would_not_count_is_not_taken(
    deployment: AfterRuns, plan: str, by: str, at: str, machines: list[str], said: str
) -> None:
    with pytest.raises(NotDone, match=said):
        deployment.sign_off(plan, by, at, machines)
    assert signed() == {"m-db01": (), "m-db02": ()}


def test_in_a_rehearsal_everybody_signs_in_time(deployment: AfterRuns) -> None:
    sign_off_in_rehearsal(deployment, PLAN, LATE)
    sign_off_in_rehearsal(deployment, replace(PLAN, waves=(a_wave(),)), LATE)

    assert signed() == {"m-db01": (APP, DBA), "m-db02": (APP, DBA)}


def test_the_command_signs_off_and_a_rejection_needs_a_reason(
    deployment: AfterRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(afterwards, "text", lambda _: IN_TIME)

    done = cutover("signoff", "demo", "--by", APP)
    no = cutover("signoff", "demo", "--by", APP, "--reject")
    other = cutover("signoff", "demo", "--by", "somebody@example.com")

    assert (done.exit_code, no.exit_code, other.exit_code) == (0, 2, 1)
    assert f"the test of every machine in {RUN} is signed off by {APP}" in done.output
    assert "is not asked" in other.stderr


def stays(label: str = "db02") -> dict[str, Any]:
    finding = {"field": "keep", "seen": "a tag", "rule": "kept", "remedy": "remove it", "severity": "error"}
    return {"label": label, "instance": "i-2", "fate": "stays", "findings": [finding]}


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([ANSWER], 0),
        ([{**ANSWER, "verdict": "wait", "reason": "1 going"}, ANSWER], 0),
        ([{**ANSWER, "machines": [stays()]}], 1),
        ([{**ANSWER, "verdict": "refused", "reason": "clean_up: seen …"}], 1),
    ],
)
def test_a_clean_up_is_looked_at_until_its_end_and_what_stays_is_said(
    deployment: AfterRuns, monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]], code: int
) -> None:
    monkeypatch.setattr("cli.afterwards.time.sleep", lambda _: None)
    function = Lambda(*answers)
    monkeypatch.setattr(boto3, "client", lambda _: function)

    done = cutover("cleanup", RUN, "--by", APP)

    assert done.exit_code == code, done.output
    assert function.asked[0] == ("clean-up", {"run": RUN, "by": APP})
    assert "production is not touched" in done.output
    assert ("keep: seen a tag; rule: kept; do: remove it" in done.output) == bool(answers[-1]["machines"])


def test_a_command_ends_though_the_service_does_not(deployment: AfterRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.afterwards.time.sleep", lambda _: None)
    function = Lambda({**ANSWER, "verdict": "wait"})
    monkeypatch.setattr(boto3, "client", lambda _: function)

    done = cutover("cleanup", RUN)

    assert (done.exit_code, len(function.asked)) == (1, afterwards.LOOKS)
    assert "the same command goes on with it" in done.output


def test_a_function_that_fails_is_said(deployment: AfterRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    function = Lambda({"errorType": "ServiceUnavailable", "errorMessage": "no answer"}, failed=True)
    monkeypatch.setattr(boto3, "client", lambda _: function)

    done = cutover("finalize", RUN, "--by", APP, "--confirm", "demo")

    assert done.exit_code == 1
    assert "ServiceUnavailable: no answer; ask again" in done.stderr
    assert function.asked == [("fin", {"run": RUN, "by": APP, "confirm": "demo"})]


def test_finalizing_is_not_asked_for_without_naming_the_plan() -> None:
    assert cutover("finalize", RUN, "--by", APP).exit_code == 2


def test_leftovers_are_shown_with_their_age_and_nothing_is_changed(deployment: AfterRuns) -> None:
    ec2 = boto3.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]

    def launched(**tags: str) -> str:
        given: Any = [{"Key": key.replace("_", ":"), "Value": value} for key, value in tags.items()]
        ask: Any = {"TagSpecifications": [{"ResourceType": "instance", "Tags": given}]} if tags else {}
        return str(ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, **ask)["Instances"][0]["InstanceId"])

    launched(Name="nothing of ours")
    test = launched(cutover_run=RUN, cutover_mode="test")
    converter = launched(Name="CloudEndure Machine Converter 7")
    made = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    ec2.create_tags(Resources=[made], Tags=[{"Key": "cutover:run", "Value": "unknown"}])
    Store.open("table", "bucket").update_run(RUN, status=RunStatus.SUCCEEDED, outcome=Outcome.TESTED)

    assert {each.id for each in deployment.in_ec2()} == {test, converter, made}
    assert "0 left over of 3 looked at" in cutover("leftovers").output
    with patch.object(afterwards, "seconds", lambda _: -60):  # all were made this instant
        shown = cutover("leftovers", "--older-than", "0s")
    assert shown.exit_code == 0
    assert all(word in shown.output for word in (test, converter, made, f"cutover cleanup {RUN}", "3 left over"))
    assert cutover("leftovers", "--older-than", "soon").exit_code == 2


def test_an_observed_run_is_asked_for_followed_and_its_evidence_kept(
    deployment: AfterRuns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The functions are played by the test: they claim the run, verify its machine and tell."""
    store = Store.open("table", "bucket")
    asked: list[bool] = []

    def request(self: AfterRuns, plan: Any, mode: Mode, *, observe: bool = False) -> None:
        asked.append(observe)
        run = RunRecord("minimal-test-observe-1", plan.name, plan.sha256, mode, 1, None, IN_TIME, observe=observe)
        store.claim(run)
        for wave, machines in as_planned(plan):
            done = [
                each.but(id="m", status=MachineStatus.VERIFIED, target=TargetRecord(instance_id="i-1"))
                for each in machines
            ]
            store.write_wave(run.id, wave)
            store.write_machines(run.id, wave.number, done)
        store.write_file(run.id, "evidence.json", "{}", "application/json")
        store.update_run(run.id, outcome=Outcome.TESTED, status=RunStatus.SUCCEEDED, told=True)

    monkeypatch.setattr(AfterRuns, "request_run", request)
    plan = Path(__file__).parents[2] / "plans" / "minimal.yaml"

    done = cutover("observe", str(plan), "--mode", "test", "--out", str(tmp_path))

    assert done.exit_code == 0, done.output
    assert asked == [True]
    assert (tmp_path / "evidence.json").read_text() == "{}"
    assert "observed: Tested" in done.output
    assert "launched, stopped and moved nothing" in done.output
    assert deployment.latest_run("minimal", Mode.TEST) is None, "it stands in no real run's way"
