"""What an account has and a rehearsal hides: schedules that start runs, messages that reach people, deaths told.

The stage is brought up as the command does; a queue is subscribed to the topic, and a web server plays Slack.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cli.deployment import Deployment
from cli.plan import load_plan
from cutover.plan import Mode
from stage.simulator import Scenario
from stage.stage import Stage
from tests.stage.rehearsing import ROOT, cutover, files_that_say

DEMO = (ROOT / "plans" / "demo.yaml").read_text()
SCENARIO = Scenario.load(ROOT / "plans" / "scenarios" / "demo.yaml")


@dataclass
class Night:
    """A stage, with somebody listening at every end."""

    stage: Stage
    deployment: Deployment
    folder: Path
    queue: str
    slack: list[str] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)

    def messages(self) -> list[dict[str, Any]]:
        """All that has arrived at the topic's queue so far: {Subject, Message, …}."""
        sqs = self.stage.client("sqs")
        while found := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for each in found:
                self.seen.append(json.loads(each["Body"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=each["ReceiptHandle"])
        return self.seen

    def message(self, *said: str) -> dict[str, Any] | None:
        """The first message that says all of this."""
        return next((each for each in self.messages() if all(text in str(each) for text in said)), None)

    def launches(self) -> dict[str, int]:
        """How often each machine was launched so far, by name."""
        assert self.stage.simulator is not None
        return self.stage.simulator.simulator.launches()

    def now(self) -> datetime:
        assert self.stage.simulator is not None
        return self.stage.simulator.simulator.clock.now()


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("night")
    posts: list[str] = []

    class Slack(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    slack = ThreadingHTTPServer(("127.0.0.1", 0), Slack)
    Thread(target=slack.serve_forever, daemon=True).start()
    with Stage(SCENARIO, region="eu-central-1", port=0, logs=folder / "stage") as stage:
        deployment = Deployment(stage.client)
        sqs = stage.client("sqs")
        queue = sqs.create_queue(QueueName="people")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        stage.client("sns").subscribe(TopicArn=deployment.outputs["TopicArn"], Protocol="sqs", Endpoint=arn)
        webhook = f"http://127.0.0.1:{slack.server_port}/services/secret"
        secret = deployment.outputs["SlackSecretArn"]
        stage.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=webhook)
        yield Night(stage, deployment, folder, queue, posts)
    slack.shutdown()
    slack.server_close()


def within(seconds: float, what: Callable[[], Any]) -> Any:
    """What it gives as soon as it gives something; an AssertionError when it never does."""
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.3)
    return found


def launching(night: Night, name: str) -> str:
    """The id of a test run of the demo plan under this name, once its first wave was launched."""
    path = night.folder / f"{name}.yaml"
    path.write_text(DEMO.replace("name: demo\n", f"name: {name}\n", 1))
    plan = load_plan(path)
    night.deployment.put_plan(plan)
    night.deployment.request_run(plan, Mode.TEST)
    run_id = within(60, lambda: night.deployment.latest_run(name, Mode.TEST))
    within(60, lambda: night.message(f"{name} test: wave db launched"))
    return str(run_id)


def test_a_schedule_starts_the_run_by_itself_and_people_are_told(night: Night) -> None:
    at = (night.now() + timedelta(minutes=10)).replace(microsecond=0)
    plan = night.folder / "scheduled.yaml"
    # A quarter of an hour is fifteen seconds here, and a busy machine is later than that.
    schedule = f"schedule: {{test: {at.isoformat()}, late_start: 12h}}"
    plan.write_text(DEMO.replace("name: demo\n", f"name: scheduled\n{schedule}\n", 1))

    put = cutover("plan", "put", plan, environment=night.stage.aws.environment)

    assert put.returncode == 0, put.stdout + put.stderr
    assert "begins by itself at" in put.stdout
    assert night.deployment.latest_run("scheduled", Mode.TEST) is None
    run_id = within(60, lambda: night.deployment.latest_run("scheduled", Mode.TEST))
    assert run_id == f"scheduled-test-{at:%Y%m%dT%H%M%SZ}"
    ended = within(120, lambda: night.message("scheduled test: Tested"))
    for said in ("5 of 5 machines are verified", "db01: verified (application), i-", "10.20.1.", "Production: SOURCE"):
        assert said in ended["Message"]
    assert night.message("scheduled test: started")
    assert night.message("wave db launched")
    within(20, lambda: [post for post in night.slack if "scheduled test: Tested" in post])


def test_the_same_request_twice_is_one_run(night: Night) -> None:
    path = night.folder / "twice.yaml"
    path.write_text(DEMO.replace("name: demo\n", "name: twice\n", 1).replace("db01", "web99"))
    plan = load_plan(path)
    night.deployment.put_plan(plan)

    detail = {"plan": plan.name, "sha256": plan.sha256, "mode": "test", "scheduled": "2030-06-01T07:00:00Z"}
    entry = {"Source": "cutover", "DetailType": "RunRequested", "Detail": json.dumps(detail)}
    bus = night.deployment.outputs["BusName"]
    night.stage.client("events").put_events(Entries=[entry | {"EventBusName": bus}] * 2)

    refused = within(60, lambda: night.message("twice test: Refused"))
    assert "no machine with name web99" in refused["Message"]
    started = night.stage.client("stepfunctions").list_executions(
        stateMachineArn=night.deployment.outputs["PlanMachineArn"]
    )["executions"]
    assert [each["name"] for each in started if each["name"].startswith("twice-")] == ["twice-test-20300601T070000Z-1"]


def test_a_run_aborted_during_its_first_wave_follows_it_to_its_end_and_launches_no_other(night: Night) -> None:
    run_id = launching(night, "aborted")
    before = night.launches()

    words = ("--by", "lead@example.com", "--reason", "the network is being changed tonight")
    aborted = cutover("abort", run_id, *words, environment=night.stage.aws.environment)
    again = cutover("abort", run_id, *words, environment=night.stage.aws.environment)

    assert aborted.returncode == 0, aborted.stdout + aborted.stderr
    assert "nothing more is launched" in aborted.stdout
    assert again.returncode == 1
    assert "was aborted already, by lead@example.com" in again.stderr
    told = within(120, lambda: night.message("aborted test: Aborted"))
    for said in ("aborted by lead@example.com", "the network is being changed tonight", "Production: SOURCE"):
        assert said in told["Message"]
    seen = json.loads(night.deployment.read_file(run_id, "evidence.json") or b"{}")
    db, web = seen["waves"]
    assert seen["run"]["outcome"] == "Aborted"
    assert [machine["status"] for machine in db["machines"]] == ["verified"] * 2
    assert (len(db["jobs"]), web["jobs"]) == (1, [])
    for machine in web["machines"]:
        assert machine["status"] == "aborted"
        (found,) = (each["seen"] for each in machine["findings"] if each["field"] == "abort")
        assert found.startswith("aborted by lead@example.com at ")
        assert found.endswith(": the network is being changed tonight")
    assert night.launches() == before, "nothing was launched after the abort"


def test_an_execution_stopped_from_outside_is_told_within_a_minute(night: Night) -> None:
    run_id = launching(night, "stopped")
    view = night.deployment.view(run_id)
    assert view is not None

    night.stage.client("stepfunctions").stop_execution(executionArn=view.run.execution, cause="wrong button")

    told = within(60, lambda: night.message("stopped test: died"))
    assert "ABORTED" in told["Message"]
    assert "Production: SOURCE" in told["Message"]
    evidence = json.loads(within(30, lambda: night.deployment.read_file(run_id, "evidence.json")))
    assert evidence["run"]["outcome"] == "Failed"
    assert {machine["status"] for machine in evidence["waves"][0]["machines"]} == {"unknown"}
    assert {machine["status"] for machine in evidence["waves"][1]["machines"]} == {"not_started"}


def test_neither_secret_is_anywhere_in_what_the_stage_wrote(night: Night) -> None:
    assert files_that_say(night.folder, str(SCENARIO.account.token)) == []
    assert files_that_say(night.folder, "/services/secret") == []
