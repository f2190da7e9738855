"""Waves that listen, in the table: what `wake` and `await_event` write, in whatever order they come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

import await_event
import wake
from cutover import clients
from cutover.errors import RunNotFound
from cutover.plan import Mode
from cutover.records import RunRecord
from cutover.waits import KEPT, Waits
from cutover.waking import Heard
from tests.statemachines.events import event_of, result
from tests.statemachines.interpreter import Context

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
RUN = "demo-test-20261128T090000Z"
BOTH = (frozenset({"j1 a", "j1 b"}),)


@dataclass
class StepFunctions:
    """Takes answers to tasks. `over`: tokens of tasks that wait no more, by the error that says so."""

    answered: list[str] = field(default_factory=list)
    over: dict[str, str] = field(default_factory=dict)

    def send_task_success(self, *, taskToken: str, output: str) -> None:  # as boto3 spells it
        assert output == "{}"
        if taskToken in self.over:
            raise ClientError({"Error": {"Code": self.over[taskToken], "Message": "no"}}, "SendTaskSuccess")
        self.answered.append(taskToken)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    settings = {
        "AWS_ACCESS_KEY_ID": "stage",
        "AWS_SECRET_ACCESS_KEY": "stage",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "CUTOVER_TABLE": "cutover",
        "CUTOVER_BUCKET": "cutover",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield boto3.resource("dynamodb").create_table(
            TableName="cutover",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )


@pytest.fixture
def waits(table: Table) -> Waits:
    run = RunRecord(RUN, "demo", "0" * 64, Mode.TEST, 1, None, "2026-11-28T09:00:00Z")
    item: Any = {"pk": f"RUN#{RUN}", "sk": "META", **run.to_json()}
    table.put_item(Item=item)
    return Waits(table)


@pytest.fixture
def tasks() -> Iterator[StepFunctions]:
    tasks = StepFunctions()
    made = clients.client
    with patch.object(clients, "client", lambda service: tasks if service == "stepfunctions" else made(service)):
        yield tasks


def sleep(token: str = "token") -> bool:
    context: Any = Context()
    answer = await_event.handler({"run": RUN, "wave": 1, "token": token}, context)
    return bool(answer["awake"])


def event(said: dict[str, Any]) -> int:
    context: Any = Context()
    return int(wake.handler(said, context)["woken"])


def test_the_last_event_wakes_the_task_once(waits: Waits, tasks: StepFunctions) -> None:
    waits.listen(RUN, 1, NOW)
    waits.expect(RUN, 1, BOTH)
    assert sleep() is False
    assert [event(result(machine, "j1")) for machine in ("a", "a", "b", "b")] == [0, 0, 1, 0]
    assert tasks.answered == ["token"]
    assert waits.listening()[0].token is None


def test_two_hundred_events_are_one_answer(waits: Waits, tasks: StepFunctions) -> None:
    names = [f"s-{number:017}" for number in range(200)]
    waits.listen(RUN, 1, NOW)
    waits.expect(RUN, 1, (frozenset(f"mgnjob-1 {name}" for name in names),))
    sleep()
    assert sum(event(result(name, "mgnjob-1")) for name in names) == 1
    assert tasks.answered == ["token"]


def test_what_came_during_the_look_is_not_slept_over(waits: Waits, tasks: StepFunctions) -> None:
    waits.listen(RUN, 1, NOW)
    assert event(result("a", "j1")) + event(result("b", "j1")) == 0
    waits.expect(RUN, 1, BOTH)
    assert sleep() is True
    assert tasks.answered == ["token"]


def test_what_came_between_look_and_sleep_is_not_slept_over(waits: Waits, tasks: StepFunctions) -> None:
    waits.listen(RUN, 1, NOW)
    waits.expect(RUN, 1, BOTH)
    assert event(result("a", "j1")) + event(result("b", "j1")) == 0, "nobody sleeps yet"
    assert sleep() is True
    assert tasks.answered == ["token"]


def test_a_look_forgets_what_was_heard_before(waits: Waits, tasks: StepFunctions) -> None:
    waits.listen(RUN, 1, NOW)
    event(event_of("a", "MGN Source Server Data Replication Stalled Change", {"state": "STALLED"}))
    waits.listen(RUN, 1, NOW)
    waits.expect(RUN, 1, (frozenset({"a"}),))
    assert sleep() is False
    assert tasks.answered == []


@pytest.mark.parametrize(
    "said",
    [result("z", "j1"), result("a", "j9"), event_of("a", "MGN Agent Install", {}), {"detail": None}, {}],
    ids=["another machine", "another job", "another kind", "malformed", "empty"],
)
def test_what_nobody_waits_for_is_ignored(said: dict[str, Any], waits: Waits, tasks: StepFunctions) -> None:
    assert event(said) == 0, "nobody listens at all"
    waits.listen(RUN, 1, NOW)
    waits.expect(RUN, 1, BOTH)
    sleep()
    assert event(said) == 0
    assert tasks.answered == []
    assert waits.listening()[0].heard == frozenset()


def test_every_wave_that_waits_for_it_is_woken(waits: Waits, tasks: StepFunctions) -> None:
    for number, token in ((1, "one"), (2, "two")):
        waits.listen(RUN, number, NOW)
        waits.expect(RUN, number, (frozenset({"a"}),))
        waits.hold(RUN, number, token)
    assert event(event_of("a", "MGN Source Server Lifecycle State Change", {"state": "READY_FOR_TEST"})) == 2
    assert sorted(tasks.answered) == ["one", "two"]


@pytest.mark.parametrize("error", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_task_that_waits_no_more_is_no_failure(error: str, waits: Waits, tasks: StepFunctions) -> None:
    tasks.over = {"token": error}
    waits.listen(RUN, 1, NOW)
    waits.expect(RUN, 1, (frozenset({"j1 a"}),))
    sleep()
    assert event(result("a", "j1")) == 1
    assert waits.listening()[0].token is None


def test_an_answer_that_is_refused_otherwise_is_tried_again(waits: Waits, tasks: StepFunctions) -> None:
    tasks.over = {"token": "ThrottlingException"}
    waits.listen(RUN, 1, NOW)
    waits.expect(RUN, 1, (frozenset({"j1 a"}),))
    sleep()
    with pytest.raises(ClientError):
        event(result("a", "j1"))
    tasks.over = {}
    assert event(result("a", "j1")) == 1, "the bus delivers it once more"


def test_a_newer_task_keeps_its_token(waits: Waits, tasks: StepFunctions) -> None:
    waits.listen(RUN, 1, NOW)
    waits.expect(RUN, 1, BOTH)
    old = waits.hold(RUN, 1, "old")
    waits.hold(RUN, 1, "new")
    waits.wake(old)
    assert waits.listening()[0].token == "new"


def test_who_does_not_listen_cannot_sleep(waits: Waits, tasks: StepFunctions) -> None:
    with pytest.raises(RunNotFound, match="does not listen"):
        sleep()
    waits.listen(RUN, 1, NOW)
    waits.forget(RUN, 1)
    assert waits.listening() == []


def test_a_wave_that_was_closed_meanwhile_is_not_written_again(waits: Waits, tasks: StepFunctions) -> None:
    waits.listen(RUN, 1, NOW)
    waits.expect(RUN, 1, BOTH)
    seen = waits.listening()[0]
    waits.forget(RUN, 1)
    with pytest.raises(RunNotFound):
        waits.hear(seen, Heard("a", "j1"))
    with patch.object(Waits, "listening", lambda self: [seen]):
        assert event(result("a", "j1")) == 0
    assert waits.listening() == []


def test_a_wave_whose_execution_died_is_forgotten(waits: Waits, table: Table) -> None:
    waits.listen(RUN, 1, NOW)
    item = table.get_item(Key={"pk": "WAITING", "sk": f"{RUN}#001"})["Item"]
    assert item["expires"] == int(NOW.timestamp()) + KEPT
