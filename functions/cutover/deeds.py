"""Carrying out one action of the night: what it is, what came of it, by what it is recognised later.

Everything is sent once. What surely was not sent says so; what was sent and not answered is not known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import NewConnectionError

from cutover import clients, probing
from cutover.errors import AwsUnavailable
from cutover.finding import Finding
from cutover.guest import CommandState, Guest
from cutover.instants import text
from cutover.machine import Machine
from cutover.planned_night import FUNCTIONS, SECRETS, Action, Deed
from cutover.probing import Seen, without_secrets
from cutover.step import secret

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

SENT = "sent"
"""The token of a call that was answered: all that it does, it has done."""
UNSENT = "unsent"
"""The token of a step of which nothing was sent, and which is begun again."""
WEBHOOK_SECONDS = (5, 60)
"""To connect to a webhook, and to wait for its answer."""
SECONDS = 200
"""For a function or SSM to answer. A function that works for longer is not waited for: its proof has to be seen."""
SILENT = timedelta(minutes=2)
"""An agent that the service has not heard for so long is off: one that runs reports every few seconds."""
_WORDS = 300
_ANSWER = 65536
_NAMED = 5


@dataclass(frozen=True)
class Done:
    """What came of an action: `passed` None while it is not decided. `token`: by what it is followed; None: nobody
    knows whether it was carried out, or nothing was sent and it failed."""

    passed: bool | None
    token: str | None
    words: str


class Deeds:
    """Does, and follows what it has done. `label`: run and step, told to whoever is called."""

    def __init__(self, region: str, label: str) -> None:
        self._region, self._label = region, label

    def do(self, action: Action) -> Done:
        """Carry it out once. What is refused, or fails, has failed; what may go on is followed by its token.

        AwsUnavailable when AWS asks for patience and surely has done nothing.
        """
        match action.deed:
            case Deed.SSM:
                return self._send(action)
            case Deed.LAMBDA:
                return self._invoke(action)
            case Deed.WEBHOOK:
                return self._post(action)
        raise ValueError(f"{action.deed} is not done, but looked at")

    def follow(self, action: Action, token: str) -> Done:
        """What has become of it since."""
        if action.deed is not Deed.SSM:
            raise ValueError(f"{action.deed} is over once it is answered")
        seen = Guest(self._region).status(token, action.nodes)
        passed = {CommandState.PENDING: None, CommandState.PASSED: True, CommandState.FAILED: False}[seen.state]
        return Done(passed, token, f"command {token}: {seen.words}")

    def _send(self, action: Action) -> Done:
        parameters = {key: [str(each) for each in values] for key, values in action.arguments.items()}
        try:
            command = Guest(self._region, seconds=SECONDS).send(action.subject, parameters, action.nodes, self._label)
        except (BotoCoreError, ClientError) as error:
            return _unsent("SSM", action.subject, error)
        return Done(None, command, f"command {command} is sent to {len(action.nodes)} nodes")

    def _invoke(self, action: Action) -> Done:
        name = action.subject.rpartition(":function:")[2]
        if not name.startswith(FUNCTIONS):
            return Done(False, None, f"{name} is not invoked: Cutover may invoke functions called {FUNCTIONS}… only")
        client: LambdaClient = clients.client_for_deeds("lambda", self._region, SECONDS)
        payload = {"cutover": self._label, **action.arguments}
        try:
            answer = client.invoke(FunctionName=action.subject, Payload=json.dumps(payload).encode())
            said = answer["Payload"].read(_ANSWER).decode("utf-8", "replace")
        except (BotoCoreError, ClientError) as error:
            return _unsent("Lambda", name, error)
        if "FunctionError" in answer:
            return Done(False, SENT, f"{name} failed: {_message(said)}")
        return Done(True, SENT, f"{name} answered")

    def _post(self, action: Action) -> Done:
        shown = without_secrets(action.subject)
        headers = {}
        if action.secret:
            bearer, why = _bearer(action.secret)
            if why:
                return Done(False, None, f"{shown} was not called: {why}")
            headers["Authorization"] = f"Bearer {bearer}"
        body: dict[str, Any] = {"cutover": self._label, **action.arguments}
        try:
            with requests.post(
                action.subject, json=body, headers=headers, timeout=WEBHOOK_SECONDS, allow_redirects=False, stream=True
            ) as answer:
                status = answer.status_code
        except requests.RequestException as error:
            if _never_sent(error):
                return Done(False, None, f"{shown} takes no connection")
            return Done(None, None, f"{shown} was called and gave no answer ({type(error).__name__})")
        return Done(200 <= status < 300, SENT, f"{shown} answers {status}")


def look(action: Action, machines: Sequence[Machine | Finding], now: datetime) -> Seen:
    """One look that changes nothing. `machines`: those of the plan, as the service has them."""
    match action.deed:
        case Deed.TCP:
            return probing.tcp(action.subject, closed=action.closed)
        case Deed.HTTP:
            return probing.http_get(
                action.subject, status=action.status, contains=action.contains, closed=action.closed
            )
        case Deed.AGENTS_SILENT:
            return agents_silent(machines, now)
    raise ValueError(f"{action.deed} is done, not looked at")


def agents_silent(machines: Sequence[Machine | Finding], now: datetime) -> Seen:
    """Whether the service knows every machine of the plan, and has heard of none of them for some minutes."""
    lost = [each.seen for each in machines if isinstance(each, Finding)]
    if lost or not machines:
        return Seen(False, f"not every source is known to the service: {'; '.join(lost[:_NAMED]) or 'none is listed'}")
    heard = [(each.name or each.id, each.replication.seen_at) for each in machines if isinstance(each, Machine)]
    unknown = [name for name, at in heard if at is None]
    if unknown:
        return Seen(False, f"the service does not say when it last heard of {_few(unknown)}")
    talking = [f"{name} at {text(at)}" for name, at in heard if at is not None and now - at < SILENT]
    minutes = int(SILENT.total_seconds() // 60)
    if talking:
        return Seen(False, f"not silent for {minutes} minutes: the service heard of {_few(talking)}")
    return Seen(True, f"the service has heard of no source for {minutes} minutes")


def _unsent(service: str, what: str, error: BotoCoreError | ClientError) -> Done:
    """A call that AWS did not answer with a yes: refused, asked to wait, or nobody knows."""
    if clients.perhaps_done(error):
        if isinstance(error, ClientError):
            return Done(None, None, f"{service} broke off on {what}: {error}"[:_WORDS])
        return Done(None, None, f"{service} gave no answer for {what} ({type(error).__name__})")
    if isinstance(error, ClientError):
        if clients.asks_for_patience(error) or error.response["Error"]["Code"] == "TooManyRequestsException":
            raise AwsUnavailable(f"{service} asks for patience with {what}: {error}") from error
        return Done(False, None, f"{service} refuses {what}: {error}"[:_WORDS])
    raise AwsUnavailable(f"{service} cannot be reached for {what}: {error}") from error


def _never_sent(error: requests.RequestException) -> bool:
    """Whether not even a connection came about."""
    if isinstance(error, requests.exceptions.ConnectTimeout) or "CERTIFICATE_VERIFY_FAILED" in str(error):
        return True
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(cause, NewConnectionError)


def _bearer(name: str) -> tuple[str, str]:
    """What a secret holds, or why it cannot be had."""
    if not name.startswith(SECRETS):
        return "", f"Cutover may read secrets called {SECRETS}… only, not {name}"
    try:
        value = secret(name)
    except (GetParameterError, BotoCoreError, ClientError) as error:
        return "", f"the secret {name} cannot be read ({type(error).__name__})"
    return value, "" if value else f"the secret {name} is empty or does not exist"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _message(said: str) -> str:
    try:
        return str(json.loads(said)["errorMessage"])[:_WORDS]
    except (ValueError, KeyError, TypeError):
        return "no message"
