"""One-time schedules that call a function of ours: EventBridge Scheduler, in the group of this deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping

from botocore.exceptions import ClientError

from cutover import clients
from cutover.instants import instant
from cutover.settings import Settings

LATEST = 3600
"""Seconds after its instant that a schedule may still call."""


def call_once(settings: Settings, name: str, at: str, event: Mapping[str, str]) -> None:
    """Have `clean_up` called with this event at an instant; once, also when it is asked for again by the same name."""
    try:
        clients.client("scheduler").create_schedule(
            Name=name,
            GroupName=settings.schedule_group,
            ScheduleExpression=f"at({instant(at):%Y-%m-%dT%H:%M:%S})",
            ScheduleExpressionTimezone="UTC",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={
                "Arn": settings.clean_up,
                "RoleArn": settings.scheduler_role,
                "RetryPolicy": {"MaximumEventAgeInSeconds": LATEST, "MaximumRetryAttempts": 10},
                "DeadLetterConfig": {"Arn": settings.undelivered},
                "Input": json.dumps(event),
            },
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConflictException":
            raise
