"""Links of one's own: who is sent one, by which way, once; and the sign-off of a test, for which there is one, too."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import boto3
import pytest

import invite
from cutover import inviting
from cutover.errors import MessageNotSent
from cutover.instants import after, instant
from cutover.invitations import Invitation
from cutover.plan import AskedToSign, Mode
from cutover.planned_telling import Telling
from cutover.records import Outcome, RunStatus
from tests.slack import TOKEN, Slack, a_slack
from tests.statemachines.evening import RUN, Evening
from tests.statemachines.interpreter import REGION
from tests.statemachines.test_deciding import APP, CONTEXT, MEMBER, TELLING, asked, everything, go
from tests.statemachines.test_whole_night import LEAD
from tests.visiting import SIGNING, answer, visit


@contextmanager
def inviting_people(telling: Telling = TELLING, **more: Any) -> Iterator[tuple[Evening, Slack, str]]:
    """The lead's topic with a queue behind it, and a Slack."""
    with asked(telling, **more) as (it, _), a_slack() as slack:
        sns, sqs = boto3.client("sns", REGION), boto3.client("sqs", REGION)
        topic = sns.create_topic(Name="cutover-to-lead")["TopicArn"]
        queue = sqs.create_queue(QueueName="lead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        secret = json.dumps({"token": TOKEN, "signing_secret": SIGNING, "api": slack.api})
        secret_arn = boto3.client("secretsmanager", REGION).create_secret(Name="slack", SecretString=secret)["ARN"]
        settings = {
            "SLACK_SECRET": secret_arn,
            "CUTOVER_DECIDE_URL": "https://abc.lambda-url.eu-central-1.on.aws/",
            "CUTOVER_TOPIC": topic.replace("cutover-to-lead", "deployment"),
        }
        with patch.dict(os.environ, settings):
            yield it, slack, queue


def received(queue: str) -> list[str]:
    sqs = boto3.client("sqs", REGION)
    got = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(each["Body"])["Message"] for each in got]


def asked_event(question: str | None = "go", news: str = "asked") -> dict[str, Any]:
    return {"detail-type": "RunNews", "detail": {"run": RUN, "news": news, "question": question}}


def path_in(message: str) -> str:
    (found,) = [word for word in message.split() if word.startswith("https://abc.lambda-url")]
    return found.removeprefix("https://abc.lambda-url.eu-central-1.on.aws")


def test_everybody_who_is_asked_gets_a_link_of_their_own_by_their_own_way() -> None:
    with inviting_people() as (it, slack, queue):
        assert invite.handler(asked_event(), CONTEXT) == {"invited": 2}
        (mail,) = received(queue)
        direct = {each.channel: each.text for each in slack.messages}
        assert set(direct) == {MEMBER, "U0APPOWNER"}
        assert f"{LEAD} is asked: May users be shut out" in mail
        assert "The link is for you alone" in mail
        assert path_in(mail) == path_in(direct[MEMBER])
        assert path_in(mail) != path_in(direct["U0APPOWNER"])
        assert f"You are asked as {APP}" in visit("GET", path_in(direct["U0APPOWNER"])).words
        assert answer(path_in(mail), "yes").status == 303
        assert go(it).answered_by == LEAD
        assert not [item for item in everything() if path_in(mail).removeprefix("/d/") in item]


def test_nobody_is_invited_twice_and_nobody_to_what_is_decided() -> None:
    with inviting_people() as (it, _, queue):
        invite.handler(asked_event(), CONTEXT)
        assert invite.handler(asked_event(), CONTEXT) == {"invited": 0}
        assert len(received(queue)) == 1
        it.store.ask_again(RUN, replace(go(it), answer="yes", asked=after(it.now, 5)))
        assert invite.handler(asked_event(), CONTEXT) == {"invited": 0}
        assert invite.handler(asked_event(news="started"), CONTEXT) == {"invited": 0}


def test_somebody_who_cannot_be_reached_keeps_nobody_else_from_being_invited_and_is_tried_again() -> None:
    with inviting_people() as (_, slack, _queue):
        slack.trouble = [500, 500]
        with pytest.raises(MessageNotSent, match="somebody did not get their link"):
            invite.handler(asked_event(), CONTEXT)
        assert invite.handler(asked_event(), CONTEXT) == {"invited": 2}
        assert {each.channel for each in slack.messages} == {MEMBER, "U0APPOWNER"}


def test_without_a_page_nobody_is_sent_to_it() -> None:
    with inviting_people() as (_, _slack, queue), patch.dict(os.environ, {"CUTOVER_DECIDE_URL": ""}):
        assert invite.handler(asked_event(), CONTEXT) == {"invited": 0}
        assert received(queue) == []


def signing(it: Evening, **changed: Any) -> str:
    """The run is a verified test that the lead signs off; the path of their link."""
    plan = it.store.plan("demo", it.store.run(RUN).sha256)
    waves = tuple(replace(wave, sign_off=AskedToSign((LEAD, APP), changed.pop("until", None))) for wave in plan.waves)
    plan = replace(plan, waves=waves)
    it.store.write_plan(plan)
    ended = {"status": RunStatus.SUCCEEDED, "outcome": Outcome.TESTED, "ended": it.now, "mode": Mode.TEST, **changed}
    it.store.update_run(RUN, sha256=plan.sha256, **ended)
    expires = int(instant(it.now).timestamp()) + 86400
    return f"/d/{inviting.given(it.store, Invitation(RUN, 'sign_off', it.now, LEAD, expires))}"


def test_a_test_is_signed_off_by_link_once() -> None:
    with asked() as (it, _):
        path = signing(it)
        seen = visit("GET", path)
        assert "Does this test count for the cutover?" in seen.words
        assert answer(path, "yes").status == 303
        said = it.store.signed_off("demo", "*", LEAD)
        assert said is not None
        assert (said.runs, said.rejected, said.via) == ((RUN,), False, "link")
        assert "Does this test count" in said.saw
        assert visit("POST", path, {"answer": "no", "reason": "x", "saw": "", "seal": ""}).status == 409
        assert "has answered: It counts" in visit("GET", path).words


def test_a_test_is_rejected_with_a_reason() -> None:
    with asked() as (it, _):
        path = signing(it)
        assert answer(path, "no", "orders are missing").status == 303
        said = it.store.signed_off("demo", "*", LEAD)
        assert said is not None
        assert (said.rejected, said.reason) == (True, "orders are missing")


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"outcome": Outcome.FAILED}, 410), ({"mode": Mode.CUTOVER}, 410), ({"until": "2026-11-28T08:00:00Z"}, 410)],
)
def test_what_is_no_verified_test_or_too_late_is_not_signed_off(changed: dict[str, Any], status: int) -> None:
    with asked() as (it, _):
        assert visit("GET", signing(it, **changed)).status == status
        assert it.store.signed_off("demo", "*", LEAD) is None


def test_whoever_signs_tests_off_is_invited_when_one_is_verified() -> None:
    with inviting_people() as (it, _, queue):
        signing(it)
        assert invite.handler(asked_event(None, "ended"), CONTEXT) == {"invited": 2}
        (mail,) = received(queue)
        assert "Does this test count for the cutover?" in mail
        assert answer(path_in(mail), "yes").status == 303
