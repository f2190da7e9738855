"""A machine's replication as a function of time: its phases, when they began, and now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from stage.simulator.clock import rfc3339
from stage.simulator.spec import Phase, State, Step

STEPS: tuple[str, ...] = get_args(Step)
CADENCE = timedelta(minutes=1)
_CONTACT = timedelta(seconds=10)
_RETRY = timedelta(minutes=5)
_WRITTEN_PER_SECOND = 2 * 2**20
_WRITTEN_UNSEEN = 64 * 2**20


@dataclass(frozen=True)
class Replication:
    """What the service knows of a machine's replication at one instant. Sizes in bytes; None: not known."""

    total: int
    replicated: int
    seen_at: datetime
    state: State = State.CONTINUOUS
    status: str = "STARTED"
    agent: bool = True
    backlog: int = 0
    rescanned: int = 0
    consistent_at: datetime | None = None
    next_consistent_at: datetime | None = None
    scan_started_at: datetime | None = None
    initiation: dict[str, Any] | None = None

    @property
    def listed(self) -> bool:
        """Whether the machine is among those that the service lists as replicating."""
        return self.agent and self.status != "STOPPED"

    def drained(self, quiet_since: datetime) -> Replication:
        """The same where nothing was written since: once a consistency point is later, nothing is left to send."""
        sending = self.status == "STARTED" and self.agent and not self.rescanned
        if not sending or self.consistent_at is None or self.consistent_at < quiet_since:
            return self
        return replace(self, backlog=0)


def replication_at(
    phases: Sequence[Phase], since: datetime, now: datetime, *, total: int, beat: timedelta = timedelta()
) -> Replication:
    """Walk the phases from `since` to `now`. `beat` (under a minute) sets when in a minute consistency points fall."""
    begins = since
    before = Replication(total=total, replicated=total, seen_at=since, consistent_at=since)
    for phase in (*phases, Phase()):
        ends = begins + phase.lasts if phase.lasts is not None else None
        if ends is None or now < ends:
            break
        before = _within(phase, begins, ends, before, beat)
        begins = ends
    return _within(phase, begins, now, before, beat)


def _within(phase: Phase, begins: datetime, now: datetime, before: Replication, beat: timedelta) -> Replication:
    """The replication at `now` of a phase that began at `begins`; `before` is how the phase before it ended."""
    consistent = begins - phase.behind if phase.behind is not None else before.consistent_at or begins
    ends = begins + phase.lasts if phase.lasts else None
    done = (now - begins) / phase.lasts if phase.lasts else 0.0
    current = replace(before, consistent_at=consistent, next_consistent_at=None, seen_at=_floor(now, _CONTACT))
    current = replace(current, status="STARTED", agent=True, backlog=0, rescanned=0, initiation=None)
    current = replace(current, replicated=current.total, state=phase.state)
    match phase.state:
        case State.CONTINUOUS:
            point = max(_floor(now - beat, CADENCE) + beat, consistent)
            return replace(current, consistent_at=point, next_consistent_at=point + CADENCE)
        case State.LAGGING:
            lag = (begins - consistent) * (1 - done)
            busy = 0 if ends else (int(now.timestamp()) % 300) * 2**16
            backlog = min(int(lag.total_seconds() * _WRITTEN_PER_SECOND) + busy, current.total)
            return replace(current, consistent_at=now - lag, backlog=backlog, next_consistent_at=ends)
        case State.STALLED:
            backlog = int((begins - consistent).total_seconds() * _WRITTEN_PER_SECOND) or _WRITTEN_UNSEEN
            return replace(current, backlog=min(backlog, current.total))
        case State.DISCONNECTED:
            return replace(current, seen_at=_floor(consistent, _CONTACT))
        case State.AGENT_MISSING:
            return replace(current, agent=False, seen_at=_floor(consistent, _CONTACT))
        case State.RESCAN:
            read = int(current.total * done)
            return replace(
                current, scan_started_at=begins, rescanned=max(read, 1), replicated=read, next_consistent_at=ends
            )
        case State.PAUSED:
            backlog = min(int((now - consistent).total_seconds() * _WRITTEN_PER_SECOND), current.total)
            return replace(current, status="PAUSED", backlog=backlog)
        case State.STOPPED:
            return replace(current, status="STOPPED", replicated=0, consistent_at=None)
        case State.INITIAL_SYNC:
            share = phase.progress / 100
            replicated = int(current.total * (share + (1 - share) * done))
            return replace(
                current,
                consistent_at=None,
                replicated=replicated,
                backlog=current.total - replicated,
                next_consistent_at=ends,
                initiation=_initiation(begins, now, len(STEPS)),
            )
        case State.INITIATING:
            reached = STEPS.index(phase.step) if phase.step else int(done * len(STEPS))
            return replace(
                current, consistent_at=None, replicated=0, initiation=_initiation(begins, now, reached, phase.failed)
            )


def _initiation(begins: datetime, now: datetime, reached: int, failed: str | None = None) -> dict[str, Any]:
    """`initiationStates` with one attempt whose steps before number `reached` have succeeded."""
    steps: list[dict[str, str]] = []
    for number, name in enumerate(STEPS):
        status = "SUCCEEDED" if number < reached else "NOT_STARTED"
        if number == reached:
            status = "FAILED" if failed else "STARTED"
        step = {"name": name, "status": status}
        if status != "NOT_STARTED":
            step["updateDateTime"] = rfc3339(begins)
        if status == "FAILED" and failed:
            step["message"] = failed
        steps.append(step)
    states: dict[str, Any] = {"items": [{"startDateTime": rfc3339(begins), "steps": steps}]}
    if failed:
        states["estimatedNextAttemptDateTime"] = rfc3339(_floor(now, _RETRY) + _RETRY)
    return states


def _floor(instant: datetime, step: timedelta) -> datetime:
    """The last whole multiple of `step`, counted from midnight UTC."""
    midnight = instant.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (instant - midnight) // step * step
