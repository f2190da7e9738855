"""Decisions by link and in Slack: what somebody sees, who may answer, once, in time, and what is refused and how."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from unittest.mock import patch

import boto3
import pytest

import invite
import wake
from cutover import deciding_requests, inviting
from cutover.errors import AwsUnavailable, MessageNotSent
from cutover.instants import after, instant, text
from cutover.invitations import Invitation
from cutover.night_records import QuestionRecord
from cutover.plan import AskedToSign, Mode
from cutover.planned_night import Approval
from cutover.planned_telling import Audience, Channel, Person, Telling
from cutover.records import Outcome, RunStatus
from cutover.store_decisions import Decisions
from tests.slack import TOKEN, Slack, a_slack
from tests.statemachines.evening import RUN, Evening, evening
from tests.statemachines.interpreter import REGION, Context
from tests.statemachines.night import TABLE
from tests.statemachines.test_whole_night import LEAD, People, a_whole_night
from tests.visiting import SIGNING, Answer, answer, signed, visit

APP = "app@example.com"
MEMBER = "U024BE7LH"
CONTEXT: Any = Context()
TELLING = Telling(people={LEAD: Person("cutover-to-lead", MEMBER), APP: Person(slack="U0APPOWNER")})


@contextmanager
def asked(telling: Telling = TELLING, author: str = "", **more: Any) -> Iterator[tuple[Evening, str]]:
    """A run that asks whether it may go; the path of the lead's link."""
    go = Approval((LEAD, APP), 1800, author_may=more.pop("author_may", False))
    with evening(go=go, **more) as it:
        plan = replace(it.store.plan("demo", it.store.run(RUN).sha256), telling=telling, author=author)
        it.store.write_plan(plan)
        it.store.update_run(RUN, sha256=plan.sha256)
        it.store.ask(RUN, QuestionRecord("go", "May it?", (LEAD, APP), it.now, after(it.now, 1800)))
        with patch.object(deciding_requests, "local_now", it.stage.simulator.clock.now):
            yield it, link(it, LEAD)


def link(it: Evening, by: str, question: str = "go") -> str:
    id_ = inviting.invite(it.store, RUN, question, by, it.stage.simulator.clock.now())
    assert id_ is not None
    return f"/d/{id_}"


def everything() -> list[Any]:
    return sorted(map(str, boto3.resource("dynamodb").Table(TABLE).scan()["Items"]))


def go(it: Evening) -> QuestionRecord:
    return it.question("go")


# The page


def test_the_page_says_exactly_what_is_about_to_happen() -> None:
    with asked() as (it, path):
        seen = visit("GET", path)
        assert seen.status == 200
        for words in (
            "May users be shut out and the machines of this plan be launched?",
            f"You are asked as {LEAD}, until {go(it).deadline}",
            "Production: SOURCE.",
            "1 machines are launched",
            "Until users are let onto the targets there is a way back that loses nothing.",
            "to be back within the window, going back begins by",
            "No answer is not a yes: then the run ends",
            "Machines (1)",
            "db01 db lag not known",
        ):
            assert words in seen.words, words
        assert 'lang="en"' in seen.body


def test_the_page_speaks_the_engineers_language() -> None:
    with asked(replace(TELLING, audiences={Audience.ENGINEERS: Channel("de")})) as (_, path):
        seen = visit("GET", path)
        assert 'lang="de"' in seen.body
        assert "Dürfen die Anwender ausgesperrt und die Maschinen dieses Plans gestartet werden?" in seen.words


def test_every_answer_has_strict_headers_and_loads_nothing() -> None:
    with asked() as (_, path):
        decided = answer(path, "yes")
        for seen in (visit("GET", path), visit("GET", "/d/nobody"), visit("GET", "/"), visit("PUT", path), decided):
            policy = seen.headers.get("Content-Security-Policy", "default-src 'none'")
            assert policy.startswith("default-src 'none'"), seen
            assert "unsafe" not in policy
            assert seen.headers["Referrer-Policy"] == "no-referrer"
            assert seen.headers["Cache-Control"] == "no-store"
            if seen.status != 303:
                assert seen.headers["X-Content-Type-Options"] == "nosniff"
                assert seen.headers["X-Frame-Options"] == "DENY"
            assert "http://" not in seen.body
            assert "https://" not in seen.body
            assert "<script" not in seen.body


def test_what_a_plan_says_is_text_on_the_page_and_nothing_else() -> None:
    with asked() as (it, _):
        words = "<script>alert(1)</script> & <b>power off</b>"
        step = QuestionRecord("power_off-1", words, (LEAD,), it.now, after(it.now, 600))
        it.store.ask(RUN, step)
        seen = visit("GET", link(it, LEAD, "power_off-1"))
        assert "<script>" not in seen.body
        assert words in seen.words


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_a_scanner_that_follows_links_decides_nothing(method: str) -> None:
    with asked() as (it, path):
        before = everything()
        for where in (path, path + "?answer=yes", path):
            assert visit(method, where.split("?")[0]).status in (200, 405)
        assert everything() == before
        assert go(it).answer is None


# Deciding


def test_a_decision_is_written_once_with_who_when_how_and_what_they_saw() -> None:
    with asked() as (it, path):
        said = answer(path, "yes", "all is well")
        assert (said.status, said.headers["Location"]) == (303, path)
        written = go(it)
        assert (written.answer, written.answered_by, written.via, written.reason) == (
            "yes",
            LEAD,
            "link",
            "all is well",
        )
        assert written.answered_at == it.now
        assert "Until users are let onto the targets there is a way back" in written.saw
        assert "db01 (db): lag not known; the launch deletes nothing" in written.saw
        shown = visit("GET", path)
        assert shown.status == 200
        assert f"{LEAD} has answered: Yes, at {it.now}." in shown.words
        assert "<form" not in shown.body


def test_a_no_needs_a_reason() -> None:
    with asked() as (it, path):
        refused = answer(path, "no", "  ")
        assert refused.status == 400
        assert "This answer needs a reason" in refused.words
        assert go(it).answer is None
        assert answer(path, "no", "not\n tonight").status == 303
        assert (go(it).answer, go(it).reason) == ("no", "not tonight")


def test_the_second_decision_is_refused_and_told_who_was_first() -> None:
    with asked() as (it, path):
        mine, theirs = visit("GET", path), link(it, APP)
        assert answer(theirs, "no", "not tonight").status == 303
        second = visit("POST", path, {"answer": "yes", "saw": mine.field("saw"), "seal": mine.field("seal")})
        assert second.status == 409
        assert f"{APP} has answered: No" in second.words
        again = visit("POST", theirs, {"answer": "yes", "saw": mine.field("saw"), "seal": mine.field("seal")})
        assert again.status == 409, "a link is used once"
        assert go(it).answer == "no"


def test_of_two_at_once_one_decides() -> None:
    write = Decisions.answer

    def late(self: Any, *given: Any) -> bool:
        with patch.object(Decisions, "answer", write):
            answer(theirs, "no", "faster")
        return write(self, *given)

    with asked() as (it, path):
        theirs = link(it, APP)
        with patch.object(Decisions, "answer", late):
            second = answer(path, "yes")
        assert second.status == 409
        assert f"{APP} has answered: No" in second.words
        assert (go(it).answer, go(it).reason) == ("no", "faster")


@pytest.mark.parametrize("changed", [{"saw": "bm90aGluZw=="}, {"seal": "0" * 64}, {"saw": "%%%"}, {"saw": ""}])
def test_what_was_not_shown_cannot_be_said_to_have_been_seen(changed: dict[str, str]) -> None:
    with asked() as (it, path):
        refused = answer(path, "yes", **changed)
        assert refused.status == 400
        assert "did not come back as it was sent" in refused.words
        assert go(it).answer is None


def at(it: Evening, seconds: float) -> Any:
    now = it.stage.simulator.clock.now() + timedelta(seconds=seconds)
    return patch.object(deciding_requests, "local_now", lambda: now)


def refused_both_ways(path: str, form: dict[str, str]) -> Answer:
    """By looking and by answering, with the same status and the same words."""
    looked, answered = visit("GET", path), visit("POST", path, form)
    assert looked.status == answered.status
    assert looked.words == answered.words
    return answered


def filled(path: str) -> dict[str, str]:
    looked = visit("GET", path)
    return {"answer": "yes", "saw": looked.field("saw"), "seal": looked.field("seal")}


def test_a_decision_that_comes_too_late_does_not_count() -> None:
    with asked() as (it, path):
        form = filled(path)
        with at(it, 1799):
            assert visit("GET", path).status == 200
        with at(it, 1800):
            late = refused_both_ways(path, form)
        assert late.status == 410
        assert f"was to be answered by {go(it).deadline}; no answer counts any more" in late.words
        assert go(it).answer is None


def test_a_question_that_was_decided_without_an_answer_takes_none() -> None:
    with asked() as (it, path):
        form = filled(path)
        it.store.close_question(RUN, "go")
        assert refused_both_ways(path, form).status == 410


def test_an_old_link_says_that_it_was_asked_anew() -> None:
    with asked() as (it, path):
        form = filled(path)
        it.later(60)
        it.store.ask_again(RUN, replace(go(it), asked=it.now))
        old = refused_both_ways(path, form)
        assert old.status == 410
        assert f"go was asked anew at {it.now}, and this is of" in old.words
        assert answer(link(it, LEAD), "yes").status == 303


def test_a_run_that_has_ended_is_told_nothing() -> None:
    with asked() as (it, path):
        form = filled(path)
        it.store.update_run(RUN, status=RunStatus.FAILED, outcome=Outcome.FAILED)
        assert refused_both_ways(path, form).status == 410
        assert go(it).answer is None


def test_whoever_is_not_asked_does_not_decide() -> None:
    with asked() as (it, path):
        form = filled(path)
        it.store.ask_again(RUN, replace(go(it), by=(APP,)))
        assert refused_both_ways(path, form).status == 403
        assert go(it).answer is None


def test_whoever_wrote_the_plan_does_not_decide_unless_it_says_so() -> None:
    with asked(author=LEAD) as (it, path):
        seen = visit("GET", path)
        assert seen.status == 403
        assert f"{LEAD} wrote the plan" in seen.words
        assert answer(link(it, APP), "yes").status == 303
    with asked(author=LEAD, author_may=True) as (_, path):
        assert answer(path, "yes").status == 303


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/d/" + "x" * 43, 404),
        ("POST", "/d/" + "x" * 43, 404),
        ("GET", "/d/", 404),
        ("GET", "/", 404),
        ("GET", "/d/../d/a/b", 404),
        ("GET", "/slack", 405),
        ("GET", "/favicon.ico", 404),
    ],
)
def test_what_nobody_was_given_leads_nowhere(method: str, path: str, status: int) -> None:
    with asked():
        assert visit(method, path, {"answer": "yes"} if method == "POST" else None).status == status


def test_what_is_no_form_or_no_answer_or_too_much_decides_nothing() -> None:
    with asked() as (it, path):
        for headers, body, status in (
            ({"content-type": "application/json"}, '{"answer": "yes"}', 400),
            ({"content-type": "application/x-www-form-urlencoded"}, "answer=perhaps", 400),
            ({"content-type": "application/x-www-form-urlencoded"}, "", 400),
            ({"content-type": "application/x-www-form-urlencoded"}, "answer=yes&" + "x=1&" * 30, 400),
            ({"content-type": "application/x-www-form-urlencoded"}, "answer=yes&x=" + "y" * 600_000, 413),
        ):
            assert visit("POST", path, headers=headers, body=body).status == status
        assert go(it).answer is None


def test_while_the_table_does_not_answer_nothing_is_decided_and_that_is_said() -> None:
    with asked() as (it, path):
        form = filled(path)
        with patch.object(Decisions, "answer", side_effect=AwsUnavailable("the table")):
            said = visit("POST", path, form)
        assert said.status == 503
        assert "nothing was decided" in said.words
        assert "the table" not in said.body
        assert go(it).answer is None


def test_the_table_has_no_id_by_which_anybody_could_answer() -> None:
    with asked() as (_, path):
        assert not [item for item in everything() if path.removeprefix("/d/") in item]


# In Slack


class Heard(HTTPServer):
    """Where Slack wants to hear what became of a button."""

    got: list[Any]


class _Hears(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def in_slack(telling: Telling = TELLING, **more: Any) -> Iterator[tuple[Evening, Heard, str]]:
    """A question with a button, and the id that it carries."""
    with asked(telling, **more) as (it, _), HTTPServer(("127.0.0.1", 0), _Hears) as server:
        heard: Any = server
        heard.got = []
        Thread(target=heard.serve_forever, args=(0.02,), daemon=True).start()
        secret = json.dumps({"token": TOKEN, "signing_secret": SIGNING})
        arn = boto3.client("secretsmanager", REGION).create_secret(Name="slack", SecretString=secret)["ARN"]
        with patch.dict(os.environ, {"SLACK_SECRET": arn}):
            yield it, heard, link(it, "").removeprefix("/d/")
        heard.shutdown()


def pressed(heard: Heard, id_: str, user: str = MEMBER, action: str = "decide_yes") -> dict[str, Any]:
    return {
        "type": "block_actions",
        "user": {"id": user, "name": "somebody"},
        "actions": [{"action_id": action, "value": id_}],
        "response_url": f"http://127.0.0.1:{heard.server_port}/actions/T0/1/x",
        "message": {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "go?"}}, {"type": "actions"}]},
    }


@pytest.mark.parametrize(("action", "word"), [("decide_yes", "yes"), ("decide_no", "no")])
def test_a_button_decides_and_is_gone(action: str, word: str) -> None:
    with in_slack() as (it, heard, id_):
        assert visit("POST", "/slack", **signed(pressed(heard, id_, action=action))).status == 200
        assert (go(it).answer, go(it).answered_by, go(it).via) == (word, LEAD, "slack")
        assert "db01" in go(it).saw
        (told,) = heard.got
        assert told["replace_original"] is True
        assert [block["type"] for block in told["blocks"]] == ["section", "context"]
        assert f"{LEAD} says {word.capitalize()}" in told["text"]


def test_who_is_not_slack_decides_nothing() -> None:
    with in_slack() as (it, heard, id_):
        right = signed(pressed(heard, id_))
        forged = signed(pressed(heard, id_), secret="guessed")  # of nobody
        unsigned = {**right, "headers": {"content-type": right["headers"]["content-type"]}}
        changed = {**right, "body": right["body"].replace("decide_yes", "decide_no")}
        for request in (forged, unsigned, changed):
            assert visit("POST", "/slack", **request).status == 401
        assert go(it).answer is None
        assert heard.got == []


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_of_another_time_is_refused(minutes: int) -> None:
    with in_slack() as (it, heard, id_):
        then = time.time() + minutes * 60
        assert visit("POST", "/slack", **signed(pressed(heard, id_), at=then)).status == 401
        assert go(it).answer is None


def test_a_request_that_is_played_back_is_refused() -> None:
    with in_slack() as (it, heard, id_):
        request = signed(pressed(heard, id_))
        assert visit("POST", "/slack", **request).status == 200
        it.store.ask_again(RUN, replace(go(it), answer=None, answered_by="", answered_at=None))
        assert visit("POST", "/slack", **request).status == 409
        assert go(it).answer is None


def test_a_member_whom_the_plan_does_not_name_decides_nothing_and_is_told() -> None:
    with in_slack() as (it, heard, id_):
        assert visit("POST", "/slack", **signed(pressed(heard, id_, user="U0STRANGER"))).status == 403
        assert go(it).answer is None
        (told,) = heard.got
        assert told["response_type"] == "ephemeral"
        assert "the plan names their Slack member ids in tell.people" in told["text"]


def test_whoever_wrote_the_plan_does_not_decide_in_slack_either() -> None:
    with in_slack(author=LEAD) as (it, heard, id_):
        assert visit("POST", "/slack", **signed(pressed(heard, id_))).status == 403
        assert go(it).answer is None


def test_the_second_button_is_refused_and_so_is_a_late_one_and_one_that_nobody_gave_out() -> None:
    with in_slack() as (it, heard, id_):
        assert visit("POST", "/slack", **signed(pressed(heard, id_))).status == 200
        again = pressed(heard, id_, user="U0APPOWNER", action="decide_no")
        assert visit("POST", "/slack", **signed(again)).status == 409
        assert f"{LEAD} said yes" in heard.got[-1]["text"]
        assert visit("POST", "/slack", **signed(pressed(heard, "nobody's"))).status == 404
        it.store.ask_again(RUN, replace(go(it), answer=None, answered_by="", answered_at=None, closed=True))
        assert visit("POST", "/slack", **signed(pressed(heard, id_, action="decide_no"))).status == 410


@pytest.mark.parametrize(
    "payload", [{}, {"type": "view_submission"}, {"actions": [{"action_id": "other", "value": "x"}]}]
)
def test_what_is_no_button_of_ours_is_refused(payload: dict[str, Any]) -> None:
    with in_slack() as (it, _, _id):
        assert visit("POST", "/slack", **signed({"user": {"id": MEMBER}, **payload})).status == 400
        assert go(it).answer is None


def test_without_a_signing_secret_nobody_decides_in_slack() -> None:
    with in_slack() as (it, heard, id_):
        boto3.client("secretsmanager", REGION).put_secret_value(
            SecretId=os.environ["SLACK_SECRET"], SecretString=json.dumps({"token": TOKEN})
        )
        assert visit("POST", "/slack", **signed(pressed(heard, id_))).status == 404
        assert go(it).answer is None


def test_slack_is_told_only_where_slack_is() -> None:
    with in_slack() as (it, heard, id_), patch.dict(os.environ, {"SIMULATED": "false"}):
        elsewhere = {**pressed(heard, id_), "response_url": f"http://127.0.0.1:{heard.server_port}/"}
        assert visit("POST", "/slack", **signed(elsewhere)).status == 200
        assert heard.got == []
        assert go(it).answer == "yes"


# Links


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


# Signing a test off


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


# A run that waits


class ByLink(People):
    """Answers by the link of whoever is asked, at once; then the run is woken, or nobody hears of it."""

    heard = True

    def while_waiting(self, simulator: Any, seconds: float) -> None:
        simulator.advance(seconds)
        if self.night is None or not self.night.run_id:
            return
        run = self.night.run_id
        for question in self.night.store.questions(run):
            if question.name in self.answers and question.answer is None and not question.closed:
                id_ = inviting.invite(self.night.store, run, question.name, LEAD, simulator.clock.now())
                with patch.object(deciding_requests, "local_now", simulator.clock.now):
                    assert answer(f"/d/{id_}", "yes").status == 303
                if self.heard:
                    event = {"source": "cutover", "detail-type": "Decision", "detail": {"run": run}}
                    assert wake.handler(event, CONTEXT) in ({"woken": 1}, {"woken": 0})


@pytest.mark.parametrize("heard", [True, False])
def test_a_run_sleeps_until_it_is_answered_and_goes_on_all_the_same_where_that_is_lost(heard: bool) -> None:
    people = ByLink()
    people.heard = heard
    with a_whole_night(people) as it:
        began = it.night.simulator.clock.now()
        assert it.carry_out() == "CutOver"
        states = it.night.states()
        assert states.count("AwaitAnswer") == 3
        assert {question.via for question in it.night.store.questions(it.night.run_id)} == {"link"}
        waited = [
            (instant(each.answered_at or "") - instant(each.asked)).total_seconds()
            for each in it.night.store.questions(it.night.run_id)
        ]
        assert max(waited) <= 20, "it is answered at once"
        night = it.record
        slept = (
            instant(night.done["go"]) - instant(it.night.store.questions(it.night.run_id)[0].asked)
        ).total_seconds()
        assert (slept <= 60) == heard
        assert text(began) < str(night.opened)
        evidence = it.night.evidence()["night"]["questions"]
        assert {each["via"] for each in evidence} == {"link"}
        assert all("Production: " in each["saw"] for each in evidence)
