"""A small app, deployed as CDK would synthesize it, does on the stage what it would do in AWS."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stage.aws.deployment import DeploymentFailed
from stage.aws.emulator import Emulator
from tests.stage.small_app import App, Simulator, eventually, resource, synthesize, template


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    home = tmp_path_factory.mktemp("stage")
    simulator = Simulator()
    with Emulator(log_dir=home / "logs", wait_scale=0.01, clock_url=simulator.url) as aws:
        yield App(aws, synthesize(home / "cdk.out", template("code")), simulator)
    simulator.server.shutdown()
    simulator.server.server_close()


def test_outputs_and_parameters_come_from_the_template(app: App) -> None:
    assert app.outputs["Word"] == "given"
    described = app.aws.client("secretsmanager").describe_secret(SecretId=app.outputs["Secret"])
    assert described["ARN"].startswith("arn:aws:secretsmanager:us-west-2:123456789012:secret:")


def test_an_unchanged_deployment_changes_nothing_and_a_changed_one_updates(app: App) -> None:
    assert app.aws.deploy(app.assembly, {"Word": "given"}) == app.outputs
    assert app.aws.deploy(app.assembly, {"Word": "changed"}) == app.outputs | {"Word": "changed"}


def test_a_named_exception_reaches_catch_and_retry_and_the_worker_lives_on(app: App) -> None:
    began = time.monotonic()
    ended = app.run("Parent", {"do": "recover", "key": "one"})
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert output["child"]["tries"] == 3
    assert output["caught"]["Error"] == "CapacityError"
    cause = json.loads(output["caught"]["Cause"])
    assert cause["errorType"] == "CapacityError"
    assert cause["errorMessage"] == "no capacity for 2"
    assert any("raise CapacityError" in line for line in cause["stackTrace"])
    # waits of 30 s and min(60, 40) s at a hundredth are 0.7 s
    assert time.monotonic() - began > 0.7
    first, second = (app.run("Child", {"do": "recover", "key": "two"}) for _ in range(2))
    assert json.loads(first["output"])["pid"] == json.loads(second["output"])["pid"]


def test_a_failed_child_is_a_failed_task_that_describes_the_child(app: App) -> None:
    ended = app.run("Parent", {"do": "fail"})
    assert ended["status"] == "SUCCEEDED", ended
    caught = json.loads(ended["output"])
    assert caught["Error"] == "States.TaskFailed"
    described = json.loads(caught["Cause"])
    assert (described["Status"], described["Error"], described["Cause"]) == ("FAILED", "Own.Error", "as asked")
    history = app.aws.client("stepfunctions").get_execution_history(executionArn=described["ExecutionArn"])
    assert [event["type"] for event in history["events"]][-1] == "ExecutionFailed"


def test_a_stopped_parent_stops_its_child_and_the_default_bus_tells(app: App) -> None:
    states = app.aws.client("stepfunctions")
    parent = states.start_execution(stateMachineArn=app.outputs["Parent"], input='{"do": "wait"}')["executionArn"]

    def waiting_child() -> Any:
        return states.list_executions(stateMachineArn=app.outputs["Child"], statusFilter="RUNNING")["executions"]

    child = eventually(waiting_child)[0]["executionArn"]
    states.stop_execution(executionArn=parent, error="Operator", cause="enough")
    assert app.ended(child)["status"] == "ABORTED"
    told = app.remembered("aws.states")
    assert [event["detail"]["status"] for event in told] == ["ABORTED"]
    assert told[0]["detail"]["executionArn"] == parent
    stopped = states.describe_execution(executionArn=parent)
    assert (stopped["status"], stopped["error"], stopped["cause"]) == ("ABORTED", "Operator", "enough")


def test_a_stopped_execution_neither_retries_nor_fails_afterwards(app: App) -> None:
    states = app.aws.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=app.outputs["Late"])["executionArn"]

    def failures() -> list[dict[str, Any]]:
        history = states.get_execution_history(executionArn=execution)["events"]
        return [event["taskFailedEventDetails"] for event in history if event["type"] == "TaskFailed"]

    eventually(lambda: "TaskScheduled" in str(states.get_execution_history(executionArn=execution)["events"]))
    states.stop_execution(executionArn=execution)
    eventually(lambda: len(failures()) > 1)
    assert [failure["error"] for failure in failures()] == ["CapacityError", "States.Runtime"]
    assert states.describe_execution(executionArn=execution)["status"] == "ABORTED"


def test_a_task_that_times_out_stops_its_child(app: App) -> None:
    ended = app.run("Hasty", {})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")
    states = app.aws.client("stepfunctions")
    executions = states.list_executions(stateMachineArn=app.outputs["Child"])["executions"]
    given = {each["executionArn"]: states.describe_execution(executionArn=each["executionArn"]) for each in executions}
    (child,) = (arn for arn, each in given.items() if "hasty" in each["input"])
    assert app.ended(child)["status"] == "ABORTED"


def test_a_failing_callback_function_fails_its_task(app: App) -> None:
    ended = app.run("Callback", {})
    assert (ended["status"], ended["error"]) == ("FAILED", "CapacityError")


def test_a_task_that_waits_for_its_token_goes_on_when_it_is_answered(app: App) -> None:
    states = app.aws.client("stepfunctions")
    started = states.start_execution(stateMachineArn=app.outputs["Asleep"], input='{"as": "woken"}')["executionArn"]
    (kept,) = app.remembered("woken")
    assert kept["unsaid"] is False, "what is not there equals nothing"
    states.send_task_success(taskToken=kept["token"], output="{}")
    assert json.loads(app.ended(started)["output"]) == {"woken": True}
    with pytest.raises(states.exceptions.TaskDoesNotExist):
        states.send_task_success(taskToken=kept["token"], output="{}")


def test_a_task_that_nobody_answers_gives_up_on_the_stages_clock(app: App) -> None:
    # 300 s at a hundredth are 3 s
    assert json.loads(app.run("Asleep", {"as": "unanswered"}, 15)["output"]) == {"woken": False}


def test_a_service_of_aws_is_heard_on_the_default_bus(app: App) -> None:
    arn = "arn:aws:mgn:eu-central-1:123456789012:source-server/s-12345678901234567"
    entry = {"Source": "aws.mgn", "DetailType": "MGN Source Server Launch Result", "Resources": [arn], "Detail": "{}"}
    assert app.aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    (seen,) = app.remembered("aws.mgn")
    assert seen["resources"] == [arn]


def test_an_event_on_the_own_bus_reaches_the_function_and_the_queue_behind_the_topic(app: App) -> None:
    entries = [
        {"EventBusName": app.outputs["Bus"], "Source": "cutover", "DetailType": kind, "Detail": json.dumps(detail)}
        for kind, detail in (("WaveStarted", {"what": "wave 1"}), ("Text", {"text": "plain"}), ("Other", {}))
    ]
    assert app.aws.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0
    (seen,) = app.remembered("cutover")
    assert (seen["detail-type"], seen["detail"]) == ("WaveStarted", {"what": "wave 1"})
    assert sorted(app.messages(2)) == ['"WaveStarted: wave 1"', '"plain"']


def test_a_schedule_of_the_template_fires_with_its_input_as_the_event(app: App) -> None:
    (seen,) = app.remembered("scheduled")
    # noon of a summer's day in Berlin
    assert seen == {"source": "scheduled", "key": "from-template", "at": "2020-07-01T10:00:00Z"}


def test_a_schedule_made_again_under_its_name_fires_again(app: App) -> None:
    scheduler = app.aws.client("scheduler")

    def schedule(key: str, when: datetime) -> None:
        scheduler.create_schedule(
            Name="again",
            ScheduleExpression=f"at({when:%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": app.outputs["Remember"],
                "RoleArn": app.outputs["Role"],
                "Input": json.dumps({"source": key, "key": key}),
            },
        )

    schedule("first", app.now() + timedelta(minutes=1))
    assert app.remembered("first") == [{"source": "first", "key": "first"}]
    schedule("second", app.now())
    assert app.remembered("second") == [{"source": "second", "key": "second"}]


def test_a_recurring_schedule_follows_the_simulators_clock(app: App) -> None:
    scheduler = app.aws.client("scheduler")
    scheduler.create_schedule(
        Name="minutely",
        ScheduleExpression="cron(* * * * ? *)",
        ScheduleExpressionTimezone="Europe/Berlin",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": app.outputs["Remember"],
            "RoleArn": app.outputs["Role"],
            "Input": '{"source": "minutely", "key": "<aws.scheduler.scheduled-time>"}',
        },
    )
    eventually(lambda: len(app.remembered("minutely")) > 1)
    scheduler.delete_schedule(Name="minutely")
    assert {event["key"][:13] for event in app.remembered("minutely")} <= {"2031-01-04T20", "2031-01-04T21"}


def test_a_wait_until_a_timestamp_follows_the_simulators_clock(app: App) -> None:
    at = app.now() + timedelta(minutes=1)
    assert app.run("Child", {"do": "until", "at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}, 5)["status"] == "SUCCEEDED"


def test_a_function_sees_its_bundle_and_boto3_only_and_no_environment_of_the_user(app: App) -> None:
    names = ["app", "boto3", "urllib3", "dateutil", "requests", "pydantic", "stage", "cutover"]
    seen = app.call("Imports", {"names": names})
    assert [name for name, found in seen["found"].items() if found] == ["app", "boto3", "urllib3", "dateutil"]
    environment = seen["environment"]
    assert environment["AWS_ENDPOINT_URL"] == app.aws.url
    assert environment["AWS_ENDPOINT_URL_EC2"] == app.aws.ec2_url
    assert not {name for name in environment if "proxy" in name.lower()} - {"NO_PROXY"}
    assert "PYTEST_CURRENT_TEST" not in environment


def test_what_a_function_prints_is_in_its_log_group_and_in_a_file(app: App) -> None:
    app.call("Remember", {"key": "logged"})
    (file,) = (app.aws.log_dir / "functions").glob("*Remember*.log")
    assert "remembered logged" in file.read_text(encoding="utf-8")
    events = app.aws.client("logs").filter_log_events(logGroupName=app.outputs["Logs"])["events"]
    assert any("remembered logged" in event["message"] for event in events)


def test_a_function_without_code_fails_instead_of_answering(app: App) -> None:
    functions = app.aws.client("lambda")
    code = {"S3Bucket": "nowhere", "S3Key": "nothing.zip"}
    kind = resource(
        "AWS::Lambda::Function", FunctionName="empty", Runtime="python3.13", Handler="a.b", Role="r", Code=code
    )
    app.aws.client("cloudformation").create_stack(
        StackName="Empty", TemplateBody=json.dumps({"Resources": {"F": kind}})
    )
    eventually(lambda: "empty" in [function["FunctionName"] for function in functions.list_functions()["Functions"]])
    answer = functions.invoke(FunctionName="empty", Payload=b"{}")
    assert (answer["FunctionError"], json.loads(answer["Payload"].read())["errorType"]) == ("Unhandled", "Stage.NoCode")


def test_a_template_with_an_unknown_resource_type_is_refused_by_name(app: App, tmp_path: Path) -> None:
    broken = {"Resources": {"Odd": resource("AWS::Nowhere::Thing")}}
    assembly = synthesize(tmp_path / "cdk.out", broken)
    manifest = assembly / "manifest.json"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"Small": {', '"Odd": {'), encoding="utf-8")
    with pytest.raises(DeploymentFailed, match="AWS::Nowhere::Thing"):
        app.aws.deploy(assembly)
