"""Post a run's news to Slack, where a webhook is set. Input: a RunNews event from our bus."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import requests

from cutover.errors import MessageNotSent
from cutover.settings import Settings
from cutover.step import log, secret

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

SECONDS = (5, 10)
"""To connect, and to answer."""


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{sent}. A webhook is set when the secret holds a URL; the URL is itself a secret and is never said."""
    news = event["detail"]
    webhook = secret(Settings().slack_secret)
    if not webhook.startswith(("https://", "http://127.0.0.1:")):
        log().info("no Slack webhook is set", extra={"run": news["run"]})
        return {"sent": False}
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
    return {"sent": True}
