"""Executions of the state machines: starting a run's, waking one that waits, counting the states they entered."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from cutover import clients

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


_ANSWERED = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")
"""What Step Functions says of a token whose task waits no more."""


class Executions:
    """The Step Functions service, as far as runs need it."""

    def __init__(self, client: SFNClient | None = None) -> None:
        self._client = client or clients.client("stepfunctions")

    def start(self, machine: str, name: str, run_id: str) -> str:
        """Start the execution of a run; its ARN. The name makes it once: an execution that exists is the one meant."""
        try:
            answer = self._client.start_execution(
                stateMachineArn=machine, name=name, input=json.dumps({"run": run_id}, separators=(",", ":"))
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
            return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
        return answer["executionArn"]

    def status(self, execution: str) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        return str(self._client.describe_execution(executionArn=execution)["status"])

    def answer(self, token: str) -> None:
        """Let the task that waits by this token go on; nothing when it has gone on already."""
        try:
            self._client.send_task_success(taskToken=token, output="{}")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _ANSWERED:
                raise

    def transitions(self, executions: Iterable[str]) -> int:
        """States entered so far in these executions; what Step Functions charges for, but for retries."""
        count = 0
        for arn in executions:
            for page in self._client.get_paginator("get_execution_history").paginate(
                executionArn=arn, includeExecutionData=False, PaginationConfig={"PageSize": 1000}
            ):
                count += sum(1 for event in page["events"] if event["type"].endswith("StateEntered"))
        return count
