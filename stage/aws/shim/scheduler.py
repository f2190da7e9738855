"""EventBridge Scheduler on the stage's clock, in the schedule's time zone, remembering per schedule what it fired.

Upstream reads `at(...)` and `cron(...)` as UTC, keeps its memory by name and apart from the schedule (a schedule made
again under a name that fired never fires; after a restart everything may fire again), replaces none of the context
attributes in Input (https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html),
and its CloudFormation resource drops half of the properties.

Where the stage's clock runs fast, a recurring schedule is given a breath between two firings: a watch that looks every
minute would start a process every second, and what it watches would stand still for it.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from stage.aws.clock import Clock, ClockUnknown
from stage.aws.shim.patch import Anything, replace, upstream

TICK_SECONDS = 0.25
BREATH_SECONDS = 4.0
"""Real ones, at the least, between two firings of a recurring schedule."""

DROPPED_BY_CLOUDFORMATION = ("ScheduleExpressionTimezone", "ActionAfterCompletion", "StartDate", "EndDate", "KmsKeyArn")

MEMORY = "_Fired"
"""The key of a schedule's record that says which expression fired and when last; kept and forgotten with it."""

logger = logging.getLogger("scheduler")


def do_nothing() -> None:
    """When nobody remembers what fired."""


class Breath:
    """When each recurring schedule fired last, by `clock`; of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._last = clock, dict[Anything, float]()

    def drawn(self, key: Anything) -> bool:
        """Whether it may fire again; if so, that it does."""
        now = self._clock()
        if now - self._last.get(key, now - BREATH_SECONDS) < BREATH_SECONDS:
            return False
        self._last[key] = now
        return True


def expression_of(schedule: Anything) -> str:
    return f"{schedule['ScheduleExpression']} {schedule.get('ScheduleExpressionTimezone') or 'UTC'}"


def due(schedule: Anything, now: datetime) -> datetime | None:
    """The instant for which `schedule` is to fire now, or None. A recurring one starts its memory when first seen."""
    events = upstream("services.eventbridge")
    expression = schedule["ScheduleExpression"].strip()
    zone = ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
    memory = schedule.get(MEMORY)
    if memory is not None and memory["expression"] != expression_of(schedule):
        memory = None

    if at := re.fullmatch(r"at\((.+)\)", expression):
        instant = datetime.fromisoformat(at[1].strip()).replace(tzinfo=zone).astimezone(UTC)
        return instant if memory is None and now >= instant else None
    if memory is None:
        schedule[MEMORY] = {"expression": expression_of(schedule), "at": now.timestamp()}
        return None
    last = datetime.fromtimestamp(memory["at"], zone)
    if (interval := events._parse_rate_seconds(expression)) is not None:
        instant = last + timedelta(seconds=interval)
    elif (fields := events._parse_cron_fields(expression)) is not None:
        instant = events._cron_next_fire(fields, last)
    else:
        return None
    return instant.astimezone(UTC) if instant is not None and now >= instant else None


def within(schedule: Anything, now: datetime) -> bool:
    """StartDate and EndDate bound a recurring schedule; AWS ignores them for a one-time one."""
    if schedule["ScheduleExpression"].strip().startswith("at("):
        return True
    to_epoch = upstream("services.scheduler")._to_epoch
    start, end = to_epoch(schedule.get("StartDate")), to_epoch(schedule.get("EndDate"))
    return not ((start is not None and now.timestamp() < start) or (end is not None and now.timestamp() > end))


def filled(text: str, schedule: Anything, instant: datetime) -> str:
    """`text` with AWS's context attributes replaced."""
    attributes = {
        "scheduled-time": instant.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "schedule-arn": schedule["Arn"],
        "execution-id": str(uuid.uuid4()),
        "attempt-number": "1",
    }
    for name, value in attributes.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def fire(schedule: Anything, instant: datetime, account: str, region: str) -> None:
    target = dict(schedule["Target"])
    if target.get("Input"):
        target["Input"] = filled(target["Input"], schedule, instant)
    event = {
        "EventId": str(uuid.uuid4()),
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": int(instant.timestamp()),
        "Resources": [schedule["Arn"]],
        "Account": account,
        "Region": region,
    }
    upstream("services.eventbridge")._invoke_target(target, event, schedule)


def tick(clock: Clock, fired: Callable[[], None], breath: Breath) -> None:
    """Fire every enabled schedule that is due, `fired` after each. While the clock is unknown nothing fires."""
    scheduler = upstream("services.scheduler")
    responses = upstream("core.responses")
    try:
        now = clock()
    except ClockUnknown:
        return
    for key, schedule in list(scheduler._schedules._data.items()):
        account, region, name = key
        responses.set_request_account_id(account)
        responses.set_request_region(region)
        if schedule.get("State") != "ENABLED" or not within(schedule, now):
            continue
        try:
            instant = due(schedule, now)
        except ValueError:  # an expression or a zone that AWS would have refused at creation
            logger.exception("schedule %s cannot be read: %s", name, expression_of(schedule))
            schedule["State"] = "DISABLED"
            continue
        once = schedule["ScheduleExpression"].strip().startswith("at(")
        if instant is None or not (once or breath.drawn(key)):
            continue
        schedule[MEMORY] = {"expression": expression_of(schedule), "at": now.timestamp()}
        logger.info("schedule %s fires for %s", name, instant.isoformat())
        fire(schedule, instant, account, region)
        if once and schedule.get("ActionAfterCompletion") == "DELETE":
            scheduler._schedules._data.pop(key, None)
        fired()


def remembering(update: Anything) -> Anything:
    """UpdateSchedule writes a new record; what fired is kept, and counts while the expression stays."""

    def update_schedule(name: str, body: Anything) -> Anything:
        schedules = upstream("services.scheduler")._schedules
        key = f"{body.get('GroupName', 'default')}/{name}"
        memory = (schedules.get(key) or {}).get(MEMORY)
        answer = update(name, body)
        if memory is not None and key in schedules:
            schedules[key][MEMORY] = memory
        return answer

    return update_schedule


def completed(provision: Anything, properties_at: int) -> Anything:
    """CloudFormation's `provision`, its properties being argument `properties_at`, with those that upstream drops."""

    def provision_schedule(*arguments: Anything) -> Anything:
        physical_id, attributes = provision(*arguments)
        properties = arguments[properties_at]
        group = properties.get("GroupName", "default")
        schedule = upstream("services.scheduler")._schedules.get(f"{group}/{physical_id}")
        if schedule is None:
            raise ValueError(f"schedule {physical_id} was not created in group {group}: does the group exist?")
        schedule.update({name: properties[name] for name in DROPPED_BY_CLOUDFORMATION if name in properties})
        return physical_id, attributes

    return provision_schedule


def install(clock: Clock, fired: Callable[[], None] = do_nothing) -> None:
    """`fired` is called after each firing: killed in one, a schedule fires again, as AWS too promises at least once."""
    handlers = upstream("services.cloudformation.provisioners")._RESOURCE_HANDLERS["AWS::Scheduler::Schedule"]
    handlers["create"] = completed(handlers["create"], 1)
    handlers["update"] = completed(handlers["update"], 2)
    replace("services.scheduler", "_SCHEDULE_TICK_INTERVAL", lambda original: TICK_SECONDS)
    replace("services.scheduler", "_update_schedule", remembering)
    replace("services.scheduler", "_tick_schedules", lambda original: partial(tick, clock, fired, Breath()))
