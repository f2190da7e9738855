"""Commands inside a machine, through Systems Manager: sent once, then followed by the command's id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cutover import clients

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_WAITING = ("Pending", "InProgress", "Delayed", "Cancelling")
_WORDS = 300


class CommandState(StrEnum):
    """How a command stands on all of its nodes."""

    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True)
class Command:
    """What became of a command, in words."""

    state: CommandState
    words: str


class Guest:
    """Systems Manager in one region. `requests` counts what was asked, by operation."""

    def __init__(self, region: str, client: SSMClient | None = None) -> None:
        self._client = client or clients.client("ssm", region)
        self.requests: Counter[str] = Counter()

    def send(self, document: str, parameters: Mapping[str, Sequence[str]], nodes: Sequence[str], comment: str) -> str:
        """Send it once; the command's id. What SSM refuses is raised as botocore has it."""
        self.requests["ssm SendCommand"] += 1
        answer = self._client.send_command(
            DocumentName=document,
            InstanceIds=list(nodes),
            Parameters={key: list(values) for key, values in parameters.items()},
            Comment=comment[:100],
        )
        return str(answer["Command"]["CommandId"])

    def status(self, command: str, nodes: Sequence[str]) -> Command:
        """How it stands. A command that reached fewer nodes than it was sent to has not passed: SSM calls one that
        reached none a success."""
        self.requests["ssm ListCommandInvocations"] += 1
        pages = self._client.get_paginator("list_command_invocations").paginate(CommandId=command)
        seen = {each["InstanceId"]: str(each["Status"]) for page in pages for each in page["CommandInvocations"]}
        said = ", ".join(f"{node} {seen.get(node, 'not reached')}" for node in nodes)[:_WORDS]
        if any(seen.get(node) in _WAITING for node in nodes):
            return Command(CommandState.PENDING, said)
        if all(seen.get(node) == "Success" for node in nodes):
            return Command(CommandState.PASSED, said)
        missing = [node for node in nodes if node not in seen]
        failed = any(status != "Success" for status in seen.values())
        return Command(CommandState.FAILED if failed or not missing else CommandState.PENDING, said)
