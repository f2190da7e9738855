"""Commands inside a machine, through Systems Manager: sent once, then followed by the command's id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from cutover import clients

_WAITING = ("Pending", "InProgress", "Delayed", "Cancelling")
_WORDS = 300
_COMMENT = 100


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
    """Systems Manager in one region. `requests` counts what was asked, by operation.

    `client`: for everything; by default one that asks again where it looks, and another that sends a command once and
    waits `seconds` for the answer.
    """

    def __init__(self, region: str, client: Any = None, *, seconds: int = 60) -> None:
        self._client = client or clients.client("ssm", region)
        self._sender = client or clients.client_for_deeds("ssm", region, seconds)
        self.requests: Counter[str] = Counter()

    def send(self, document: str, parameters: Mapping[str, Sequence[str]], nodes: Sequence[str], comment: str) -> str:
        """Send it once; the command's id. What SSM refuses, or does not answer, is raised as botocore has it."""
        self.requests["ssm SendCommand"] += 1
        answer = self._sender.send_command(
            DocumentName=document,
            InstanceIds=list(nodes),
            Parameters={key: list(values) for key, values in parameters.items()},
            Comment=comment[:_COMMENT],
        )
        return str(answer["Command"]["CommandId"])

    def status(self, command: str, nodes: Sequence[str]) -> Command:
        """How it stands. One that has not reached all of its nodes has not passed: SSM itself calls a command that
        reached none a success."""
        seen = {node: self._on(command, node) for node in nodes}
        said = ", ".join(f"{node} {status or 'not reached'}" for node, status in seen.items())[:_WORDS]
        if any(status in _WAITING for status in seen.values()):
            return Command(CommandState.PENDING, said)
        if nodes and all(status == "Success" for status in seen.values()):
            return Command(CommandState.PASSED, said)
        failed = any(status not in ("", "Success") for status in seen.values())
        return Command(CommandState.FAILED if failed else CommandState.PENDING, said)

    def _on(self, command: str, node: str) -> str:
        """Its status on one node, in SSM's word; "" where it has not arrived, or not yet."""
        self.requests["ssm GetCommandInvocation"] += 1
        try:
            return str(self._client.get_command_invocation(CommandId=command, InstanceId=node)["Status"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvocationDoesNotExist":
                raise
            return ""
