"""The log of an MGN job: events with data, made lines that people read, each of the kind that it is to a verdict.

A step that failed and was done later, or may still be tried again, spoils nothing: only what nobody mended does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from cutover.machine import Job, LogKind, LogLine
from cutover.reading import at, number, record, text

_MENDED_BY: Mapping[str, tuple[str, ...]] = {
    "SNAPSHOT_FAIL": ("SNAPSHOT_END", "USING_PREVIOUS_SNAPSHOT"),
    "CONVERSION_FAIL": ("CONVERSION_END",),
    "LAUNCH_FAILED": (),
    "SERVER_SKIPPED": (),
    "JOB_CANCEL": (),
}
"""What goes wrong, and the events after which it has not."""
_TRIED_AGAIN = ("SNAPSHOT_FAIL", "CONVERSION_FAIL")
"""These say how often they are tried; while the job is open another try may come."""


@dataclass(frozen=True)
class _Event:
    name: str
    at: datetime | None
    server: str | None
    error: str | None
    attempt: int | None
    attempts: int | None


def lines(job: Job, items: Sequence[Any]) -> Job:
    """The job with its log, the oldest line first. `items`: of `DescribeJobLogItems`."""
    events = sorted(map(_event, items), key=lambda each: each.at or datetime.min.replace(tzinfo=UTC))
    log = tuple(
        LogLine(each.at, _words(each), _kind(each, events[place + 1 :], job.status.ended), each.server)
        for place, each in enumerate(events)
    )
    return replace(job, log=log)


def _event(item: Any) -> _Event:
    given, data = record(item), record(record(item).get("eventData"))
    return _Event(
        text(given.get("event")) or "an event without a name",
        at(given.get("logDateTime")),
        text(data.get("sourceServerID")),
        text(data.get("rawError")),
        number(data.get("attemptCount")),
        number(data.get("maxAttemptsCount")),
    )


def _words(event: _Event) -> str:
    whom = f" {event.server}" if event.server else ""
    tries = f" (attempt {event.attempt} of {event.attempts})" if event.attempt and event.attempts else ""
    return f"{event.name}{whom}{tries}" + (f": {event.error}" if event.error else "")


def _kind(event: _Event, later: Sequence[_Event], ended: bool) -> LogKind:
    if event.name == "USING_PREVIOUS_SNAPSHOT":
        return LogKind.PREVIOUS_DATA
    if event.name not in _MENDED_BY:
        return LogKind.INFORMATION
    after = [each.name for each in later if each.server == event.server]
    mended = any(name in after for name in _MENDED_BY[event.name])
    more_to_come = event.name in _TRIED_AGAIN and (event.name in after or not ended)
    return LogKind.WARNING if mended or more_to_come else LogKind.FAILURE
