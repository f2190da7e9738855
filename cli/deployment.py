"""A deployed Cutover, in an account or on a stage: they differ by endpoint alone. Speaks to AWS APIs only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from cutover.plan import Mode, Plan
from cutover.records import MachineRecord, Proof, RunRecord, WaveRecord, whole

STACK = "Cutover"
LATEST_START = 900
"""Seconds after its instant that a schedule may still start a run."""
Client = Callable[[str], Any]
"""Makes the boto3 client of a service, by its name."""


class NotDeployed(Exception):
    """When there is no stack to speak to; the message says what to do."""


class NotAborted(Exception):
    """When there is no such run, or it has ended, or it is aborted already; the message says which."""


@dataclass(frozen=True)
class RunView:
    """A run as recorded at one moment."""

    run: RunRecord
    waves: tuple[tuple[WaveRecord, tuple[MachineRecord, ...]], ...]

    def machines(self) -> list[MachineRecord]:
        return [machine for _, machines in self.waves for machine in machines]


class Deployment:
    """The resources of one stack, by the names in its outputs."""

    def __init__(self, client: Client, stack: str = STACK) -> None:
        self._client, self._stack = client, stack

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name. NotDeployed when there is no such stack, or one without outputs."""
        try:
            stacks = self._client("cloudformation").describe_stacks(StackName=self._stack)["Stacks"]
        except ClientError as error:
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

    def put_schedules(self, plan: Plan) -> dict[Mode, str]:
        """One one-time schedule for each mode the plan names a time for, and none for the others; names by mode."""
        scheduler, group = self._client("scheduler"), self.outputs["ScheduleGroupName"]
        made = {}
        for mode in Mode:
            name = f"{plan.name}-{mode.value}"
            at = plan.schedule.get(mode)
            if at is None:
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
                    "RetryPolicy": {"MaximumEventAgeInSeconds": LATEST_START, "MaximumRetryAttempts": 10},
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

    def _remove_schedule(self, name: str) -> None:
        try:
            self._client("scheduler").delete_schedule(Name=name, GroupName=self.outputs["ScheduleGroupName"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise

    def put_proofs(self, plan: str, proofs: Iterable[Proof]) -> None:
        """Record verified tests from elsewhere, as a test run of the plan would have."""
        for proof in proofs:
            item = {"pk": f"PLAN#{plan}", "sk": f"VERIFIED#{proof.mode}#{proof.machine}", **proof.to_json()}
            self._client("dynamodb").put_item(
                TableName=self.outputs["TableName"],
                Item={name: TypeSerializer().serialize(value) for name, value in item.items()},
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
        return RunView(RunRecord.from_json(meta), tuple(waves))

    def abort(self, run_id: str, by: str, reason: str, at: str) -> None:
        """Mark the run: what was not launched is not launched any more. `at` is UTC, ISO 8601. Errors: NotAborted."""
        try:
            self._client("dynamodb").update_item(
                TableName=self.outputs["TableName"],
                Key={"pk": {"S": f"RUN#{run_id}"}, "sk": {"S": "META"}},
                UpdateExpression="SET aborted = :yes, aborted_by = :by, abort_reason = :why, aborted_at = :at",
                ConditionExpression="aborted = :no AND (#status = :running OR interrupted = :yes)",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={
                    ":yes": {"BOOL": True},
                    ":no": {"BOOL": False},
                    ":by": {"S": by},
                    ":why": {"S": reason},
                    ":at": {"S": at},
                    ":running": {"S": "running"},
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise NotAborted(self._why_not_aborted(run_id)) from error

    def _why_not_aborted(self, run_id: str) -> str:
        item = self._get(f"RUN#{run_id}", "META")
        if item is None:
            return f"no run {run_id} is known here; the messages of a run and its evidence name it"
        run = RunRecord.from_json(item)
        if run.aborted:
            return f"run {run_id} was aborted already, by {run.aborted_by} at {run.aborted_at}: {run.abort_reason}"
        return f"run {run_id} has ended ({run.outcome or run.status}); there is nothing to abort"

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


def _item(item: dict[str, Any]) -> dict[str, Any]:
    return {name: whole(TypeDeserializer().deserialize(value)) for name, value in item.items()}
