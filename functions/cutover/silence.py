"""The dead-man watch: nobody serves users, and for too long nothing has gone on.

What goes on is seen by comparing what is recorded from look to look, so that whoever should go on need not say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from cutover.instants import instant
from cutover.night_records import Closed, Holder, NightRecord, StepRecord
from cutover.records import MachineRecord, RunRecord, RunStatus, WaveRecord
from cutover.told_records import Due

Waves = Sequence[tuple[WaveRecord, Sequence[MachineRecord]]]


@dataclass(frozen=True)
class Looked:
    """The watch of a run after a look. `silent`: people are to be called."""

    watched: Closed
    silent: bool


def over(run: RunRecord, night: NightRecord) -> bool:
    """Whether nobody needs to watch any more: users are served again, or the run has ended and said who is not.

    A run whose execution died has not ended: it goes on when it is started again, unless it was aborted.
    """
    if night.closed is not None and night.holder is not Holder.NOBODY:
        return True
    return run.status is not RunStatus.RUNNING and (run.aborted or not run.interrupted)


def standing(run: RunRecord, night: NightRecord, waves: Waves, steps: Sequence[StepRecord]) -> str:
    """How far a run is, in a word that changes whenever something goes on. A look that sees nothing new is no change,
    neither is a step that is merely looked at, nor a hold that waits."""
    far = [
        (run.attempt, night.closed, night.progressed, tuple(sorted(night.done.items())), night.switching),
        (night.hold.since if night.hold else None, night.back.at if night.back else None),
        *((each.part, each.number, each.state, each.token) for each in steps),
        *((wave.phase, wave.attempts, wave.jobs, wave.job_status, wave.log_lines, wave.ready) for wave, _ in waves),
        *((each.status, each.replica, each.first_seen) for _, machines in waves for each in machines),
    ]
    return sha256(repr(far).encode()).hexdigest()[:16]


def look(watched: Closed, standing: str, night: NightRecord, limit: int, now: str) -> Looked:
    """One look. `limit`: so many seconds without a change are a silence; each silence is told once."""
    if watched.standing is None:  # the first look: what was recorded tells since when
        watched = watched.but(standing=standing, since=night.progressed or night.closed or now)
    elif watched.standing != standing:
        watched = watched.but(standing=standing, since=now, told=False)
    since = instant(watched.since or now)
    silent = not watched.told and instant(now) - since >= timedelta(seconds=limit)
    return Looked(watched.but(told=watched.told or silent), silent)


def overdue(due: Due, now: datetime) -> bool:
    """Whether a promised word has not come in time, both by our own clock."""
    return now - instant(due.since) > timedelta(seconds=due.seconds)
