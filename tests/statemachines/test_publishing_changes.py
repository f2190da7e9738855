"""What is published while a run goes on: read from the table's stream as deployed, held against the schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from jsonschema import Draft202012Validator

import publish_changes
from cutover.plan import Mode
from tests.statemachines.interpreter import ACCOUNT, REGION, Context
from tests.statemachines.night import BUS, TABLE, Night, a_night, a_plan, a_wave, a_world

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas" / "events"
VALID = {
    schema["title"]: Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    for schema in (json.loads(file.read_text()) for file in SCHEMAS.glob("*.schema.json"))
}
Event = dict[str, Any]


class Published:
    """The stream of a night's table, handed to the function; what lies on the bus after it."""

    def __init__(self, night: Night) -> None:
        self._dynamodb = boto3.client("dynamodb", REGION)
        self._dynamodb.update_table(
            TableName=TABLE, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        )
        self._sqs = boto3.client("sqs", REGION)
        self._queue = self._sqs.create_queue(QueueName="published")["QueueUrl"]
        self.listen("published", {"source": ["cutover"]})
        self.night = night

    def listen(self, queue: str, pattern: Event) -> str:
        """A rule on our bus with a queue as its target; the queue's URL."""
        url = str(self._sqs.create_queue(QueueName=queue)["QueueUrl"])
        events = boto3.client("events", REGION)
        events.put_rule(Name=queue, EventBusName=BUS, EventPattern=json.dumps(pattern))
        target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"}
        events.put_targets(Rule=queue, EventBusName=BUS, Targets=[target])
        return url

    def records(self) -> list[Any]:
        """All that the stream has."""
        streams = boto3.client("dynamodbstreams", REGION)
        arn = self._dynamodb.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        given: Any = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = streams.get_shard_iterator(**given)["ShardIterator"]
        found: list[Any] = []
        while records := (answer := streams.get_records(ShardIterator=iterator, Limit=1000))["Records"]:
            found += records
            iterator = answer["NextShardIterator"]
        return found

    def publish(self) -> list[Event]:
        """Hand over all records in batches; the typed events, each as its schema says."""
        records, context = self.records(), Context()
        self.read(self._queue)
        for begin in range(0, len(records), 100):
            publish_changes.handler({"Records": records[begin : begin + 100]}, context)  # type: ignore[arg-type]  # all that it needs of a context
        found = [each for each in self.read(self._queue) if each["detail-type"] != "RunNews"]
        for each in found:
            VALID[each["detail-type"]].validate(each["detail"])
        return found

    def read(self, queue: str) -> list[Event]:
        found = []
        while messages := self._sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return found


def of(found: list[Event], kind: str) -> Iterator[Event]:
    return (each["detail"] for each in found if each["detail-type"] == kind)


@pytest.fixture(scope="module")
def tested() -> Iterator[tuple[Published, list[Event], str]]:
    """A test of two machines, of which one fails; and what it published."""
    broken = {"launch": {"checks": "impaired"}}
    with a_night(a_world({"db01": {}, "web01": broken})) as night:
        published = Published(night)
        failures = published.listen("failures", json.loads((SCHEMAS / "example-rule.json").read_text()))
        night.run(a_plan(a_wave("db", "db01"), a_wave("web", "web01")), Mode.TEST)
        yield published, published.publish(), failures


def test_a_run_is_published_from_its_claim_to_its_end(tested: tuple[Published, list[Event], str]) -> None:
    published, found, _ = tested
    runs = list(of(found, "Run Changed"))
    assert [(each["before"], each["status"]) for each in runs] == [(None, "running"), ("running", runs[-1]["status"])]
    assert {(each["run"], each["plan"], each["mode"]) for each in runs} == {(published.night.run_id, "demo", "test")}
    assert runs[-1]["outcome"] == published.night.outcome()


def test_machines_are_published_when_their_status_or_target_changes(
    tested: tuple[Published, list[Event], str],
) -> None:
    published, found, _ = tested
    last = {each["machine"]: each for each in of(found, "Machine Changed")}
    assert {name: each["status"] for name, each in last.items()} == published.night.statuses()
    assert last["db01"]["instance"] == published.night.target_of("db01")


def test_every_line_of_a_log_is_published_once(tested: tuple[Published, list[Event], str]) -> None:
    published, found, _ = tested
    lines = [(each["wave"], each["number"], each["message"]) for each in of(found, "Job Log Line")]
    night = published.night
    logs = [
        (number, line + 1, said.message)
        for number in (1, 2)
        for job in night.store.wave(night.run_id, number).jobs
        for line, said in enumerate(night.store.read_job(night.run_id, number, job).log)
    ]
    assert lines
    assert sorted(lines) == sorted(logs)


def test_looks_and_leases_are_no_events(tested: tuple[Published, list[Event], str]) -> None:
    published, found, _ = tested
    logs = len(list(of(found, "Job Log Line")))
    assert len(found) - logs <= 30 < len(published.records())


def test_what_is_handed_over_again_has_the_same_ids(tested: tuple[Published, list[Event], str]) -> None:
    published, found, _ = tested
    ids = [each["detail"]["id"] for each in found]
    assert len(set(ids)) == len(ids)
    assert sorted(each["detail"]["id"] for each in published.publish()) == sorted(ids)


def test_the_example_rule_takes_failed_machines_of_cutovers_alone(tested: tuple[Published, list[Event], str]) -> None:
    published, _, failures = tested
    assert published.read(failures) == []  # this was a test
    detail = {"mode": "cutover", "status": "failed"}
    boto3.client("events", REGION).put_events(
        Entries=[
            {"Source": source, "DetailType": kind, "Detail": json.dumps(detail | change), "EventBusName": BUS}
            for source, kind, change in (
                ("cutover", "Machine Changed", {}),
                ("cutover", "Machine Changed", {"status": "verified"}),
                ("cutover", "Machine Changed", {"mode": "test"}),
                ("cutover", "Wave Changed", {}),
                ("another", "Machine Changed", {}),
            )
        ]
    )
    (taken,) = published.read(failures)
    assert (taken["detail-type"], taken["detail"]) == ("Machine Changed", detail)


def test_no_secret_is_published(tested: tuple[Published, list[Event], str]) -> None:
    published, found, _ = tested
    assert published.night.console.token not in json.dumps(found)
