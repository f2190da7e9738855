"""Write a run's message and its thread in Slack. Input: messages of the queue, {run}, one of a run at a time.

Nobody waits for this, and no run notices when it fails: what Slack does not take comes again, later; what it never
takes is put aside, and an alarm says so.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric
from botocore.exceptions import BotoCoreError, ClientError

from cutover.boards import bring_up_to_date
from cutover.clients import client
from cutover.inviting import invite
from cutover.settings import Settings
from cutover.slack import Slack, SlackBusy, SlackError
from cutover.slack_access import read_access
from cutover.step import Step, local_now, log, secret
from cutover.telling.situation import Situation

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

FIRST, LONGEST = 15, 900
"""Seconds after which what failed comes again: doubled each time, up to the longest."""


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{batchItemFailures: [{itemIdentifier}]}: the first that failed and all after it; none overtakes another."""
    for position, record in enumerate(event["Records"]):
        try:
            _write(json.loads(record["body"])["run"], context)
        except SlackError as error:
            log().error(str(error))
            with single_metric(name="SlackFailures", unit=MetricUnit.Count, value=1, namespace="Cutover") as metric:
                metric.add_dimension(name="Kind", value=type(error).__name__)
            _later(record, error.seconds if isinstance(error, SlackBusy) else None)
            return {
                "batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in event["Records"][position:]]
            }
    return {"batchItemFailures": []}


def _write(run_id: str, context: LambdaContext) -> None:
    settings, here = Settings(), Step({"run": run_id}, context)
    access = read_access(secret(settings.slack_secret))
    told = here.store.told(run_id)
    if not access.token or not told:
        return
    situation = Situation(here.run, here.plan, here.store.night(run_id), here.everything())
    bring_up_to_date(
        here.store,
        Slack(access.token, access.api),
        situation,
        told,
        lambda question: invite(here.store, run_id, question, "", local_now()) if access.signing_secret else None,
    )


def _later(record: dict[str, Any], seconds: int | None) -> None:
    """Have it come again when Slack says, or after a while that grows."""
    tried = int(record["attributes"]["ApproximateReceiveCount"])
    wait = seconds if seconds is not None else min(FIRST * 2 ** min(tried - 1, 10), LONGEST)
    try:
        client("sqs").change_message_visibility(
            QueueUrl=Settings().slack_queue, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=max(wait, 1)
        )
    except (BotoCoreError, ClientError) as error:
        log().warning(f"it comes again when the queue thinks fit: {error}")
