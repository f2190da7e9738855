"""What a step does is sent once, followed by its token, and told in words that hold no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from cutover import deeds
from cutover.deeds import SENT, Deeds, Done, agents_silent, look
from cutover.errors import AwsUnavailable
from cutover.finding import Finding
from cutover.guest import Command, CommandState, Guest
from cutover.machine import Replication
from cutover.planned_night import Action, Deed
from tests.unit.hooked import Server, hooked
from tests.unit.records_of import NOW, ago, machine

REGION = "eu-central-1"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with hooked() as server:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        for service in ("LAMBDA", "SSM"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", server.url)
        yield server


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield boto3.client("secretsmanager", REGION)


def do(action: Action) -> Done:
    return Deeds(REGION, "run quiesce close").do(action)


def hook(server: Server, **more: Any) -> Action:
    return Action(Deed.WEBHOOK, f"{server.url}/doors", **more)


INVOKE = Action(Deed.LAMBDA, "cutover-dns", {"to": "aws"})
COMMAND = Action(Deed.SSM, "stop-web", {"commands": ["stop"]}, nodes=("i-1", "i-2"))


# Webhooks


def test_a_webhook_is_done_when_it_says_so(server: Server) -> None:
    assert do(hook(server, arguments={"pool": "shop"})) == Done(True, SENT, f"{server.url}/doors answers 200")
    ((path, headers, body),) = server.got
    assert path == "/doors"
    assert json.loads(body) == {"cutover": "run quiesce close", "pool": "shop"}
    assert "authorization" not in headers


@pytest.mark.parametrize("status", [302, 304, 400, 503])
def test_any_other_answer_of_a_webhook_is_a_failure(server: Server, status: int) -> None:
    server.status, server.headers, server.answer = status, {"Location": f"{server.url}/elsewhere"}, b""
    assert do(hook(server)) == Done(False, SENT, f"{server.url}/doors answers {status}")
    assert len(server.got) == 1, "no redirect is followed"


def test_a_webhook_that_breaks_off_may_have_been_carried_out(server: Server) -> None:
    server.status = 0
    done = do(hook(server))
    assert (done.passed, done.token) == (None, None)
    assert len(server.got) == 1, "it is not sent again"


def test_a_webhook_that_takes_no_connection_was_surely_not_carried_out() -> None:
    done = do(Action(Deed.WEBHOOK, "http://127.0.0.1:1/doors"))
    assert done == Done(False, None, "http://127.0.0.1:1/doors takes no connection")


def test_a_webhook_is_sent_a_secret_by_its_name(server: Server, secrets: Any) -> None:
    secrets.create_secret(Name="cutover/lb", SecretString="very-secret")
    done = do(hook(server, secret="cutover/lb"))
    assert done.passed
    assert server.got[0][1]["authorization"] == "Bearer very-secret"
    assert "very-secret" not in done.words


@pytest.mark.parametrize("name", ["cutover/none", "somebody/else"])
def test_without_its_secret_a_webhook_is_not_called(server: Server, secrets: Any, name: str) -> None:
    secrets.create_secret(Name="somebody/else", SecretString="theirs")
    done = do(hook(server, secret=name))
    assert (done.passed, done.token) == (False, None)
    assert name in done.words
    assert server.got == []


@pytest.mark.parametrize("port", [1, None])
def test_what_is_told_of_a_url_has_no_user_and_no_query(server: Server, port: int | None) -> None:
    host = f"127.0.0.1:{port or server.server_address[1]}"
    done = do(Action(Deed.WEBHOOK, f"http://me:pass@{host}/doors?token=abc"))
    assert done.words.startswith(f"http://{host}/doors ")


# Functions


def test_a_function_is_done_when_it_answers(server: Server) -> None:
    assert do(INVOKE) == Done(True, SENT, "cutover-dns answered")
    ((path, _, body),) = server.got
    assert "/functions/cutover-dns/invocations" in path
    assert json.loads(body) == {"cutover": "run quiesce close", "to": "aws"}


def test_a_function_that_fails_says_why(server: Server) -> None:
    server.headers = {"X-Amz-Function-Error": "Unhandled"}
    server.answer = json.dumps({"errorType": "KeyError", "errorMessage": "no such zone " + "x" * 999}).encode()
    done = do(INVOKE)
    assert (done.passed, done.token) == (False, SENT)
    assert done.words.startswith("cutover-dns failed: no such zone xxx")
    assert len(done.words) < 400
    server.answer = b"not json"
    assert do(INVOKE).words == "cutover-dns failed: no message"


@pytest.mark.parametrize("status", [0, 500, 503])
def test_a_function_without_an_answer_may_have_been_carried_out(server: Server, status: int) -> None:
    server.status = status
    done = do(INVOKE)
    assert (done.passed, done.token) == (None, None)
    assert len(server.got) == 1, "it is not invoked again"


def test_a_function_that_is_refused_was_surely_not_carried_out(server: Server) -> None:
    server.status = 404
    server.headers = {"X-Amzn-Errortype": "ResourceNotFoundException"}
    done = do(INVOKE)
    assert (done.passed, done.token) == (False, None)
    assert "Lambda refuses cutover-dns" in done.words


def test_where_lambda_asks_for_patience_nothing_was_done(server: Server) -> None:
    server.status = 429
    server.headers = {"X-Amzn-Errortype": "TooManyRequestsException"}
    with pytest.raises(AwsUnavailable):
        do(INVOKE)
    assert len(server.got) == 1


def test_where_lambda_cannot_be_reached_nothing_was_done(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1")
    with pytest.raises(AwsUnavailable):
        do(INVOKE)


def test_only_functions_of_our_name_are_invoked(server: Server) -> None:
    done = do(Action(Deed.LAMBDA, "arn:aws:lambda:eu-central-1:123456789012:function:dns-switch"))
    assert (done.passed, done.token) == (False, None)
    assert "cutover-…" in done.words
    assert server.got == []
    assert do(Action(Deed.LAMBDA, "arn:aws:lambda:eu-central-1:123456789012:function:cutover-dns:live")).passed


# Commands


def test_a_command_is_sent_once_and_followed_by_its_id(secrets: Any) -> None:
    done = do(COMMAND)
    assert done.passed is None
    assert done.token
    (sent,) = boto3.client("ssm", REGION).list_commands()["Commands"]
    assert sent["CommandId"] == done.token
    assert sent["Comment"] == "run quiesce close"


@pytest.mark.parametrize(
    ("state", "passed"), [(CommandState.PENDING, None), (CommandState.PASSED, True), (CommandState.FAILED, False)]
)
def test_a_command_is_what_became_of_it_on_its_nodes(
    state: CommandState, passed: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deeds, "Guest", lambda region: FollowedGuest(state))
    assert Deeds(REGION, "").follow(COMMAND, "c-1") == Done(passed, "c-1", "command c-1: i-1 so, i-2 so")


class FollowedGuest(Guest):
    def __init__(self, state: CommandState) -> None:
        self.state = state

    def status(self, command: str, nodes: Any) -> Command:
        assert (command, nodes) == ("c-1", COMMAND.nodes)
        return Command(self.state, "i-1 so, i-2 so")


@pytest.mark.parametrize("status", [0, 500])
def test_a_command_without_an_answer_may_have_been_sent(server: Server, status: int) -> None:
    server.status = status
    done = do(COMMAND)
    assert (done.passed, done.token) == (None, None)
    assert len(server.got) == 1, "it is not sent again"


def test_whoever_sends_a_command_it_is_sent_once(server: Server) -> None:
    """Not only steps: checks of applications send commands, too."""
    server.status = 500
    with pytest.raises(ClientError):
        Guest(REGION).send("check-trust", {}, ["i-1"], "run trust")
    assert len(server.got) == 1


def test_a_command_that_is_refused_was_surely_not_sent(server: Server) -> None:
    server.status, server.answer = 400, b'{"__type": "InvalidInstanceId"}'
    done = do(COMMAND)
    assert (done.passed, done.token) == (False, None)
    server.answer = b'{"__type": "ThrottlingException"}'
    with pytest.raises(AwsUnavailable):
        do(COMMAND)


# Looks


def test_sources_are_silent_when_the_service_has_heard_of_none_for_two_minutes() -> None:
    quiet = machine(replication=heard(minutes=2))
    assert agents_silent([quiet], NOW).passed
    seen = agents_silent([quiet, machine("web01", replication=heard(minutes=1, seconds=59))], NOW)
    assert not seen.passed
    assert "web01 at 2026-11-28T21:58:01Z" in seen.words


def test_what_the_service_does_not_know_is_not_silent() -> None:
    quiet = machine(replication=heard(minutes=9))
    assert not agents_silent([], NOW).passed
    assert not agents_silent([quiet, machine("web01", replication=heard())], NOW).passed
    gone = agents_silent([quiet, Finding("machine", "no machine web01", "", "")], NOW)
    assert not gone.passed
    assert "no machine web01" in gone.words


def heard(**span: float) -> Replication:
    at = ago(**span) if span else None
    return Replication("STARTED", True, 100, 100, 0, 0, consistent_at=NOW, next_consistent_at=None, seen_at=at)


def test_a_look_is_what_its_kind_says(server: Server) -> None:
    port = server.server_address[1]
    assert look(Action(Deed.TCP, f"127.0.0.1:{port}"), (), NOW).passed
    assert not look(Action(Deed.TCP, f"127.0.0.1:{port}", closed=True), (), NOW).passed
    assert look(Action(Deed.TCP, "127.0.0.1:1", closed=True), (), NOW).passed
    assert look(Action(Deed.HTTP, f"{server.url}/health", status=200, contains="{"), (), NOW).passed
    assert not look(Action(Deed.HTTP, f"{server.url}/health", status=503), (), NOW).passed
    assert look(Action(Deed.AGENTS_SILENT, ""), [machine(replication=heard(minutes=3))], NOW).passed
    assert not look(Action(Deed.AGENTS_SILENT, ""), [machine()], NOW + timedelta(seconds=60)).passed


def test_what_is_looked_at_is_not_done_and_the_other_way_round() -> None:
    with pytest.raises(ValueError, match="looked at"):
        do(Action(Deed.TCP, "db:1"))
    with pytest.raises(ValueError, match="done"):
        look(INVOKE, (), NOW)
    with pytest.raises(ValueError, match="over"):
        Deeds(REGION, "").follow(INVOKE, SENT)
