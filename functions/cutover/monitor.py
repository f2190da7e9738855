"""What is news of a machine's replication: looks compared with what was told last. Pure; nothing here asks a service.

A look alone is no news: a lag comes and goes. What is told is that a machine is elsewhere than it was told to be, seen
in so many looks in a row (`LOOKS`); so one that hovers at its limit is told once, and one that stalls for a day
exactly twice: that it stalled, and that it recovered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cutover.instants import instant, text
from cutover.machine import Machine, Replication, ReplicationState
from cutover.records import Record
from cutover.replication import Progress, derive


class Told(StrEnum):
    """Where a machine was told to be."""

    NOTHING = "nothing"
    READY = "ready"
    LAGGING = "lagging"
    STALLED = "stalled"
    DISCONNECTED = "disconnected"


class ReplicationNews(StrEnum):
    """What became of a machine's replication."""

    SYNCED = "initial-sync-ended"
    READY = "ready"
    LAGS = "lags"
    STALLED = "stalled"
    RECOVERED = "recovered"
    DISCONNECTED = "disconnected"
    BACK = "back"


LOOKS = {
    ReplicationNews.READY: 1,
    ReplicationNews.STALLED: 1,
    ReplicationNews.DISCONNECTED: 1,
    ReplicationNews.LAGS: 3,
    ReplicationNews.RECOVERED: 2,
    ReplicationNews.BACK: 2,
}
"""In how many looks in a row something must be seen to be news. That a machine stalled is itself seen by comparing two,
and an agent is lost only after ten minutes; a lag waits until it cannot be the beginning of a stall."""

_SYNCING = frozenset(
    {
        ReplicationState.INITIATING,
        ReplicationState.INITIATION_FAILED,
        ReplicationState.INITIAL_SYNC,
        ReplicationState.FINALIZING,
    }
)
_BEHIND = frozenset({ReplicationState.LAGGING, ReplicationState.RESCANNING})
_LOST = frozenset({ReplicationState.DISCONNECTED, ReplicationState.AGENT_MISSING})
_SILENT = frozenset({ReplicationState.UNKNOWN, ReplicationState.PAUSED, ReplicationState.STOPPED})
"""Looks that tell nothing: what is not known is no news, and what an operator has switched off is known to them."""


@dataclass(frozen=True)
class Untold(Record):
    """A piece of news that the bus may not have yet. `number`: of the machine's news under this plan, from 1."""

    number: int
    news: ReplicationNews
    at: str
    reason: str

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "news": ReplicationNews(data["news"])}


@dataclass(frozen=True)
class Watched(Record):
    """What is remembered of one machine under one plan.

    `syncing`: it was seen in its initial sync, the end of which has not been told. `was_ready`: it was told ready once.
    `due`, `looks`: the news that the last looks would make, and how many of them in a row. `arrived`: while it is
    behind, what the last look saw arrive (a later look at the same is a stall): bytes left and sent, and the last
    consistency point. `numbered`: the news so far; `untold`: those that the bus may not have.
    """

    machine: str
    name: str
    told: Told = Told.NOTHING
    syncing: bool = False
    was_ready: bool = False
    due: ReplicationNews | None = None
    looks: int = 0
    arrived: dict[str, Any] | None = None
    numbered: int = 0
    untold: tuple[Untold, ...] = ()
    version: int = 0

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {
            **data,
            "told": Told(data["told"]),
            "due": ReplicationNews(data["due"]) if data["due"] else None,
            "untold": tuple(Untold.from_json(each) for each in data["untold"]),
        }


@dataclass(frozen=True)
class WatchedPlan(Record):
    """A plan that is watched, in this version. `looked`: the service's time of the last look; `asked`: since when its
    test is to start, for it starts when all machines are ready; `requested`: the bus has the request; `paused`: its
    schedules were taken away, and until they are made again nobody watches it."""

    plan: str
    sha256: str
    looked: str | None = None
    asked: str | None = None
    requested: bool = False
    paused: bool = False


@dataclass(frozen=True)
class Seen:
    """A machine after a look at it. `before`: what was remembered of it; of a new machine, nothing yet."""

    watched: Watched
    progress: Progress
    before: Watched

    @property
    def changed(self) -> bool:
        """Whether there is something to write."""
        return self.watched != self.before

    @property
    def ready(self) -> bool:
        """Whether it may be launched as far as its replication goes."""
        return self.progress.continuous


def compare(
    before: Watched | None, machine: Machine, now: datetime, lag_limit: int, backlog_limit: int | None = None
) -> Seen:
    """One look at one machine, at the service's time. `lag_limit` in seconds, `backlog_limit` in bytes, by the plan."""
    before = before or Watched(machine.id, machine.name or machine.id)
    watched = before
    previous = _as_it_was(machine, watched.arrived) if watched.arrived else None
    progress = derive(machine, now, timedelta(seconds=lag_limit), previous, backlog_limit)
    if progress.state in _SILENT:
        return Seen(watched, progress, before)
    if progress.state in _SYNCING:
        watched = watched.but(syncing=True)
    elif watched.syncing and progress.state not in _LOST and machine.replication.consistent_at is not None:
        watched = _tell(watched.but(syncing=False), ReplicationNews.SYNCED, progress, now)
    behind = progress.state in _BEHIND or progress.state is ReplicationState.STALLED
    watched = watched.but(arrived=_arrived(machine.replication) if behind else None)
    due = _due(watched, progress.state)
    looks = watched.looks + 1 if due is watched.due else 1
    if due is None or looks < LOOKS[due]:
        return Seen(watched.but(due=due, looks=looks if due else 0), progress, before)
    return Seen(_moved(_tell(watched.but(due=None, looks=0), due, progress, now), due), progress, before)


def news_id(plan: str, watched: Watched, untold: Untold) -> str:
    """What a piece of news is recognised by, should it be put on the bus twice."""
    return f"{plan}/{watched.machine}/{untold.number}"


def _due(watched: Watched, state: ReplicationState) -> ReplicationNews | None:
    """The news that this look would make, were it seen often enough."""
    if watched.told is Told.DISCONNECTED:
        return None if state in _LOST else ReplicationNews.BACK
    if state in _LOST:
        return ReplicationNews.DISCONNECTED
    if state is ReplicationState.STALLED:
        return None if watched.told is Told.STALLED else ReplicationNews.STALLED
    if state in _BEHIND:
        return None if watched.told in (Told.LAGGING, Told.STALLED) else ReplicationNews.LAGS
    if watched.told in (Told.LAGGING, Told.STALLED):
        return ReplicationNews.RECOVERED
    ready = state is ReplicationState.CONTINUOUS_DATA_REPLICATION
    return ReplicationNews.READY if ready and watched.told is not Told.READY else None


def _moved(watched: Watched, news: ReplicationNews) -> Watched:
    match news:
        case ReplicationNews.READY:
            return watched.but(told=Told.READY, was_ready=True)
        case ReplicationNews.LAGS:
            return watched.but(told=Told.LAGGING)
        case ReplicationNews.STALLED:
            return watched.but(told=Told.STALLED)
        case ReplicationNews.DISCONNECTED:
            return watched.but(told=Told.DISCONNECTED)
    # Recovered or back: one that was ready before is expected to be so again, and that is no news of its own.
    return watched.but(told=Told.READY if watched.was_ready else Told.NOTHING)


def _tell(watched: Watched, news: ReplicationNews, progress: Progress, now: datetime) -> Watched:
    number = watched.numbered + 1
    untold = Untold(number, news, text(now), f"{progress.state.value}: {progress.reason}")
    return watched.but(numbered=number, untold=(*watched.untold, untold))


def _arrived(seen: Replication) -> dict[str, Any]:
    return {
        "backlog": seen.backlog_bytes,
        "replicated": seen.replicated_bytes,
        "consistent_at": seen.consistent_at.isoformat() if seen.consistent_at else None,
    }


def _as_it_was(machine: Machine, arrived: Mapping[str, Any]) -> Machine:
    """The machine with what the last look saw arrive: enough to tell a stall."""
    at = arrived["consistent_at"]
    before = replace(
        machine.replication,
        backlog_bytes=arrived["backlog"],
        replicated_bytes=arrived["replicated"],
        consistent_at=instant(at) if at else None,
    )
    return replace(machine, replication=before)
