"""Commands inside of machines: moto's Systems Manager, in which a command succeeds at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws
from moto.ssm.models import Command

from cutover.guest import CommandState, Guest

NODES = ["i-0a1b2c3d4e5f60718", "mi-0a1b2c3d4e5f60718"]


@pytest.fixture
def guest() -> Iterator[Guest]:
    with mock_aws():
        client = boto3.client("ssm", "eu-central-1", aws_access_key_id="stage", aws_secret_access_key="stage")
        yield Guest("eu-central-1", client)


def says(*statuses: str) -> Any:
    """The next invocations, one for each node, have these statuses."""
    rest = iter(statuses)

    def answer(self: Any, instance: str, plugin: str) -> dict[str, Any]:
        return {"CommandId": self.command_id, "InstanceId": instance, "PluginName": plugin, "Status": next(rest)}

    return patch.object(Command, "invocation_response", answer)


def test_a_command_is_followed_by_its_id(guest: Guest) -> None:
    command = guest.send("trust", {"site": ["fra"]}, NODES, "run r: trust")
    seen = guest.status(command, NODES)
    assert seen.state is CommandState.PASSED
    assert seen.words == f"{NODES[0]} Success, {NODES[1]} Success"
    assert guest.requests == {"ssm SendCommand": 1, "ssm GetCommandInvocation": 2}


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (("Success", "InProgress"), CommandState.PENDING),
        (("Failed", "InProgress"), CommandState.PENDING),
        (("Success", "Failed"), CommandState.FAILED),
        (("Success", "Undeliverable"), CommandState.FAILED),
        (("TimedOut", "Success"), CommandState.FAILED),
    ],
)
def test_it_passes_only_where_it_succeeded_on_every_node(
    guest: Guest, statuses: tuple[str, str], state: CommandState
) -> None:
    with says(*statuses):
        command = guest.send("trust", {}, NODES, "")

    assert guest.status(command, NODES).state is state


def test_a_command_that_reached_no_node_or_not_all_has_not_passed(guest: Guest) -> None:
    assert guest.status(guest.send("trust", {}, [], ""), []).state is CommandState.PENDING
    seen = guest.status(guest.send("trust", {}, NODES[:1], ""), NODES)
    assert seen.state is CommandState.PENDING
    assert f"{NODES[1]} not reached" in seen.words
