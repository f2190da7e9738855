"""News leaves for the topic and for Slack; the webhook's URL is a secret and is never said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto import mock_aws

import notify_slack
import notify_sns
from cutover.errors import MessageNotSent

NEWS: dict[str, Any] = {
    "detail-type": "RunNews",
    "detail": {
        "run": "demo-test-1",
        "plan": "demo",
        "mode": "test",
        "wave": None,
        "news": "ended",
        "outcome": "Tested",
        "subject": "demo test: Tested",
        "text": "Production: SOURCE.",
        "letters": [
            {
                "audience": "engineers",
                "language": "en",
                "topic": "",
                "slack": "",
                "subject": "demo test: Tested",
                "text": "Production: SOURCE.",
            }
        ],
    },
}
CONTEXT: Any = None


class Slack(HTTPServer):
    """A webhook that answers as told and keeps what it was sent."""

    status = 200
    got: list[Any]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(server.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack(("127.0.0.1", 0), _Handler) as server:
        server.got = []
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def post(webhook: str) -> dict[str, Any]:
    with patch.dict("os.environ", {"SLACK_SECRET": "arn"}), patch.object(notify_slack, "secret", lambda arn: webhook):
        return notify_slack.handler(NEWS, CONTEXT)


def test_slack_is_told_subject_and_text(slack: Slack) -> None:
    assert post(f"http://127.0.0.1:{slack.server_port}/services/T0/secret\n") == {"sent": True}
    assert slack.got == [{"text": "*demo test: Tested*\nProduction: SOURCE."}]


def test_nothing_in_a_message_calls_a_channel(slack: Slack) -> None:
    news = {"detail": {**NEWS["detail"], "subject": "<!channel> & co", "text": "web<@U1>"}}
    with patch.dict(NEWS, news):
        post(f"http://127.0.0.1:{slack.server_port}/services/T0/secret")
    assert slack.got == [{"text": "*&lt;!channel&gt; &amp; co*\nweb&lt;@U1&gt;"}]


@pytest.mark.parametrize("webhook", ["", "none", "ftp://x", "http://hooks.example.com/secret"])
def test_without_a_webhook_nothing_is_sent(webhook: str) -> None:
    assert post(webhook) == {"sent": False}


@pytest.mark.parametrize("status", [302, 404, 429, 500])
def test_an_answer_that_is_not_ok_is_an_error_and_the_url_is_not_said(slack: Slack, status: int) -> None:
    slack.status = status
    with pytest.raises(MessageNotSent, match=str(status)) as caught:
        post(f"http://127.0.0.1:{slack.server_port}/services/T0/secret")
    assert "secret" not in str(caught.value)
    assert len(slack.got) == 1


def test_no_answer_is_an_error_that_holds_no_url() -> None:
    with pytest.raises(MessageNotSent) as caught:
        post("http://127.0.0.1:1/services/T0/secret")
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


@pytest.fixture
def topic() -> Iterator[dict[str, str]]:
    settings = {"AWS_ACCESS_KEY_ID": "stage", "AWS_SECRET_ACCESS_KEY": "stage", "AWS_DEFAULT_REGION": "eu-central-1"}
    with mock_aws(), patch.dict("os.environ", settings):
        arn = boto3.client("sns").create_topic(Name="messages")["TopicArn"]
        queue = boto3.client("sqs").create_queue(QueueName="people")["QueueUrl"]
        subscribed = {"TopicArn": arn, "Protocol": "sqs", "Endpoint": "arn:aws:sqs:eu-central-1:123456789012:people"}
        boto3.client("sns").subscribe(**subscribed)
        with patch.dict("os.environ", {"CUTOVER_TOPIC": arn}):
            yield {"arn": arn, "queue": queue}


def received(queue: str) -> list[dict[str, Any]]:
    got = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(each["Body"]) for each in got]


def letter(**changed: str) -> dict[str, str]:
    return {**NEWS["detail"]["letters"][0], **changed}


def news(*letters: dict[str, str]) -> dict[str, Any]:
    return {"detail": {**NEWS["detail"], "letters": list(letters)}}


def test_the_topic_gets_the_message_with_attributes_to_filter_by(topic: dict[str, str]) -> None:
    sent = notify_sns.handler(NEWS, CONTEXT)
    (body,) = received(topic["queue"])
    assert [body["MessageId"]] == sent["messages"]
    assert (body["Subject"], body["Message"]) == ("demo test: Tested", "Production: SOURCE.")
    assert {name: each["Value"] for name, each in body["MessageAttributes"].items()} == {
        "audience": "engineers",
        "plan": "demo",
        "mode": "test",
        "news": "ended",
        "outcome": "Tested",
    }


def test_each_audience_is_told_by_its_own_topic(topic: dict[str, str]) -> None:
    boto3.client("sns").create_topic(Name="cutover-owners")
    owners = topic["arn"].replace("messages", "cutover-owners")
    queue = boto3.client("sqs").create_queue(QueueName="owners")["QueueUrl"]
    endpoint = "arn:aws:sqs:eu-central-1:123456789012:owners"
    boto3.client("sns").subscribe(TopicArn=owners, Protocol="sqs", Endpoint=endpoint)
    plain = letter(audience="stakeholders", topic="cutover-owners", text="Der Shop ist offen.")
    notify_sns.handler(news(letter(), plain), CONTEXT)
    assert [each["Message"] for each in received(topic["queue"])] == ["Production: SOURCE."]
    assert [each["Message"] for each in received(queue)] == ["Der Shop ist offen."]


def test_what_a_named_topic_refuses_goes_by_the_deployments_own(topic: dict[str, str]) -> None:
    notify_sns.handler(news(letter(audience="pager", topic="cutover-misspelt", text="HOLDS")), CONTEXT)
    (body,) = received(topic["queue"])
    assert (body["Message"], body["MessageAttributes"]["audience"]["Value"]) == ("HOLDS", "pager")


def test_one_letter_that_goes_nowhere_keeps_no_other_one_back(topic: dict[str, str]) -> None:
    spoiled = letter(subject="x" * 101)
    with pytest.raises(MessageNotSent):
        notify_sns.handler(news(spoiled, letter(audience="pager", text="HOLDS")), CONTEXT)
    assert [each["Message"] for each in received(topic["queue"])] == ["HOLDS"]


def test_a_topic_that_is_not_there_is_a_message_not_sent(topic: dict[str, str]) -> None:
    with patch.dict("os.environ", {"CUTOVER_TOPIC": topic["arn"] + "-gone"}), pytest.raises(MessageNotSent):
        notify_sns.handler(NEWS, CONTEXT)
