"""A run in Slack: one message kept up to date, its news in the thread, in order, whatever Slack does meanwhile."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import boto3
import pytest

import notify_slack
import write_slack
from cutover import boards
from cutover.planned_telling import Audience, Channel, Telling
from cutover.telling.board import Shown
from cutover.told_records import Board
from tests.slack import TOKEN, Slack, a_slack
from tests.statemachines.interpreter import REGION, Context, Handler, load_handlers
from tests.statemachines.test_whole_night import People, Whole, a_whole_night

CONTEXT: Any = Context()
TELLING = Telling(
    "Shop",
    "Munich",
    "AWS",
    {
        Audience.STAKEHOLDERS: Channel("de", slack="#shop"),
        Audience.ENGINEERS: Channel(slack="#cutover"),
        Audience.PAGER: Channel(slack="#on-call"),
    },
)
WHOLE = (
    "started",
    "asks go",
    "shut out",
    "zero loss",
    "launched",
    "asks users",
    "on the targets",
    "asks commit",
    "CutOver",
)


class Queue:
    """The FIFO queue and what Lambda does with it: one message of a run at a time, again where it failed."""

    def __init__(self, mixed: random.Random | None = None) -> None:
        self._sqs, self._mixed = boto3.client("sqs", REGION), mixed
        attributes = {"FifoQueue": "true", "VisibilityTimeout": "360"}
        self.url = self._sqs.create_queue(QueueName="slack.fifo", Attributes=attributes)["QueueUrl"]
        self.failures: list[list[str]] = []
        self.visibility: list[int] = []
        self.late: list[dict[str, Any]] = []

    def hear(self, details: list[dict[str, Any]]) -> None:
        """The rule calls its target, in whatever order the bus has."""
        events = [{"detail-type": "RunNews", "time": "2026-11-28T22:00:00Z", "detail": each} for each in details]
        if self._mixed is not None:
            self.late += events
            self._mixed.shuffle(self.late)
            events, self.late = self.late[:1], self.late[1:]
        for event in events:
            assert notify_slack.handler(event, CONTEXT) == {"sent": True}

    def work(self, attempts: int = 1) -> None:
        """Hand out what there is, each message so often at the most."""
        asked: Any = {"QueueUrl": self.url, "MaxNumberOfMessages": 1, "AttributeNames": ["All"]}
        while got := self._sqs.receive_message(**asked).get("Messages"):
            message, done = got[0], False
            for number in range(1, attempts + 1):
                record = {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "attributes": {**message["Attributes"], "ApproximateReceiveCount": str(number)},
                }
                with patch.object(write_slack, "client", self._watching):
                    answer = write_slack.handler({"Records": [record]}, CONTEXT)
                done = answer == {"batchItemFailures": []}
                if done:
                    break
                self.failures.append([each["itemIdentifier"] for each in answer["batchItemFailures"]])
                assert self.failures[-1] == [message["MessageId"]]
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])  # or put aside

    def _watching(self, name: str) -> Any:
        queue = self

        class Sqs:
            def change_message_visibility(self, **given: Any) -> None:
                queue.visibility.append(given["VisibilityTimeout"])

        assert name == "sqs"
        return Sqs()


@contextmanager
def in_slack(
    people: People | None = None, attempts: int = 1, mixed: int | None = None, **more: Any
) -> Iterator[tuple[Whole, Slack, Queue]]:
    """A whole night that is told in three channels as it goes on."""
    handlers = load_handlers()
    queues: list[Queue] = []

    def tell(event: dict[str, Any]) -> Any:
        answer = handlers["Tell"](event)
        queues[0].hear(it.night.news())
        queues[0].work(attempts)
        return answer

    told: dict[str, Handler] = {"Tell": tell}
    with a_slack() as slack, a_whole_night(people, handlers=told, **more) as it:
        it.plan = replace(it.plan, telling=TELLING)
        secret = json.dumps({"token": TOKEN, "api": slack.api, "signing_secret": "8f742231b10e8888abcd99yyyzzz85a5"})
        arn = boto3.client("secretsmanager", REGION).create_secret(Name="slack", SecretString=secret)["ARN"]
        queues.append(Queue(random.Random(mixed) if mixed is not None else None))
        with patch.dict(os.environ, {"SLACK_SECRET": arn, "CUTOVER_SLACK_QUEUE": queues[0].url}):
            yield it, slack, queues[0]


def in_order(replies: list[str], *parts: str) -> bool:
    return len(replies) == len(parts) and all(part in reply for reply, part in zip(replies, parts, strict=True))


def board(it: Whole, channel: str = "#cutover") -> Board:
    return it.night.store.board(it.night.run_id, channel)


def test_a_whole_run_is_one_message_and_its_edits_with_its_news_in_the_thread_in_order() -> None:
    with in_slack() as (it, slack, queue):
        assert it.carry_out() == "CutOver"
        assert queue.failures == []
        for channel in ("#cutover", "#shop"):
            assert len(slack.posted(channel)) == 1, channel
        assert slack.posted("#on-call") == [], "nobody had to get up"
        (message,) = slack.posted()
        assert in_order(slack.replies(), *WHOLE), slack.replies()
        assert all(
            each.thread == message.ts for each in slack.messages if each.thread and each.channel == message.channel
        )
        assert len(message.texts) == 9, "posted, and edited with every other piece of news"
        assert len(set(message.texts)) == 9
        assert "Users are shut out since" in message.texts[2]
        assert "TARGET since" in message.words
        assert "1 of 1 verified" in message.words
        assert "`db` ██████████" in message.words
        assert "Users were shut out for" in message.words
        assert it.night.run_id in message.words
        owners = slack.replies("#shop")
        assert 3 <= len(owners) <= 6
        assert "Shop: laeuft seit" in owners[-1]
        assert board(it).threaded == 9
        assert board(it).failures == 0


def test_news_that_comes_mixed_up_is_written_in_the_order_it_was_told() -> None:
    with in_slack(mixed=7) as (it, slack, queue):
        assert it.carry_out() == "CutOver"
        for event in queue.late:
            notify_slack.handler(event, CONTEXT)
        queue.work()
        assert in_order(slack.replies(), *WHOLE), slack.replies()
        assert len(slack.posted()) == 1


@pytest.mark.parametrize("trouble", [500, 429, "channel_not_found"])
def test_slack_is_down_all_night_and_the_run_never_notices(trouble: Any) -> None:
    with in_slack() as (it, slack, queue):
        slack.trouble = [trouble] * 1000
        assert it.carry_out() == "CutOver"
        assert slack.messages == []
        assert len(queue.failures) == 9
        shown = board(it)
        assert shown.failures == 9
        assert shown.ts is None
        (written,) = [each for each in it.night.evidence()["slack"] if each["channel"] == "#cutover"]
        assert (written["posted"], written["failures"]) == (False, 8), "the end was told after the evidence was written"
        assert written["failed"].startswith("Slack ")
        assert TOKEN not in json.dumps(it.night.evidence())


def test_what_slack_did_not_take_is_made_up_for_when_it_is_back() -> None:
    with in_slack() as (it, slack, queue):
        slack.trouble = [500] * 12
        assert it.carry_out() == "CutOver"
        assert queue.failures
        assert len(slack.posted()) == 1
        assert in_order(slack.replies(), *WHOLE), slack.replies()


def test_slack_says_for_how_long_it_wants_to_be_left_alone() -> None:
    with in_slack(attempts=4) as (it, slack, queue):
        slack.trouble = [429, 500, 500]
        assert it.carry_out() == "CutOver"
        # 429 for one channel and 500 for the other: what Slack asks for counts. Then 500 for the first again.
        assert queue.visibility == [7, 30]
        assert len(slack.posted()) == 1
        assert in_order(slack.replies(), *WHOLE), slack.replies()


@pytest.mark.parametrize("where", [0, 1, 4])
def test_what_was_taken_though_the_answer_was_lost_is_not_posted_again(where: int) -> None:
    with in_slack(attempts=3) as (it, slack, queue):
        slack.trouble = [*[None] * where, "lose"]
        assert it.carry_out() == "CutOver"
        assert queue.failures
        assert len(slack.posted()) == 1
        assert len(slack.posted("#shop")) == 1
        assert in_order(slack.replies(), *WHOLE), slack.replies()


def test_a_bot_that_may_not_read_writes_rather_twice_than_never() -> None:
    with in_slack(attempts=3) as (it, slack, _):
        slack.readable, slack.trouble = False, ["lose"]
        assert it.carry_out() == "CutOver"
        assert len(slack.posted()) + len(slack.posted("#shop")) == 3
        assert in_order(slack.replies(), *WHOLE), slack.replies()


def test_one_channel_that_is_not_there_keeps_no_other_one_from_being_written() -> None:
    with in_slack() as (it, slack, queue):
        del slack.channels["#shop"]
        assert it.carry_out() == "CutOver"
        assert len(queue.failures) == 9
        assert in_order(slack.replies(), *WHOLE), slack.replies()
        assert board(it).failures == 0
        assert board(it, "#shop").failed == "Slack refuses it: channel_not_found"


def test_a_message_that_somebody_deleted_is_posted_anew() -> None:
    edit = boards._One._edit

    def edit_what_is_gone(one: boards._One, shown: Shown) -> None:
        gone = [each for each in slack.posted() if each.channel == one.board.channel]
        slack.messages = [each for each in slack.messages if each not in gone]
        edit(one, shown)

    with in_slack() as (it, slack, _):
        with patch.object(boards._One, "_edit", edit_what_is_gone):
            assert it.carry_out() == "CutOver"
        assert len(slack.posted()) == 1
        assert "TARGET since" in slack.posted()[0].words


def test_a_question_has_buttons_while_it_is_open_and_only_a_digest_of_their_id_is_kept() -> None:
    with in_slack() as (it, slack, _):
        assert it.carry_out() == "CutOver"
        asked = [each for each in slack.messages if "asks go" in each.text]
        (actions,) = [block for block in asked[0].blocks if block["type"] == "actions"]
        yes, no = actions["elements"]
        assert (yes["action_id"], no["action_id"]) == ("decide_yes", "decide_no")
        assert yes["value"] == no["value"]
        assert len(yes["value"]) >= 43
        assert not [text for text in it.night.records_and_files() if yes["value"] in text]
        invitation = it.night.store.invited(yes["value"])
        assert invitation is not None
        assert (invitation.run, invitation.question, invitation.by) == (it.night.run_id, "go", "")


def test_a_change_that_is_no_news_brings_an_edit_a_minute_at_the_most() -> None:
    with in_slack() as (it, slack, queue):
        assert it.carry_out() == "CutOver"
        edits = slack.asked.count("chat.update")
        change = {"detail-type": "Wave Changed", "time": "2026-11-28T22:01:30Z", "detail": {"run": it.night.run_id}}
        for second in range(40):
            notify_slack.handler({**change, "time": f"2026-11-28T22:01:{second:02}Z"}, CONTEXT)
        messages = boto3.client("sqs", REGION).get_queue_attributes(
            QueueUrl=queue.url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        assert messages["Attributes"]["ApproximateNumberOfMessages"] == "1"
        queue.work()
        assert slack.asked.count("chat.update") == edits, "and none where nothing looks different"


def test_the_token_is_in_nothing_that_is_kept_or_said() -> None:
    with in_slack() as (it, slack, _):
        slack.trouble = ["invalid_auth", 500, "drop"]
        assert it.carry_out() == "CutOver"
        assert not [text for text in it.night.everything_left() if TOKEN in text]
