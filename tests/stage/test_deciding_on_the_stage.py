"""A night as deployed, decided by links of the lead's own and told in Slack by the bot: nobody gives a command."""

from __future__ import annotations

import json
import time
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

from rich.console import Console
from ruamel.yaml import YAML

from cli.deployment import Deployment
from cli.plan import load_plan
from cli.rehearse import Rehearsal
from cutover.plan import Mode
from cutover.telling.audiences import UNCOMPOSED
from stage.simulator import Scenario
from stage.stage import Stage
from tests.slack import TOKEN, Slack, a_slack
from tests.stage.rehearsing import ROOT, evidence, files_that_say
from tests.stage.test_whole_night import EVERYBODY, proofs
from tests.visiting import FORM, SIGNING, Answer

LEAD, MEMBER = "lead@example.com", "U024BE7LH"
TELL = f"""
tell:
  application: Shop
  stakeholders: {{language: de, slack: "#shop"}}
  engineers: {{slack: "#cutover"}}
  people:
    {LEAD}: {{topic: cutover-to-lead, slack: {MEMBER}}}
"""
SECONDS = 600
"""Real, after which the night hangs; alone it takes about seventy."""


class Lead:
    """Reads what comes to their own topic, has a scanner follow every link, and then answers."""

    def __init__(self, stage: Stage) -> None:
        self._client = stage.client
        self.answered: list[str] = []
        self.links: list[str] = []
        sqs, sns = self._client("sqs"), self._client("sns")
        self._queue = sqs.create_queue(QueueName="lead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        topic = sns.create_topic(Name="cutover-to-lead")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        functions = self._client("lambda").list_functions()["Functions"]
        (self._decide,) = [each["FunctionName"] for each in functions if "FunctionsDecide" in each["FunctionName"]]

    def look(self) -> None:
        sqs = self._client("sqs")
        for message in sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", ()):
            sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
            words = json.loads(message["Body"])["Message"].split()
            (url,) = [word for word in words if "/d/" in word]
            path = "/d/" + url.rsplit("/d/", 1)[1]
            self.links.append(path.removeprefix("/d/"))
            for method in ("GET", "HEAD", "GET"):
                seen = self.visit(method, path)
                assert seen.status == 200, seen
            form = f"answer=yes&reason=&saw={_quoted(seen.field('saw'))}&seal={seen.field('seal')}"
            assert self.visit("POST", path, form).status == 303
            assert self.visit("POST", path, form).status == 409
            self.answered.append(seen.words)

    def visit(self, method: str, path: str, body: str = "") -> Answer:
        event = {
            "version": "2.0",
            "rawPath": path,
            "headers": {"content-type": FORM},
            "requestContext": {"http": {"method": method}},
            "body": body,
        }
        said = self._client("lambda").invoke(FunctionName=self._decide, Payload=json.dumps(event).encode())
        given = json.loads(said["Payload"].read())
        return Answer(given["statusCode"], given["headers"], given["body"])


def _quoted(text: str) -> str:
    return text.replace("+", "%2B").replace("=", "%3D").replace("/", "%2F")


def a_world_of_silent_people(folder: Path) -> Scenario:
    """The demo's, but that nobody answers by command."""
    yaml = YAML(typ="safe", pure=True)
    world = yaml.load((ROOT / "plans" / "scenarios" / "demo.yaml").read_text())
    del world["people"]
    world["clock"] = {"speed": 120}  # links are read and answered within seconds
    file = folder / "silent.yaml"
    with file.open("w") as out:
        yaml.dump(world, out)
    return Scenario.load(file)


def told(slack: Slack, channel: str) -> list[str]:
    return [reply.removeprefix("[SIMULATED] ") for reply in slack.replies(channel)]


def test_a_night_is_decided_by_links_and_told_in_slack_as_it_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    demo = (ROOT / "plans" / "demo.yaml").read_text()
    file.write_text(demo[: demo.index("# Who is told of its runs")] + TELL)
    plan, folder, console = load_plan(file), tmp_path / "cutover", Console(file=StringIO(), width=200)
    scenario = a_world_of_silent_people(tmp_path)
    with a_slack() as slack, Stage(scenario, region=plan.region, port=0, logs=tmp_path / "stage") as stage:
        lead, secret = Lead(stage), Deployment(stage.client).outputs["SlackSecretArn"]
        access = json.dumps({"token": TOKEN, "signing_secret": SIGNING, "api": slack.api})
        stage.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=access)
        slack.trouble = [429, None, 500]
        rehearsal = Rehearsal(plan, {Mode.CUTOVER: folder}, proofs(stage))
        night = Thread(target=rehearsal.carry_out, args=(stage, console), daemon=True)
        night.start()
        until = time.monotonic() + SECONDS
        while night.is_alive() and time.monotonic() < until:
            lead.look()
            time.sleep(0.5)  # real: the stage goes on by its clock; ends with the night, or at `until`
        assert not night.is_alive(), console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
        until = time.monotonic() + 60
        while not [each for each in told(slack, "#cutover") if "CutOver" in each] and time.monotonic() < until:
            time.sleep(0.5)  # real: the last message is on its way through the queue; a minute at the most
        seen: dict[str, Any] = evidence(folder)
        assert seen["run"]["outcome"] == "CutOver", seen["run"]["reason"]
        assert {each["name"]: each["via"] for each in seen["night"]["questions"]} == {
            "go": "link",
            "users": "link",
            "commit": "link",
        }
        assert {each["answered_by"] for each in seen["night"]["questions"]} == {LEAD}
        for question in seen["night"]["questions"]:
            assert "db01 (db): " in question["saw"]
        assert len(lead.answered) == 3
        (message,) = slack.posted("#cutover")
        subjects = told(slack, "#cutover")
        assert [each for each in subjects if "CutOver" in each] == [subjects[-1]]
        order = ("started", "asks go", "shut out", "zero loss", "wave db launched", "wave web launched", "asks users")
        places = [next(n for n, each in enumerate(subjects) if part in each) for part in order]
        assert places == sorted(places)
        assert len(subjects) == len(set(subjects)), "nothing is told twice"
        assert "5 of 5" not in message.texts[0]
        assert "3 of 3 verified" in message.words
        assert len(slack.posted("#shop")) == 1
        assert "Shop: laeuft seit" in told(slack, "#shop")[-1]
        assert {each["channel"] for each in seen["slack"]} == {"#cutover", "#shop"}
        assert max(each["failures"] for each in seen["slack"]) >= 1, "which nobody noticed"
        assert not [each for each in slack.messages if UNCOMPOSED in each.words]
        assert dict.fromkeys(EVERYBODY, 1) == stage.simulator.simulator.launches()  # type: ignore[union-attr]  # it has one
    for secret_word in (TOKEN, SIGNING, *lead.links):
        assert files_that_say(tmp_path, secret_word) == []
