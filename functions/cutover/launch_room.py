"""How much of a wave may be launched now, by what the service does at once and is doing already. Pure.

A wave is launched by as few jobs as the service's limits let it: a job is begun when it can be as large as it has to
be, and not before. What no job may hold yet waits for those before it to end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cutover.machine import Job


@dataclass(frozen=True)
class Limits:
    """How much a service launches at once; None: as much as one likes.

    `one_job`: whatever else is at work in the project forbids a launch. `machines_per_job`, `jobs` open at a time,
    `machines` in all open jobs together. A machine is in one open job at a time, with every service.
    """

    one_job: bool = False
    machines_per_job: int | None = None
    jobs: int | None = None
    machines: int | None = None


LIMITS: Mapping[str, Limits] = {
    "cloudendure": Limits(one_job=True),
    # The default quotas of an account and region; a larger one is not used.
    "mgn": Limits(machines_per_job=200, jobs=20, machines=200),
}
"""By the service's name in plans."""


@dataclass(frozen=True)
class Room:
    """The machines that the next job takes, the first of those that were asked for; none, and then `reason` says why.

    `taken`: the machines that a job at work has, whatever it does with them.
    """

    machines: tuple[str, ...]
    reason: str = ""
    taken: frozenset[str] = frozenset()


def room(limits: Limits, jobs: Sequence[Job], wanted: Sequence[str]) -> Room:
    """What may be launched now of `wanted`, by id. `jobs`: the project's, those that have ended too."""
    at_work = [job for job in jobs if not job.status.ended]
    if at_work and limits.one_job:
        return Room((), described(at_work[0]))
    ours = [job for job in at_work if job.machines is None or not job.machines.isdisjoint(wanted)]
    if ours:
        taken = frozenset(wanted) if ours[0].machines is None else ours[0].machines & frozenset(wanted)
        return Room((), f"{described(ours[0])} has {_some(taken)}", taken)
    if limits.jobs is not None and len(at_work) >= limits.jobs:
        return Room((), f"{len(at_work)} jobs are at work, and {limits.jobs} at a time are all that the service does")
    next_job = tuple(wanted[: limits.machines_per_job])
    busy = sum(len(job.machines or ()) for job in at_work)
    if limits.machines is not None and busy + len(next_job) > limits.machines:
        reason = f"{len(next_job)} machines do not fit beside the {busy} that are in jobs: {limits.machines} at a time"
        return Room((), reason)
    return Room(next_job)


def described(job: Job) -> str:
    """A job in words: what it does, how it stands, and whose it is where the service says so."""
    whose = f", started by {job.initiated_by}" if job.initiated_by else ""
    return f"job {job.id} ({job.kind or 'of an unknown kind'}, {job.status_as_given or 'of unknown status'}{whose})"


def _some(machines: frozenset[str], limit: int = 3) -> str:
    more = f" and {len(machines) - limit} more" if len(machines) > limit else ""
    return ", ".join(sorted(machines)[:limit]) + more
