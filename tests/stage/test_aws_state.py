"""An AWS that was killed comes back with everything that it had answered, the values of secrets excepted."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from stage.aws.emulator import Emulator
from stage.aws.shim.scheduler import MEMORY

from .rehearsing import files_that_say

SECRET = "HOOK-7c1d-must-not-be-written"
WAITING = {"StartAt": "Rest", "States": {"Rest": {"Type": "Wait", "Seconds": 3600, "End": True}}}
PASSING = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}
TABLE = {
    "TableName": "runs",
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
}

Start = Callable[[], Emulator]


@pytest.fixture
def start(tmp_path: Path, frozen_clock: str) -> Iterator[Start]:
    """Starts an AWS whose state is in the test's folder, after a kill -9 of the one before."""
    running: list[Emulator] = []

    def start() -> Emulator:
        if running:
            for child in running[-1]._children:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        running.append(
            Emulator(log_dir=tmp_path / "logs", state=tmp_path / "state", clock_url=frozen_clock, wait_scale=0.01)
        )
        return running[-1]

    yield start
    for aws in running:
        aws.close()


@pytest.fixture
def frozen_clock() -> Iterator[str]:
    """A simulator that answers for nothing but its clock, which stands at 1 January 2031."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"now": datetime(2031, 1, 1, tzinfo=UTC).isoformat(), "speed": 0.0}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def until(seen: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 15
    while not (value := seen()):
        assert time.monotonic() < deadline, "not within 15 s"
        time.sleep(0.05)
    return value


def test_what_was_written_is_there_after_a_kill(start: Start) -> None:
    aws = start()
    aws.client("dynamodb").create_table(**TABLE)
    aws.client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": aws.region})
    aws.client("s3").put_object(Bucket="bucket", Key="runs/r/evidence.json", Body=b"{}", ContentType="application/json")
    for number in range(20):
        aws.client("dynamodb").put_item(TableName="runs", Item={"pk": {"S": f"{number:02}"}})
    aws = start()
    assert aws.client("dynamodb").scan(TableName="runs")["Count"] == 20
    found = aws.client("s3").get_object(Bucket="bucket", Key="runs/r/evidence.json")
    assert (found["Body"].read(), found["ContentType"]) == (b"{}", "application/json")
    condition = {"ConditionExpression": "attribute_not_exists(pk)"}
    with pytest.raises(aws.client("dynamodb").exceptions.ConditionalCheckFailedException):
        aws.client("dynamodb").put_item(TableName="runs", Item={"pk": {"S": "07"}}, **condition)


def test_an_execution_that_was_killed_has_failed_and_one_that_ended_has_not(start: Start) -> None:
    states = start().client("stepfunctions")
    role = "arn:aws:iam::123456789012:role/r"
    made = [
        states.create_state_machine(name=name, roleArn=role, definition=json.dumps(definition))["stateMachineArn"]
        for name, definition in (("w", WAITING), ("p", PASSING))
    ]
    waiting, passing = (states.start_execution(stateMachineArn=arn, name="r-1")["executionArn"] for arn in made)
    until(lambda: states.describe_execution(executionArn=passing)["status"] == "SUCCEEDED")
    states = start().client("stepfunctions")
    dead = states.describe_execution(executionArn=waiting)
    assert (dead["status"], dead["error"]) == ("FAILED", "States.ServiceRestart")
    assert states.describe_execution(executionArn=passing)["status"] == "SUCCEEDED"
    assert states.start_execution(stateMachineArn=made[1], name="r-2")["executionArn"].endswith(":r-2")


def test_a_schedule_that_fired_does_not_fire_again(start: Start, tmp_path: Path) -> None:
    aws = start()
    queue = aws.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    arn = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    schedule = {
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": arn, "RoleArn": "arn:aws:iam::123456789012:role/r", "Input": '"fired"'},
    }
    aws.client("scheduler").create_schedule(Name="due", ScheduleExpression="at(2030-12-31T00:00:00)", **schedule)

    def delivered(aws: Emulator) -> list[str]:
        sqs = aws.client("sqs")
        url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
        messages = sqs.receive_message(QueueUrl=url).get("Messages", [])
        for each in messages:  # else it is back in half a minute, however slow this machine is
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return [each["Body"] for each in messages]

    assert len(until(lambda: delivered(aws))) == 1
    until(lambda: files_that_say(tmp_path / "state" / "services", MEMORY))  # it is saved when the firing is done
    aws = start()
    aws.client("scheduler").create_schedule(Name="after", ScheduleExpression="at(2030-12-30T00:00:00)", **schedule)
    assert until(lambda: delivered(aws)) == ['"fired"']
    assert not delivered(aws), "only the schedule made after the restart"


def test_a_secret_comes_back_without_its_value_and_is_in_no_file(start: Start, tmp_path: Path) -> None:
    secrets = start().client("secretsmanager")
    arn = secrets.create_secret(Name="slack", SecretString=SECRET)["ARN"]
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == SECRET
    assert files_that_say(tmp_path / "state", "slack")
    assert not files_that_say(tmp_path, SECRET)
    secrets = start().client("secretsmanager")
    assert "SecretString" not in secrets.get_secret_value(SecretId=arn)
    secrets.put_secret_value(SecretId=arn, SecretString=SECRET)
    assert secrets.get_secret_value(SecretId=arn)["SecretString"] == SECRET
    assert not files_that_say(tmp_path, SECRET)


def test_instances_keep_their_ids_and_are_made_once_for_a_token(start: Start) -> None:

    def shown(aws: Emulator) -> list[tuple[Any, ...]]:
        return [
            (each["InstanceId"], each["State"]["Name"], each["PrivateIpAddress"], each["LaunchTime"])
            for one in aws.client("ec2").describe_instances()["Reservations"]
            for each in one["Instances"]
        ]

    aws = start()
    image = aws.client("ec2").register_image(Name="image", RootDeviceName="/dev/sda1")["ImageId"]
    asked = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "ClientToken": "job-1-db01"}
    (made,) = aws.client("ec2").run_instances(**asked)["Instances"]
    (other,) = aws.client("ec2").run_instances(**asked | {"ClientToken": "job-2-db01"})["Instances"]
    aws.client("ec2").stop_instances(InstanceIds=[other["InstanceId"]])
    before = shown(aws)
    aws = start()
    assert shown(aws) == before
    (again,) = aws.client("ec2").run_instances(**asked)["Instances"]
    assert again["InstanceId"] == made["InstanceId"]
    assert shown(aws) == before
