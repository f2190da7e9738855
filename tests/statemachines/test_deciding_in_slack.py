"""Decisions by buttons: Slack signs who pressed one, the plan says who that is, and everything else is refused."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from cutover.planned_telling import Telling
from tests.slack import TOKEN
from tests.statemachines.evening import RUN, Evening
from tests.statemachines.interpreter import REGION
from tests.statemachines.test_deciding import MEMBER, TELLING, asked, go, link
from tests.statemachines.test_whole_night import LEAD
from tests.visiting import SIGNING, signed, visit


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
