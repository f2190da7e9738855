"""The demo, through the command: a test, and a week later a whole night with application, users and people, each begun
by its schedule."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from io import StringIO
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from threading import Thread
from typing import Any

import boto3
import jsonschema
import pytest
import requests
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from cli.deployment import Deployment
from cli.plan import load_plan
from cli.rehearse import Rehearsal
from cutover.instants import compact, instant, text
from cutover.plan import Mode
from cutover.records import Proof
from stage.simulator import Scenario
from stage.stage import Stage
from tests.stage.rehearsing import (
    CUTOVER,
    ROOT,
    clean_environment,
    cutover,
    evidence,
    files_that_say,
    processes_of,
    statuses,
)

DEMO = ROOT / "plans" / "demo.yaml"
TOKEN = str(Scenario.load(ROOT / "plans" / "scenarios" / "demo.yaml").account.token)
EVERYBODY = dict.fromkeys(["db01", "db02", "web01", "web02", "web03"], "verified")
SECONDS = 400
"""After which the demo hangs: alone it takes less than two minutes, beside the suite twice that."""


def targets(seen: dict[str, Any]) -> dict[str, Any]:
    return {machine["name"]: machine["target"] for wave in seen["waves"] for machine in wave["machines"]}


def users(folder: Path) -> dict[str, int]:
    return dict(json.loads((folder / "users.json").read_text()))


class Listeners:
    """Queues of whoever hears what the stage says: subscribed to the topic, and to every event of our bus."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.messages: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        session = boto3.Session(variables["AWS_ACCESS_KEY_ID"], "stage", region_name=variables["AWS_REGION"])
        self._client = partial(session.client, endpoint_url=variables["AWS_ENDPOINT_URL"])
        outputs = Deployment(self._client).outputs
        people, machines = self._queue("people"), self._queue("machines")
        self._client("sns").subscribe(TopicArn=outputs["TopicArn"], Protocol="sqs", Endpoint=people[1])
        bus, events = outputs["BusName"], self._client("events")
        events.put_rule(Name="hears", EventBusName=bus, EventPattern=json.dumps({"source": ["cutover"]}))
        events.put_targets(Rule="hears", EventBusName=bus, Targets=[{"Id": "queue", "Arn": machines[1]}])
        for url, heard in ((people[0], self.messages), (machines[0], self.events)):
            Thread(target=self._listen, args=(url, heard), daemon=True).start()

    def _queue(self, name: str) -> tuple[str, str]:
        sqs = self._client("sqs")
        url = str(sqs.create_queue(QueueName=name)["QueueUrl"])
        return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def _listen(self, url: str, heard: list[dict[str, Any]]) -> None:
        sqs = self._client("sqs")
        while True:
            try:
                for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ()):
                    heard.append(json.loads(each["Body"]))
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            except (BotoCoreError, ClientError):
                return  # the stage has ended
            time.sleep(0.5)  # real, between two looks; the thread ends with the stage


def test_the_demo_is_tested_and_moved_by_its_calendar_without_losing_or_doubling_an_order(tmp_path: Path) -> None:
    began, lines, listeners, history = time.monotonic(), list[str](), list[Listeners](), list[str]()
    command = [str(CUTOVER), "rehearse", str(DEMO), "--calendar", "--out", str(tmp_path)]
    with Popen(command, cwd=ROOT, env=clean_environment(), stdout=PIPE, stderr=STDOUT, text=True) as process:
        for line in process.stdout or ():
            lines.append(line)
            if line.startswith("to take part: export "):
                variables = dict(each.split("=", 1) for each in line.removeprefix("to take part: export ").split())
                listeners.append(Listeners(variables))
            if "says yes to users" in line:
                history.append(cutover("history", "demo", "--json", environment=variables).stdout)
    took, said = time.monotonic() - began, "".join(lines)

    assert process.returncode == 0, said
    (heard,) = listeners
    told = [each["Subject"] for each in heard.messages]
    for subject in (
        "demo test: wave db launched",
        "demo test: Tested",
        "demo cutover: started",
        "demo cutover: asks commit",
    ):
        assert len([each for each in told if subject in each]) == 1, told
    kinds = {each["detail-type"] for each in heard.events}
    assert kinds >= {"Run Changed", "Wave Changed", "Machine Changed", "Job Log Line", "Decision", "Production Changed"}
    holders = [each["detail"]["holder"] for each in heard.events if each["detail-type"] == "Production Changed"]
    assert holders == ["nobody", "target"]
    decisions = [each["detail"] for each in heard.events if each["detail-type"] == "Decision"]
    assert {each["name"] for each in decisions} >= {"go", "users", "commit"}
    runs = json.loads(history[0])["runs"]
    assert [(each["mode"], each["outcome"]) for each in runs] == [("test", "Tested"), ("cutover", None)]
    assert [each["id"] for each in runs] == [
        f"demo-{each['mode']}-{compact(instant(each['scheduled']))}" for each in runs
    ]
    assert said.count(" has fired\n") == 2
    for mode in ("test", "cutover"):
        assert f"report of the {mode}: {tmp_path / mode / 'report.html'}\n" in said
    schema = json.loads((ROOT / "docs" / "schemas" / "evidence.schema.json").read_text())
    for mode, outcome in (("test", "Tested"), ("cutover", "CutOver")):
        seen = evidence(tmp_path / mode)
        jsonschema.validate(seen, schema)
        assert statuses(seen) == EVERYBODY
        levels = {machine["level"] for wave in seen["waves"] for machine in wave["machines"]}
        assert levels == {"application"}, "not only booted"
        assert (seen["run"]["mode"], seen["run"]["outcome"], seen["simulated"]) == (mode, outcome, True)
        assert seen["requests"]["POST launchMachines"] == 2
        assert outcome.lower()[:6] in (tmp_path / mode / "summary.md").read_text().lower().replace(" ", "")
    before = targets(evidence(tmp_path / "test"))
    for name, target in targets(evidence(tmp_path / "cutover")).items():
        assert target["replaced"] == before[name]["instance_id"]

    tested, moved = users(tmp_path / "test"), users(tmp_path / "cutover")
    assert (tested["refused"], tested["downtime"], tested["served_target"]) == (0, 0, 0), (
        "a test takes nothing from users"
    )
    for count in (tested, moved):
        assert (count["lost"], count["served_twice"]) == (0, 0)
        assert count["orders"] == count["served_source"] + count["served_target"] + count["refused"]
    assert min(moved["served_source"], moved["served_target"], moved["refused"]) > 0

    night = evidence(tmp_path / "cutover")["night"]
    assert night["committed"]
    assert night["downtime_seconds"] == pytest.approx(moved["downtime"], abs=120), "as users saw it"
    assert night["downtime_seconds"] < night["estimate_seconds"]
    assert {(step["name"], step["state"]) for step in night["steps"]} >= {
        ("doors", "done"),
        ("sources", "done"),
        ("address", "done"),
    }
    for words in (
        "lead@example.com says yes to go",
        "production: nobody since ",
        "production: target since ",
        f"{moved['orders']} orders, 0 lost, 0 served twice",
        "export AWS_ENDPOINT_URL=http://127.0.0.1:",
    ):
        assert words in said
    assert files_that_say(tmp_path, TOKEN) == []
    assert TOKEN not in said
    assert processes_of(tmp_path) == []
    assert took < SECONDS


def proofs(stage: Stage) -> list[Proof]:
    """What an earlier test run of the plan leaves: every machine was verified."""
    assert stage.simulator is not None
    (project,) = stage.simulator.simulator.world.projects.values()
    when = text(stage.now() - timedelta(days=9))
    return [Proof(each.id, Mode.TEST, "an earlier run", None, when) for each in project.machines.values()]


def test_after_the_way_back_everything_is_as_promised_and_a_second_rollback_does_nothing(tmp_path: Path) -> None:
    """Users were not let onto the targets. A second attempt is shown in process, where it takes seconds."""
    plan, scenario = load_plan(DEMO), Scenario.load(ROOT / "plans" / "scenarios" / "no-to-users.yaml")
    console, folder = Console(file=StringIO(), width=200), tmp_path / "cutover"
    with Stage(scenario, region=plan.region, port=0, logs=tmp_path / "stage") as stage:
        Rehearsal(plan, {Mode.CUTOVER: folder}, proofs(stage)).carry_out(stage, console)
        seen = evidence(folder)
        assert seen["run"]["outcome"] == "RolledBack", seen["run"]["reason"]
        assert statuses(seen) == dict.fromkeys(EVERYBODY, "rolled_back")
        assert seen["production"][-1]["holder"] == "source"
        assert seen["night"]["back"]["data_stays"] is None

        made = {each["instance_id"] for each in targets(seen).values()}
        assert {name: (state, kept) for name, (state, kept, _) in in_ec2(stage, made).items()} == dict.fromkeys(
            made, ("stopped", False)
        ), "stopped, not terminated; nothing protects them from the next attempt"
        assert {tags["cutover:rolled-back"] for _, _, tags in in_ec2(stage, made).values()} == {seen["run"]["id"]}

        assert stage.simulator is not None
        simulated = stage.simulator.simulator
        assert simulated.launches() == dict.fromkeys(EVERYBODY, 1)
        sources = simulated.sources()
        assert (sources.off(), sources.quiet()) == ([], False)
        simulated.advance(1800)
        now = stage.now()
        (project,) = simulated.world.projects.values()
        consistent = [each.replication(now).consistent_at for each in project.machines.values()]
        assert all(each and now - each < timedelta(minutes=5) for each in consistent), "they replicate again"
        assert through(stage, "http://shop.example/health") == (200, {"site": "source", "serves": True})
        doors = through(stage, "http://control.shop.example/state")[1]
        assert (doors["users"], doors["doors"]["source"], set(doors["power"].values())) == ("source", True, {True})

        before = stage.client("dynamodb").scan(TableName=Deployment(stage.client).outputs["TableName"])["Items"]
        words = (seen["run"]["id"], "--by", "lead@example.com", "--reason", "again")
        again = cutover("rollback", *words, environment=stage.aws.environment)
        assert again.returncode == 1
        assert f"run {seen['run']['id']} has ended (RolledBack)" in again.stderr
        after = stage.client("dynamodb").scan(TableName=Deployment(stage.client).outputs["TableName"])["Items"]
        assert sorted(map(str, after)) == sorted(map(str, before))

    counted = users(folder)
    assert (counted["lost"], counted["served_twice"], counted["served_target"]) == (0, 0, 0)
    assert counted["orders"] == counted["served_source"] + counted["refused"]
    assert min(counted["served_source"], counted["refused"]) > 0
    assert seen["night"]["downtime_seconds"] == pytest.approx(counted["downtime"], abs=120), "as users saw it"


def in_ec2(stage: Stage, ids: set[str]) -> dict[str, tuple[str, bool, dict[str, str]]]:
    """State, protection from termination and tags by instance id."""
    ec2, found = stage.client("ec2"), {}
    for reservation in ec2.describe_instances(InstanceIds=sorted(ids))["Reservations"]:
        for each in reservation["Instances"]:
            said = ec2.describe_instance_attribute(InstanceId=each["InstanceId"], Attribute="disableApiTermination")
            tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
            found[each["InstanceId"]] = (each["State"]["Name"], said["DisableApiTermination"]["Value"], tags)
    return found


def through(stage: Stage, url: str) -> tuple[int, dict[str, Any]]:
    """What a host that the stage plays answers."""
    assert stage.outside is not None
    answer = requests.get(url, proxies={"http": stage.outside.url}, timeout=10)
    return answer.status_code, answer.json()
