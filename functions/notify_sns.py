"""Publish a run's news to topics, a letter for each audience. Input: a RunNews event from our bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cutover.clients import client
from cutover.errors import MessageNotSent
from cutover.settings import Settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

ATTRIBUTES = ("plan", "mode", "news", "outcome")
REFUSED = ("NotFound", "NotFoundException", "AuthorizationError", "AuthorizationErrorException", "InvalidParameter")
"""What SNS says of a topic that is not there, or not ours to publish to: asking again cures none of it."""


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{messages: their SNS ids}. The attributes `audience`, `plan`, `mode`, `news` and `outcome` are there to
    filter by.

    A topic that the plan names and SNS refuses is passed over for the deployment's own: nothing goes untold for a
    misspelled name. MessageNotSent when a letter went nowhere; the others have gone out by then.
    """
    news, sent, failed = event["detail"], [], None
    for letter in news["letters"]:
        try:
            sent.append(_publish(news, letter))
        except (BotoCoreError, ClientError) as error:
            failed = error
    if failed is not None:
        raise MessageNotSent(f"the topic did not take the message: {failed}") from failed
    return {"messages": sent}


def _publish(news: dict[str, Any], letter: dict[str, Any]) -> str:
    own = Settings().topic
    named = own.rpartition(":")[0] + ":" + letter["topic"] if letter["topic"] else own
    given = {**{name: news[name] for name in ATTRIBUTES if news.get(name)}, "audience": letter["audience"]}
    message = {
        "Subject": letter["subject"],
        "Message": letter["text"],
        "MessageAttributes": {name: {"DataType": "String", "StringValue": str(value)} for name, value in given.items()},
    }
    try:
        return str(client("sns").publish(TopicArn=named, **message)["MessageId"])
    except ClientError as error:
        if named == own or error.response["Error"]["Code"] not in REFUSED:
            raise
        from cutover.step import log  # it brings everything along, and every message comes through here

        log().error(
            f"topic {letter['topic']} refuses the {letter['audience']}' message: {error}; told by our own topic"
        )
    return str(client("sns").publish(TopicArn=own, **message)["MessageId"])
