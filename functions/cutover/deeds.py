"""Carrying out one action of the night: what it is, what came of it, by what it is recognised later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests
from botocore.exceptions import ClientError

from cutover import clients, probing
from cutover.guest import CommandState, Guest
from cutover.instants import text
from cutover.machine import Machine
from cutover.planned_night import Action, Deed
from cutover.probing import Seen, without_secrets

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

SENT = "sent"
"""The token of a call that was answered: all that it does, it has done."""
SECONDS = (5, 60)
"""For a webhook: to connect, and to wait for its answer."""
_WORDS = 300
SILENT = timedelta(minutes=2)
"""An agent that the service has not heard for so long is off."""


@dataclass(frozen=True)
class Done:
    """What came of an action: `passed` None while it is not decided. `token`: by what it is followed."""

    passed: bool | None
    token: str | None
    words: str


class Deeds:
    """Does and looks. `label`: run and step, told to whoever is called."""

    def __init__(self, region: str, label: str) -> None:
        self._guest, self._label = Guest(region), label

    def do(self, action: Action) -> Done:
        """Carry it out once. What is refused, or fails, has failed; what may go on is followed by its token."""
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
            return Done(True, token, "answered")
        seen = self._guest.status(token, action.nodes)
        passed = {CommandState.PENDING: None, CommandState.PASSED: True, CommandState.FAILED: False}[seen.state]
        return Done(passed, token, seen.words)

    def _send(self, action: Action) -> Done:
        parameters = {key: [str(each) for each in values] for key, values in action.arguments.items()}
        try:
            command = self._guest.send(action.subject, parameters, action.nodes, self._label)
        except ClientError as error:
            if clients.asks_for_patience(error):
                raise
            return Done(False, None, f"SSM refuses {action.subject}: {error}")
        return Done(None, command, f"command {command} is sent to {len(action.nodes)} nodes")

    def _invoke(self, action: Action) -> Done:
        client: LambdaClient = clients.client("lambda")
        payload = {"cutover": self._label, **action.arguments}
        try:
            answer = client.invoke(FunctionName=action.subject, Payload=json.dumps(payload).encode())
        except ClientError as error:
            return Done(False, None, f"{action.subject} cannot be invoked: {error}")
        said = answer["Payload"].read(65536).decode("utf-8", "replace")
        if "FunctionError" in answer:
            return Done(False, SENT, f"{action.subject} failed: {_message(said)}")
        return Done(True, SENT, f"{action.subject} answered")

    def _post(self, action: Action) -> Done:
        shown = without_secrets(action.subject)
        headers = {"Authorization": f"Bearer {_secret(action.secret)}"} if action.secret else {}
        body: dict[str, Any] = {"cutover": self._label, **action.arguments}
        try:
            answer = requests.post(action.subject, json=body, headers=headers, timeout=SECONDS, allow_redirects=False)
        except requests.ConnectionError as error:
            if isinstance(error, requests.exceptions.ConnectTimeout) or "refused" in str(error).lower():
                return Done(False, None, f"{shown} takes no connection")
            return Done(None, None, f"{shown} was called, and the connection broke")
        except requests.RequestException as error:
            return Done(None, None, f"{shown} was called, and did not answer: {type(error).__name__}")
        if not answer.ok or answer.is_redirect:
            return Done(False, SENT, f"{shown} answers {answer.status_code}")
        return Done(True, SENT, f"{shown} answers {answer.status_code}")


def look(action: Action, machines: Sequence[Machine], now: datetime) -> Seen:
    """One look that changes nothing. `machines`: those of the plan."""
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


def agents_silent(machines: Sequence[Machine], now: datetime) -> Seen:
    """Whether the service has heard of no source for some minutes: agents that run report every few seconds."""
    heard = [(each, each.replication.seen_at) for each in machines]
    unknown = [each.name or each.id for each, at in heard if at is None]
    if unknown:
        return Seen(False, f"the service does not say when it last heard of {', '.join(unknown[:5])}")
    talking = [f"{each.name or each.id} at {text(at)}" for each, at in heard if at is not None and now - at < SILENT]
    if talking:
        return Seen(False, f"the service heard of {', '.join(talking[:5])}")
    return Seen(True, f"the service has heard of no agent for {int(SILENT.total_seconds() // 60)} minutes")


def _secret(name: str) -> str:
    from cutover.step import secret  # the one way to read a secret

    return secret(name)


def _message(said: str) -> str:
    try:
        return str(json.loads(said)["errorMessage"])[:_WORDS]
    except (ValueError, KeyError, TypeError):
        return "no message"
