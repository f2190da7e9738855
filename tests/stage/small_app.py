"""A small app as CDK would synthesize it, one resource of each kind, and what can be asked of it on the stage."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, TypeVar

from stage.aws.emulator import Emulator

T = TypeVar("T")

FUNCTIONS = """
import json, os, sys, time
import boto3

class CapacityError(Exception):
    pass

def remember(event, context):
    key = event.get("key") or event.get("id") or context.aws_request_id
    item = {"pk": {"S": event.get("source", "direct")}, "sk": {"S": key}, "event": {"S": json.dumps(event)}}
    boto3.client("dynamodb").put_item(TableName=os.environ["TABLE"], Item=item)
    print("remembered", key)
    return {"remembered": key}

def fail(event, context):
    raise CapacityError(f"no capacity for {event['n']}")

def recover(event, context):
    key = {"pk": {"S": "tries"}, "sk": {"S": event["key"]}}
    counted = boto3.client("dynamodb").update_item(TableName=os.environ["TABLE"], Key=key, ReturnValues="ALL_NEW",
        UpdateExpression="ADD tries :one", ExpressionAttributeValues={":one": {"N": "1"}})
    tries = int(counted["Attributes"]["tries"]["N"])
    if tries < 3:
        raise CapacityError(f"try {tries}")
    return {"tries": tries, "pid": os.getpid()}

def imports(event, context):
    found = {}
    for name in event["names"]:
        try:
            __import__(name)
            found[name] = True
        except ImportError:
            found[name] = False
    return {"found": found, "environment": dict(os.environ), "runtime": sys.version_info[:2]}

def linger(event, context):
    time.sleep(event["seconds"])
    raise CapacityError("in the end")
"""

CHILD = {
    "QueryLanguage": "JSONata",
    "StartAt": "Decide",
    "States": {
        "Decide": {
            "Type": "Choice",
            "Choices": [
                {"Condition": "{% $states.input.do = 'fail' %}", "Next": "Broken"},
                {"Condition": "{% $states.input.do = 'wait' %}", "Next": "Rest"},
                {"Condition": "{% $states.input.do = 'until' %}", "Next": "Until"},
            ],
            "Default": "Recover",
        },
        "Recover": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "${recover}", "Payload": {"key": "{% $states.input.key %}"}},
            "Retry": [
                {"ErrorEquals": ["CapacityError"], "IntervalSeconds": 30, "MaxDelaySeconds": 40, "MaxAttempts": 4}
            ],
            "Output": "{% $states.result.Payload %}",
            "End": True,
        },
        "Rest": {"Type": "Wait", "Seconds": 60000, "Next": "Broken"},
        "Until": {"Type": "Wait", "Timestamp": "{% $states.input.at %}", "Next": "Done"},
        "Done": {"Type": "Succeed"},
        "Broken": {"Type": "Fail", "Error": "Own.Error", "Cause": "as asked"},
    },
}

PARENT = {
    "QueryLanguage": "JSONata",
    "StartAt": "Attempt",
    "States": {
        "Attempt": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "${fail}", "Payload": {"n": 2}},
            "Catch": [
                {
                    "ErrorEquals": ["CapacityError"],
                    "Assign": {"seen": "{% $states.errorOutput %}"},
                    "Output": "{% $states.input %}",
                    "Next": "Child",
                }
            ],
            "Next": "Unexpected",
        },
        "Child": {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Arguments": {"StateMachineArn": "${child}", "Input": "{% $states.input %}"},
            "Output": {"child": "{% $states.result.Output %}", "caught": "{% $seen %}"},
            "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Output": "{% $states.errorOutput %}", "Next": "Caught"}],
            "End": True,
        },
        "Caught": {"Type": "Pass", "End": True},
        "Unexpected": {"Type": "Fail", "Error": "Unexpected"},
    },
}

CALLBACK = {
    "StartAt": "Ask",
    "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "${fail}", "Payload": {"n": 1, "token.$": "$$.Task.Token"}},
            "TimeoutSeconds": 60,
            "End": True,
        }
    },
}

ASLEEP = {
    "QueryLanguage": "JSONata",
    "StartAt": "Sleep",
    "States": {
        "Sleep": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": {
                "FunctionName": "${remember}",
                "Payload": {
                    "source": "{% $states.input.as %}",
                    "key": "asleep",
                    "token": "{% $states.context.Task.Token %}",
                    "unsaid": "{% $states.input.absent = true %}",
                },
            },
            "TimeoutSeconds": 300,
            "Output": {"woken": True},
            "Catch": [{"ErrorEquals": ["States.Timeout"], "Output": {"woken": False}, "Next": "Look"}],
            "Next": "Look",
        },
        "Look": {"Type": "Succeed"},
    },
}

LATE = {
    "StartAt": "Linger",
    "States": {
        "Linger": {
            "Type": "Task",
            "Resource": "${linger}",
            "Parameters": {"seconds": 1},
            "Retry": [{"ErrorEquals": ["CapacityError"], "IntervalSeconds": 1}],
            "End": True,
        }
    },
}

HASTY = {
    "StartAt": "Child",
    "States": {
        "Child": {
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.sync:2",
            "Parameters": {"StateMachineArn": "${child}", "Input": {"do": "wait", "hasty": True}},
            "TimeoutSeconds": 1,
            "End": True,
        }
    },
}

ROLE = {"Fn::GetAtt": ["Role", "Arn"]}


def substituted(definition: dict[str, Any], **names: Any) -> dict[str, Any]:
    """`definition` the way CDK writes it: a Fn::Join around references."""
    parts: list[Any] = [json.dumps(definition)]
    for name, reference in names.items():
        parts = [
            piece
            for part in parts
            for piece in (interleave(part.split("${" + name + "}"), reference) if isinstance(part, str) else [part])
        ]
    return {"Fn::Join": ["", parts]}


def interleave(texts: list[str], reference: Any) -> list[Any]:
    return [piece for text in texts for piece in (reference, text)][1:]


def arn(resource: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [resource, "Arn"]}


def resource(kind: str, *after: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties} | ({"DependsOn": list(after)} if after else {})


def python_function(name: str, asset: str) -> dict[str, Any]:
    return resource(
        "AWS::Lambda::Function",
        Runtime="python3.13",
        Architectures=["arm64"],
        Handler=f"app.{name}",
        Role=ROLE,
        Timeout=60,
        Code={
            "S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"},
            "S3Key": f"{asset}.zip",
        },
        Environment={"Variables": {"TABLE": {"Ref": "Table"}}},
        LoggingConfig={"LogGroup": {"Ref": "Logs"}, "LogFormat": "Text"},
    )


def machine(definition: dict[str, Any], **names: Any) -> dict[str, Any]:
    return resource(
        "AWS::StepFunctions::StateMachine",
        RoleArn=ROLE,
        DefinitionString=substituted(definition, **names),
        LoggingConfiguration={
            "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": arn("Logs")}}],
            "Level": "ALL",
            "IncludeExecutionData": False,
        },
        TracingConfiguration={"Enabled": True},
    )


def permission(function: str, principal: str) -> dict[str, Any]:
    return resource(
        "AWS::Lambda::Permission",
        Action="lambda:InvokeFunction",
        FunctionName=arn(function),
        Principal=f"{principal}.amazonaws.com",
    )


def template(asset: str) -> dict[str, Any]:
    """Every resource type the product's stacks use, wired to each other."""
    return {
        "Parameters": {
            "Word": {"Type": "String", "Default": "default"},
            "BootstrapVersion": {
                "Type": "AWS::SSM::Parameter::Value<String>",
                "Default": "/cdk-bootstrap/hnb659fds/version",
            },
        },
        "Rules": {
            "CheckBootstrapVersion": {
                "Assertions": [
                    {
                        "Assert": {
                            "Fn::Not": [{"Fn::Contains": [["1", "2", "3", "4", "5"], {"Ref": "BootstrapVersion"}]}]
                        },
                        "AssertDescription": "CDK bootstrap stack version 6 required.",
                    }
                ]
            }
        },
        "Conditions": {"Never": {"Fn::Equals": [{"Ref": "AWS::Region"}, "nowhere"]}},
        "Resources": {
            "CDKMetadata": resource("AWS::CDK::Metadata", Analytics="v2:deflate64:none"),
            "Absent": resource("AWS::SQS::Queue") | {"Condition": "Never"},
            "Role": resource(
                "AWS::IAM::Role",
                AssumeRolePolicyDocument={
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
            ),
            "Policy": resource(
                "AWS::IAM::Policy",
                PolicyName="all",
                Roles=[{"Ref": "Role"}],
                PolicyDocument={
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": arn("Table")}],
                },
            ),
            "Logs": resource("AWS::Logs::LogGroup", RetentionInDays=30),
            "Table": resource(
                "AWS::DynamoDB::Table",
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                ],
                KeySchema=[
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
                TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True},
                SSESpecification={"SSEEnabled": True},
                DeletionProtectionEnabled=True,
            ),
            "Bucket": resource(
                "AWS::S3::Bucket",
                BucketEncryption={
                    "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                },
                VersioningConfiguration={"Status": "Enabled"},
                LifecycleConfiguration={
                    "Rules": [{"Id": "old", "Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": 90}}]
                },
                PublicAccessBlockConfiguration={
                    "BlockPublicAcls": True,
                    "BlockPublicPolicy": True,
                    "IgnorePublicAcls": True,
                    "RestrictPublicBuckets": True,
                },
            ),
            "BucketPolicy": resource(
                "AWS::S3::BucketPolicy",
                Bucket={"Ref": "Bucket"},
                PolicyDocument={
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Deny",
                            "Principal": {"AWS": "*"},
                            "Action": "s3:*",
                            "Resource": arn("Bucket"),
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ],
                },
            ),
            "Secret": resource("AWS::SecretsManager::Secret", Description="filled in by hand"),
            "Topic": resource("AWS::SNS::Topic"),
            "TopicPolicy": resource(
                "AWS::SNS::TopicPolicy",
                Topics=[{"Ref": "Topic"}],
                PolicyDocument={
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "events.amazonaws.com"},
                            "Action": "sns:Publish",
                            "Resource": {"Ref": "Topic"},
                        }
                    ],
                },
            ),
            "Queue": resource("AWS::SQS::Queue", SqsManagedSseEnabled=True),
            "QueuePolicy": resource(
                "AWS::SQS::QueuePolicy",
                Queues=[{"Ref": "Queue"}],
                PolicyDocument={
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "sns.amazonaws.com"},
                            "Action": "sqs:SendMessage",
                            "Resource": arn("Queue"),
                        }
                    ],
                },
            ),
            "Subscription": resource(
                "AWS::SNS::Subscription",
                TopicArn={"Ref": "Topic"},
                Protocol="sqs",
                Endpoint=arn("Queue"),
                RawMessageDelivery=True,
            ),
            "Remember": python_function("remember", asset),
            "Fail": python_function("fail", asset),
            "Recover": python_function("recover", asset),
            "Imports": python_function("imports", asset),
            "Linger": python_function("linger", asset),
            "Invoking": resource(
                "AWS::Lambda::EventInvokeConfig",
                FunctionName={"Ref": "Remember"},
                Qualifier="$LATEST",
                MaximumRetryAttempts=2,
                DestinationConfig={"OnFailure": {"Destination": arn("Queue")}},
            ),
            "Bus": resource("AWS::Events::EventBus", Name="cutover"),
            "BusRule": resource(
                "AWS::Events::Rule",
                EventBusName={"Ref": "Bus"},
                EventPattern={"source": ["cutover"], "detail-type": [{"prefix": "Wave"}]},
                State="ENABLED",
                Targets=[
                    {"Id": "remember", "Arn": arn("Remember")},
                    {
                        "Id": "tell",
                        "Arn": {"Ref": "Topic"},
                        "InputTransformer": {
                            "InputPathsMap": {"what": "$.detail.what", "kind": "$.detail-type"},
                            "InputTemplate": '"<kind>: <what>"',
                        },
                    },
                ],
            ),
            "TextRule": resource(
                "AWS::Events::Rule",
                EventBusName={"Ref": "Bus"},
                EventPattern={"source": ["cutover"], "detail-type": ["Text"]},
                State="ENABLED",
                Targets=[{"Id": "text", "Arn": {"Ref": "Topic"}, "InputPath": "$.detail.text"}],
            ),
            "StatesRule": resource(
                "AWS::Events::Rule",
                EventPattern={
                    "source": ["aws.states"],
                    "detail-type": ["Step Functions Execution Status Change"],
                    "detail": {"status": ["FAILED", "TIMED_OUT", "ABORTED"], "stateMachineArn": [{"Ref": "Parent"}]},
                },
                State="ENABLED",
                Targets=[{"Id": "remember", "Arn": arn("Remember"), "RetryPolicy": {"MaximumRetryAttempts": 3}}],
            ),
            "ServiceRule": resource(
                "AWS::Events::Rule",
                EventPattern={"source": ["aws.mgn"]},
                State="ENABLED",
                Targets=[{"Id": "remember", "Arn": arn("Remember")}],
            ),
            "ByEvents": permission("Remember", "events"),
            "ByScheduler": permission("Remember", "scheduler"),
            "Child": machine(CHILD, recover=arn("Recover")),
            "Parent": machine(PARENT, fail=arn("Fail"), child={"Ref": "Child"}),
            "Callback": machine(CALLBACK, fail=arn("Fail")),
            "Asleep": machine(ASLEEP, remember=arn("Remember")),
            "Late": machine(LATE, linger=arn("Linger")),
            "Hasty": machine(HASTY, child={"Ref": "Child"}),
            "Group": resource("AWS::Scheduler::ScheduleGroup", Name="cutover"),
            "Schedule": resource(
                "AWS::Scheduler::Schedule",
                "Group",
                Name="in-berlin",
                GroupName="cutover",
                ScheduleExpression="at(2020-07-01T12:00:00)",
                ScheduleExpressionTimezone="Europe/Berlin",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target={
                    "Arn": arn("Remember"),
                    "RoleArn": ROLE,
                    "Input": '{"source":"scheduled","key":"from-template","at":"<aws.scheduler.scheduled-time>"}',
                },
            ),
            "Alarm": resource(
                "AWS::CloudWatch::Alarm",
                Namespace="AWS/States",
                MetricName="ExecutionsFailed",
                Dimensions=[{"Name": "StateMachineArn", "Value": {"Ref": "Parent"}}],
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanOrEqualToThreshold",
                AlarmActions=[{"Ref": "Topic"}],
            ),
        },
        "Outputs": {
            name: {"Value": value}
            for name, value in {
                "Word": {"Ref": "Word"},
                "Table": {"Ref": "Table"},
                "Bucket": {"Ref": "Bucket"},
                "Bus": {"Ref": "Bus"},
                "Secret": {"Ref": "Secret"},
                "Topic": {"Ref": "Topic"},
                "Queue": {"Ref": "Queue"},
                "Parent": {"Ref": "Parent"},
                "Child": {"Ref": "Child"},
                "Callback": {"Ref": "Callback"},
                "Asleep": {"Ref": "Asleep"},
                "Late": {"Ref": "Late"},
                "Hasty": {"Ref": "Hasty"},
                "Remember": arn("Remember"),
                "Imports": {"Ref": "Imports"},
                "Logs": {"Ref": "Logs"},
                "Role": ROLE,
            }.items()
        },
    }


def synthesize(directory: Path, template: dict[str, Any]) -> Path:
    """A cloud assembly with one stack, as CDK's default synthesizer lays it out."""
    (directory / "asset.code").mkdir(parents=True, exist_ok=True)
    (directory / "asset.code" / "app.py").write_text(FUNCTIONS, encoding="utf-8")
    bucket = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
    (directory / "Small.template.json").write_text(json.dumps(template), encoding="utf-8")
    files = {
        "code": {
            "source": {"path": "asset.code", "packaging": "zip"},
            "destinations": {"here": {"bucketName": bucket, "objectKey": "code.zip"}},
        },
        "template": {
            "source": {"path": "Small.template.json", "packaging": "file"},
            "destinations": {"here": {"bucketName": bucket, "objectKey": "template.json"}},
        },
    }
    (directory / "Small.assets.json").write_text(json.dumps({"version": "48.0.0", "files": files}), encoding="utf-8")
    artifacts = {
        "Small.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Small.assets.json"}},
        "Small": {
            "type": "aws:cloudformation:stack",
            "environment": "aws://unknown-account/unknown-region",
            "properties": {
                "templateFile": "Small.template.json",
                "stackTemplateAssetObjectUrl": f"s3://{bucket}/template.json",
            },
            "dependencies": ["Small.assets"],
        },
    }
    manifest = {"version": "48.0.0", "artifacts": artifacts}
    (directory / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return directory


class Simulator:
    """A simulator's clock endpoint: a Saturday night years ahead, a minute per real second."""

    speed = 60.0

    def __init__(self) -> None:
        self._began = time.monotonic()
        simulator = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps({"now": simulator.now().isoformat(), "speed": simulator.speed}).encode()
                self.send_response(200 if self.path == "/_simulator/clock" else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def now(self) -> datetime:
        return datetime(2031, 1, 4, 20, tzinfo=UTC) + timedelta(seconds=(time.monotonic() - self._began) * self.speed)


class App:
    """The small app on its stage."""

    def __init__(self, aws: Emulator, assembly: Path, simulator: Simulator) -> None:
        self.aws = aws
        self.now = simulator.now
        self.assembly = assembly
        self.outputs = aws.deploy(assembly, {"Word": "given"})

    def run(self, machine: str, given: dict[str, Any], seconds: float = 15) -> dict[str, Any]:
        """Start an execution and describe it once it has ended."""
        states = self.aws.client("stepfunctions")
        started = states.start_execution(stateMachineArn=self.outputs[machine], input=json.dumps(given))
        return self.ended(started["executionArn"], seconds)

    def ended(self, execution: str, seconds: float = 15) -> dict[str, Any]:
        states = self.aws.client("stepfunctions")

        def described() -> dict[str, Any] | None:
            seen: dict[str, Any] = states.describe_execution(executionArn=execution)
            return None if seen["status"] == "RUNNING" else seen

        return eventually(described, seconds)

    def call(self, function: str, event: dict[str, Any]) -> Any:
        answer = self.aws.client("lambda").invoke(FunctionName=self.outputs[function], Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    def remembered(self, source: str, seconds: float = 10) -> list[dict[str, Any]]:
        """The events of `source` that function Remember has seen, once there is one."""
        query = {
            "TableName": self.outputs["Table"],
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": source}},
        }
        items = eventually(lambda: self.aws.client("dynamodb").query(**query)["Items"], seconds)
        return [json.loads(item["event"]["S"]) for item in items]

    def messages(self, count: int, seconds: float = 10) -> list[str]:
        queue = self.aws.client("sqs")
        seen: list[str] = []

        def receive() -> list[str] | None:
            for message in queue.receive_message(QueueUrl=self.outputs["Queue"]).get("Messages", []):
                queue.delete_message(QueueUrl=self.outputs["Queue"], ReceiptHandle=message["ReceiptHandle"])
                seen.append(message["Body"])
            return seen if len(seen) >= count else None

        return eventually(receive, seconds)


def eventually(look: Callable[[], T | None], seconds: float = 10) -> T:
    """The first truthy answer of `look`, within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, f"nothing seen within {seconds} s"
        time.sleep(0.05)
    return answer
