"""When an event of the service wakes a waiting wave, and when an event is worth waiting for.

An event says of one machine that it has got somewhere. None says that a job has ended, and any may be lost: a wave that
waits for events looks by itself, too, after FALLBACK. It listens before it looks, so that no event falls in between;
then it writes down what it expects, and goes to sleep. It wakes once all of one group was heard: for a job all results
that its machines still owe, so that two hundred events are one look; for replication any machine's news.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cutover.machine import Job, ReplicationState

FALLBACK = 900
"""Seconds after which a wave that waits for events looks by itself: what wave.asl.json has as `TimeoutSeconds`."""

Groups = tuple[frozenset[str], ...]
"""What is expected, as `Heard.word`s: a wave wakes when all of any one group was heard."""

_ANNOUNCED = (
    ReplicationState.INITIATING,
    ReplicationState.INITIAL_SYNC,
    ReplicationState.FINALIZING,
    ReplicationState.STALLED,
)
"""States of replication whose end an event announces. That lag has come down, none does: there it is looked."""


@dataclass(frozen=True)
class Heard:
    """What an event says: this machine has got somewhere; with a job, its launch in that job has come out."""

    machine: str
    job: str | None = None

    @property
    def word(self) -> str:
        """How it is written down and compared."""
        return _word(self.machine, self.job)


ANSWER = Heard("an answer")
"""What a run hears that has asked people something: they have answered, or ordered something."""
ASKING = 0
"""In place of a wave's number: the run itself waits, for people."""
ASKED_FALLBACK = 300
"""Seconds after which a run that waits for people looks by itself: what plan.asl.json has as `TimeoutSeconds`."""


@dataclass(frozen=True)
class Listening:
    """A wave that listens. `groups` is empty until its look is over; `token`: of the task that waits, if one does."""

    run: str
    wave: int
    groups: Groups = ()
    heard: frozenset[str] = frozenset()
    token: str | None = None

    def concerned(self, heard: Heard) -> bool:
        """Whether this is, or may be, something that the wave waits for."""
        return not self.groups or any(heard.word in group for group in self.groups)

    @property
    def awake(self) -> bool:
        """Whether it has heard what it waits for."""
        return any(group <= self.heard for group in self.groups)


def results(jobs: Iterable[Job]) -> Groups:
    """What the open jobs still owe, job by job.

    Empty where one of them owes nothing more, or does not say: what is left of it is its end, and no event tells that.
    """
    owed = [_owed(job) for job in jobs if not job.status.ended]
    return tuple(owed) if all(owed) else ()


def news(machines: Iterable[tuple[str | None, ReplicationState | None]]) -> Groups:
    """What is expected of machines that are not ready, by id and state: that any of them gets further.

    Empty where one of them is in a state whose end no event announces.
    """
    groups = tuple(
        frozenset({_word(machine)}) if machine is not None and state in _ANNOUNCED else frozenset[str]()
        for machine, state in machines
    )
    return groups if all(groups) else ()


def worth_it(
    groups: Groups, wait: int, now: datetime, deadline: datetime, looks: int, silent: int | None = None
) -> bool:
    """Whether to wait for events rather than `wait` seconds: some are due, the slow look comes before the deadline
    also when an event is lost, and the looks that are left last until then.

    `silent`: users are shut out, and so many seconds without anything new call a person; sleep must not look like that.
    """
    remaining = (deadline - now).total_seconds()
    in_time = FALLBACK + wait <= remaining <= looks * FALLBACK
    return bool(groups) and in_time and (silent is None or silent >= 2 * FALLBACK)


def worth_sleeping(wait: int, now: datetime, deadline: datetime, looks: int) -> bool:
    """Whether to sleep until people say something rather than `wait` seconds: the slow look comes before the deadline
    also when what they say is lost, and the looks that are left last until then."""
    remaining = (deadline - now).total_seconds()
    return ASKED_FALLBACK + wait <= remaining <= looks * ASKED_FALLBACK


def _owed(job: Job) -> frozenset[str]:
    return frozenset(_word(machine, job.id) for machine in (job.machines or frozenset()) - job.reported)


def _word(machine: str, job: str | None = None) -> str:
    return f"{job} {machine}" if job else machine
