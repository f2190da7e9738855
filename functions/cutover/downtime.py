"""The clock of a night: who served users from when to when, how long nobody did, and the last moment to turn back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cutover.instants import instant
from cutover.night_records import Holder, NightRecord, Part
from cutover.planned_night import Night
from cutover.records import RunRecord


def downtime(night: NightRecord, now: str | None = None) -> int | None:
    """Seconds from shutting users out to letting them in again, wherever; until `now` while it lasts.

    None before it began, and while it lasts when `now` is not given.
    """
    end = night.opened or night.reopened or now
    if night.closed is None or end is None:
        return None
    return max(int((instant(end) - instant(night.closed)).total_seconds()), 0)


def window_end(planned: Night, run: RunRecord) -> datetime:
    """When the night's window ends: counted from when the run began on the service's clock, or should have begun."""
    return instant(run.started or run.claimed) + timedelta(seconds=planned.window - max(lateness(run), 0))


def lateness(run: RunRecord) -> int:
    """Seconds from a schedule's instant to when its start was delivered, both by AWS's clock; 0 for a run by hand."""
    return int((instant(run.claimed) - instant(run.scheduled)).total_seconds()) if run.scheduled else 0


def last_moment(planned: Night, run: RunRecord) -> datetime:
    """Up to when users may be shut out: what is left of the window is for the cutover, and for the way back."""
    return window_end(planned, run) - timedelta(seconds=planned.estimate + planned.reserve)


def turn_back(planned: Night, run: RunRecord) -> datetime:
    """Up to when the way back still ends within the window."""
    return window_end(planned, run) - timedelta(seconds=planned.reserve)


def clock(seconds: int) -> str:
    """E.g. 42:59, or 2:17:05."""
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60:02}:{rest % 60:02}"


@dataclass(frozen=True)
class Held:
    """Who served users, from when to when; None: from before the run, and still."""

    holder: Holder
    since: str | None
    until: str | None


def history(night: NightRecord) -> list[Held]:
    """Who served users, in order. Between the targets' stop and the source's doors nobody does."""
    turns: list[tuple[Holder, str | None]] = [(Holder.SOURCE, None)]
    if night.closed:
        turns.append((Holder.NOBODY, night.closed))
    if night.opened:
        turns.append((Holder.TARGET, night.opened))
        if stopped := night.done.get(Part.STOP_TARGETS.value):
            turns.append((Holder.NOBODY, stopped))
    if night.reopened:
        turns.append((Holder.SOURCE, night.reopened))
    ends = [since for _, since in turns[1:]]
    return [Held(holder, since, until) for (holder, since), until in zip(turns, [*ends, None], strict=True)]


def data_stays(night: NightRecord) -> tuple[str, str | None] | None:
    """From when to when users may have entered what a way back leaves on the stopped targets; None: never.

    They may have reached them since the switch began. Until None: the targets are not proved stopped yet.
    """
    since = night.switching or night.opened
    return (since, night.done.get(Part.STOP_TARGETS.value)) if since else None
