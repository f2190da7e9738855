"""Publish a run's news to the topic, as people read it. Input: a RunNews event from our bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cutover.clients import client
from cutover.errors import MessageNotSent
from cutover.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{message: its SNS id}. The attributes `plan`, `mode`, `news` and `outcome` are there to filter by."""
    news = event["detail"]
    attributes = {
        name: {"DataType": "String", "StringValue": str(news[name])}
        for name in ("plan", "mode", "news", "outcome")
        if news.get(name)
    }
    try:
        sent = client("sns").publish(
            TopicArn=Settings().topic, Subject=news["subject"], Message=news["text"], MessageAttributes=attributes
        )
    except (BotoCoreError, ClientError) as error:
        raise MessageNotSent(f"the topic did not take the message: {error}") from error
    return {"message": sent["MessageId"]}
