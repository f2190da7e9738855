"""Have a run's news told in Slack: by the simple way, an incoming webhook, at once; by a bot through a queue in order.

Input: a RunNews event from our bus, or one that something of a run has changed.
"""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

import requests
from botocore.exceptions import BotoCoreError, ClientError

from cutover.clients import client
from cutover.errors import MessageNotSent
from cutover.events import RUN_NEWS
from cutover.settings import Settings
from cutover.slack_access import read_access
from cutover.step import log, secret

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SECONDS = (5, 10)
"""To connect, and to answer."""


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{sent}. What the secret may hold: see cutover.slack_access; it is never said."""
    detail, is_news = event["detail"], event["detail-type"] == RUN_NEWS
    access = read_access(secret(Settings().slack_secret))
    if access.token:
        _queue(detail["run"], detail["id"] if is_news else f"{detail['run']}/{event['time'][:16]}")
    elif access.webhook and is_news:
        _post(access.webhook, detail)
    else:
        log().info("nothing for Slack" if access.webhook else "no Slack is set up", extra={"run": detail["run"]})
        return {"sent": False}
    return {"sent": True}


def _queue(run: str, once: str) -> None:
    """Have the run's message brought up to date, after what the queue has of this run. `once`: the same again is
    dropped; so changes that are no news bring an edit a minute at the most."""
    try:
        client("sqs").send_message(
            QueueUrl=Settings().slack_queue,
            MessageBody=json.dumps({"run": run}),
            MessageGroupId=run,
            MessageDeduplicationId=once,
        )
    except (BotoCoreError, ClientError) as error:
        raise MessageNotSent(f"the queue for Slack did not take it: {error}") from error


def _post(webhook: str, news: dict[str, Any]) -> None:
    try:
        answer = requests.post(
            webhook,
            json={"text": f"*{escape(news['subject'], quote=False)}*\n{escape(news['text'], quote=False)}"},
            timeout=SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise MessageNotSent(f"Slack did not answer: {type(error).__name__}") from None
    if answer.status_code != requests.codes.ok:
        raise MessageNotSent(f"Slack answered {answer.status_code}")
