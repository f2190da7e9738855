"""A deployed Cutover, in an account or on a stage: they differ by endpoint alone. Speaks to AWS APIs only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from cli.aws import in_words
from cutover.evidence import STEPPED, NightEvidence
from cutover.instants import instant, text
from cutover.monitor import WatchedPlan
from cutover.night_records import NightRecord, Order, QuestionRecord, StepRecord
from cutover.plan import WHEN_READY, Mode, Plan, plan_key
from cutover.planned_night import Night
from cutover.records import MachineRecord, Proof, RunRecord, WaveRecord, whole

STACK = "Cutover"
RETRIES = 185
"""Scheduler's most: how long a start is tried again is told by its age alone."""
Client = Callable[[str], Any]
"""Makes the boto3 client of a service, by its name."""


class NotDeployed(Exception):
    """When there is no stack to speak to; the message says what to do."""


class NotTaken(Exception):
    """When what somebody tells a run is not taken."""


class NotAborted(NotTaken):
    """When there is no such run, or it has ended, or it is aborted already; the message says which."""


@dataclass(frozen=True)
class RunView:
    """A run as recorded at one moment. `night`: None before it has one, as in a test."""

    run: RunRecord
    waves: tuple[tuple[WaveRecord, tuple[MachineRecord, ...]], ...]
    night: NightRecord | None = None
    steps: tuple[StepRecord, ...] = ()
    questions: tuple[QuestionRecord, ...] = ()
    order: Order | None = None

    def machines(self) -> list[MachineRecord]:
        return [machine for _, machines in self.waves for machine in machines]

    @property
    def last_seen(self) -> str:
        """The newest instant that the run has recorded, on its service's clock."""
        night = self.night or NightRecord()
        seen = [self.run.claimed, self.run.started, night.since, night.progressed, *night.done.values()]
        seen += [instant for wave, _ in self.waves for instant in (wave.started, wave.looked)]
        seen += [instant for step in self.steps for instant in (step.begun, step.done, step.undone)]
        seen += [instant for question in self.questions for instant in (question.asked, question.answered_at)]
        seen += [night.hold.since] if night.hold else []
        return max(instant for instant in seen if instant)


class Deployment:
    """The resources of one stack, by the names in its outputs."""

    def __init__(self, client: Client, stack: str = STACK) -> None:
        self._client, self._stack = client, stack

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name. NotDeployed when there is no such stack, or nobody says whether there is."""
        try:
            stacks = self._client("cloudformation").describe_stacks(StackName=self._stack)["Stacks"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise NotDeployed(f"whether {self._stack} is deployed here is not known: {in_words(error)}") from error
            raise NotDeployed(f"no stack {self._stack} here ({error}); deploy it first: make deploy") from error
        return {each["OutputKey"]: each["OutputValue"] for each in stacks[0].get("Outputs", [])}

    # Plans

    def put_plan(self, plan: Plan) -> str:
        """Store the compiled plan; its key. The same plan is the same object."""
        self._client("s3").put_object(
            Bucket=self.outputs["BucketName"],
            Key=plan.key,
            Body=plan.canonical().encode(),
            ContentType="application/json",
        )
        return plan.key

    def watch(self, plan: Plan) -> None:
        """Have the plan's machines watched by the replication monitor from now on, in this version of it. One that is
        watched already keeps what is remembered of it, such as that its test was requested."""
        entry = {"pk": "MONITOR", "sk": f"PLAN#{plan.name}", **WatchedPlan(plan.name, plan.sha256).to_json()}
        try:
            self._client("dynamodb").put_item(
                TableName=self.outputs["TableName"],
                Item={name: TypeSerializer().serialize(value) for name, value in entry.items()},
                ConditionExpression="attribute_not_exists(pk) OR sha256 <> :sha256",
                ExpressionAttributeValues={":sha256": {"S": plan.sha256}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            self._pause(plan.name, False)

    def unwatch(self, plan: str) -> None:
        """Have it watched no more, by its name; all that is remembered of it stays, for when it is watched again."""
        self._pause(plan, True)

    def forget_watching(self, plan: str) -> None:
        """The same for good: watched again, it is new."""
        self._client("dynamodb").delete_item(TableName=self.outputs["TableName"], Key=_watched(plan))

    def _pause(self, plan: str, paused: bool) -> None:
        try:
            self._client("dynamodb").update_item(
                TableName=self.outputs["TableName"],
                Key=_watched(plan),
                UpdateExpression="SET paused = :paused",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":paused": {"BOOL": paused}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def now_at_aws(self) -> datetime:
        """The present by AWS's clock; the one of whoever gives a command may be wrong."""
        return time_of(self._client("sts").get_caller_identity())

    def put_schedules(self, plan: Plan, now: datetime | None = None) -> dict[Mode, str]:
        """One one-time schedule for each mode the plan has a time for, and none for the others; names by mode.

        A time that has passed by `now`, AWS's, gets none either: what was to begin then has begun, or never will.
        """
        scheduler, group = self._client("scheduler"), self.outputs["ScheduleGroupName"]
        now, made = now or self.now_at_aws(), {}
        for mode in Mode:
            name = f"{plan.name}-{mode.value}"
            at = plan.schedule.get(mode)
            if at is None or at == WHEN_READY or instant(at) <= now:
                self._remove_schedule(name)
                continue
            settings = {
                "Name": name,
                "GroupName": group,
                "ScheduleExpression": f"at({at.removesuffix('Z')})",
                "ScheduleExpressionTimezone": "UTC",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "ActionAfterCompletion": "DELETE",
                "Target": {
                    "Arn": self.outputs["StartFunctionArn"],
                    "RoleArn": self.outputs["SchedulerRoleArn"],
                    # Late by more than this, a start is a surprise: it goes to the queue that is watched instead.
                    "RetryPolicy": {
                        "MaximumEventAgeInSeconds": plan.calendar.late_start,
                        "MaximumRetryAttempts": RETRIES,
                    },
                    "DeadLetterConfig": {"Arn": self.outputs["ScheduleDeadLetterArn"]},
                    "Input": json.dumps(
                        {"plan": plan.name, "sha256": plan.sha256, "mode": mode.value, "scheduled": at}
                    ),
                },
            }
            try:
                scheduler.create_schedule(**settings)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConflictException":
                    raise
                scheduler.update_schedule(**settings)
            made[mode] = name
        return made

    def _remove_schedule(self, name: str) -> bool:
        """Whether there was one."""
        try:
            self._client("scheduler").delete_schedule(Name=name, GroupName=self.outputs["ScheduleGroupName"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return False
        return True

    def put_proofs(self, plan: str, proofs: Iterable[Proof]) -> None:
        """Record verified tests from elsewhere, as a test run of the plan would have."""
        for proof in proofs:
            item = {"pk": f"PLAN#{plan}", "sk": f"VERIFIED#{proof.mode}#{proof.machine}", **proof.to_json()}
            self._client("dynamodb").put_item(
                TableName=self.outputs["TableName"],
                Item=wire(item),
            )

    # Runs

    def request_run(self, plan: Plan, mode: Mode, *, observe: bool = False) -> None:
        """Put a *run requested* event on the bus. `observe`: a run that only proves launches made by hand."""
        detail: dict[str, Any] = {"plan": plan.name, "sha256": plan.sha256, "mode": mode.value}
        if observe:
            detail["observe"] = True
        answer = self._client("events").put_events(
            Entries=[
                {
                    "Source": "cutover",
                    "DetailType": "RunRequested",
                    "Detail": json.dumps(detail),
                    "EventBusName": self.outputs["BusName"],
                }
            ]
        )
        if answer["FailedEntryCount"]:
            raise NotDeployed(f"the bus {self.outputs['BusName']} did not take the event: {answer['Entries'][0]}")

    def latest_run(self, plan: str, mode: Mode, *, observe: bool = False) -> str | None:
        """The id of the run of this plan and mode that was claimed last; of those that observe, or of the others."""
        item = self._get(f"PLAN#{plan}", f"LATEST#{mode}" + ("-observe" if observe else ""))
        return str(item["run"]) if item else None

    def view(self, run_id: str) -> RunView | None:
        """The run with all its waves; None before it is claimed."""
        items = self._query(f"RUN#{run_id}")
        meta = items.pop("META", None)
        if meta is None:
            return None
        waves = []
        for key, item in sorted(items.items()):
            if re.fullmatch(r"WAVE#\d+", key):
                machines = [
                    MachineRecord.from_json(each) for sk, each in items.items() if sk.startswith(f"{key}#MACHINE#")
                ]
                waves.append((WaveRecord.from_json(item), tuple(sorted(machines, key=lambda each: each.position))))
        steps = [StepRecord.from_json(item) for sk, item in sorted(items.items()) if sk.startswith("STEP#")]
        asked = [QuestionRecord.from_json(item) for sk, item in items.items() if sk.startswith("QUESTION#")]
        return RunView(
            RunRecord.from_json(meta),
            tuple(waves),
            NightRecord.from_json(items["NIGHT"]) if "NIGHT" in items else None,
            tuple(sorted(steps, key=lambda each: each.begun)),
            tuple(sorted(asked, key=lambda each: (each.asked, each.name))),
            Order.from_json(items["ORDER"]) if "ORDER" in items else None,
        )

    def night(self, run_id: str, planned: Night) -> NightEvidence:
        """What was recorded around the run's waves, for its evidence."""
        items = self._query(f"RUN#{run_id}")
        steps = [StepRecord.from_json(item) for sk, item in items.items() if sk.startswith("STEP#")]
        questions = [QuestionRecord.from_json(item) for sk, item in items.items() if sk.startswith("QUESTION#")]
        return NightEvidence(
            planned,
            NightRecord.from_json(items["NIGHT"]) if "NIGHT" in items else NightRecord(),
            sorted(steps, key=lambda each: (STEPPED.index(each.part), each.number)),
            sorted(questions, key=lambda each: (each.asked, each.name)),
        )

    def plan_of(self, run: RunRecord) -> Plan:
        """The compiled plan that the run carries out."""
        answer = self._client("s3").get_object(
            Bucket=self.outputs["BucketName"], Key=plan_key(run.plan, run.carried_out)
        )
        return Plan.from_json(answer["Body"].read().decode())

    def now(self, view: RunView) -> str:
        """The instant at which somebody tells the run something: AWS's clock, as ours may be wrong, and never before
        what the run has recorded by its service's."""
        answer = self._client("dynamodb").get_item(
            TableName=self.outputs["TableName"], Key={"pk": {"S": f"RUN#{view.run.id}"}, "sk": {"S": "ORDER"}}
        )
        return max(text(time_of(answer)), view.last_seen)

    def write_if(self, run_id: str, *operations: tuple[str, str, dict[str, Any]]) -> bool:
        """Carry out all of these on records of the run if all their conditions hold; whether they did.

        Each is Update, Put or ConditionCheck, the record's sort key, and its arguments with plain values.
        """
        items = []
        for kind, sk, given in operations:
            key = {"pk": f"RUN#{run_id}", "sk": sk}
            values = given.get("ExpressionAttributeValues", {})
            where = {"Item": wire({**key, **given["Item"]})} if kind == "Put" else {"Key": wire(key)}
            wired = {**given, **where, **({"ExpressionAttributeValues": wire(values)} if values else {})}
            items.append({kind: {"TableName": self.outputs["TableName"], **wired}})
        try:
            self._client("dynamodb").transact_write_items(TransactItems=items)
        except ClientError as error:
            reasons: Any = error.response.get("CancellationReasons", ())
            if any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
                return False
            raise
        return True

    def execution_status(self, arn: str) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        return str(self._client("stepfunctions").describe_execution(executionArn=arn)["status"])

    def transitions(self, view: RunView) -> int:
        """States entered so far in the run's executions."""
        executions = [each for each in (view.run.execution, *(wave.execution for wave, _ in view.waves)) if each]
        pages = self._client("stepfunctions").get_paginator("get_execution_history")
        return sum(
            event["type"].endswith("StateEntered")
            for arn in executions
            for page in pages.paginate(executionArn=arn, includeExecutionData=False)
            for event in page["events"]
        )

    def read_file(self, run_id: str, name: str) -> bytes | None:
        """A file of the run; None while it is not there."""
        try:
            answer = self._client("s3").get_object(Bucket=self.outputs["BucketName"], Key=f"runs/{run_id}/{name}")
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        return bytes(answer["Body"].read())

    def _get(self, pk: str, sk: str) -> dict[str, Any] | None:
        answer = self._client("dynamodb").get_item(
            TableName=self.outputs["TableName"], Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
        )
        return _item(answer["Item"]) if "Item" in answer else None

    def _query(self, pk: str) -> dict[str, dict[str, Any]]:
        pages = (
            self._client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self.outputs["TableName"],
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": pk}},
                ConsistentRead=True,
            )
        )
        return {item["sk"]["S"]: _item(item) for page in pages for item in page["Items"]}


def time_of(answer: Any) -> datetime:
    """When AWS gave an answer of boto3's, by its Date header; by our clock where there is none."""
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(date) if date else datetime.now(UTC)


def _watched(plan: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": "MONITOR"}, "sk": {"S": f"PLAN#{plan}"}}


def wire(item: dict[str, Any]) -> dict[str, Any]:
    """A record as DynamoDB takes it."""
    return {name: TypeSerializer().serialize(value) for name, value in item.items()}


def _item(item: dict[str, Any]) -> dict[str, Any]:
    return {name: whole(TypeDeserializer().deserialize(value)) for name, value in item.items()}
