"""What became of a launch nobody answered for: adopt its job, prove that there is none, or call a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cutover.instants import after, instant
from cutover.machine import Job, Machine
from cutover.records import LaunchRecord, LaunchState, MachineRecord, Phase, WaveRecord

SETTLE = timedelta(seconds=90)
"""How long, on the service's clock, an accepted launch may take to show in its listings."""
CLEAN_LOOKS = 2
"""Listings after the settle time that must show nothing before a launch counts as absent."""
LOOKS = 40
"""Looks for one launch before a person is called."""
ATTEMPTS = 3
"""Launch requests for one wave in one run."""
CLOCK_GRAIN = timedelta(seconds=2)
"""The Date header counts whole seconds."""
CLOCK_SKEW = timedelta(minutes=15)
"""How far the clock of a job's creation may lie behind the one our intent was read off."""


class FindVerdict(StrEnum):
    """What a look for a launch found."""

    ACCEPTED = "accepted"
    LOOK_AGAIN = "look_again"
    ABSENT = "absent"
    DISPUTED = "disputed"


@dataclass(frozen=True)
class Found:
    """The verdict, its reason, and the jobs when it was accepted. `clean`: nothing at all was seen of the launch."""

    verdict: FindVerdict
    reason: str
    jobs: tuple[Job, ...] = ()
    clean: bool = False


def find(
    launch: LaunchRecord,
    jobs: Sequence[Job],
    before: Mapping[str, MachineRecord],
    machines: Mapping[str, Machine],
    now: datetime,
) -> Found:
    """Look for an intended, sent or unknown launch. `before` and `machines` (now) are by machine id."""
    wanted = frozenset(launch.machines)
    since = instant(launch.intended) - CLOCK_GRAIN
    # By identity, not by time: the job's creation and our intent may have been read off different clocks.
    recent = [job for job in jobs if job.id not in launch.known_jobs]
    same = [job for job in recent if job.machines == wanted and job.kind == launch.mode and _may_be(job, launch)]
    if len(same) == 1:
        why = "new since the intent" if same[0].tags is None else "and carries this launch's tags"
        reason = f"{ids(same)} launches the same machines, {why}"
        return Found(FindVerdict.ACCEPTED, reason, tuple(same))
    ours = [job for job in recent if job.machines is None or job.machines & wanted]
    if ours:
        reason = f"{ids(ours)} touches machines of this wave and cannot be told to be this launch"
        return Found(FindVerdict.DISPUTED, reason)
    moved = [
        machine_id for machine_id in launch.machines if _moved(before.get(machine_id), machines.get(machine_id), since)
    ]
    if moved:
        return Found(
            FindVerdict.DISPUTED, f"no job explains the new target or launch time of {', '.join(sorted(moved))}"
        )
    if now - instant(launch.sent or launch.intended) < SETTLE:
        return Found(FindVerdict.LOOK_AGAIN, "no sign of it yet")
    if launch.clean_looks + 1 < CLEAN_LOOKS:
        return Found(FindVerdict.LOOK_AGAIN, "no sign of it after the settle time; one look more", clean=True)
    return Found(
        FindVerdict.ABSENT, f"{CLEAN_LOOKS} listings after the settle time show no job and no change", clean=True
    )


@dataclass(frozen=True)
class Already:
    """What a wave that is looked at again has behind it. `verdict`: accepted or unconfirmed."""

    verdict: str
    reason: str


def already(wave: WaveRecord, launches: Sequence[LaunchRecord]) -> Already | None:
    """The launch that a wave goes on from; None when nothing of it was launched, or that was refused or absent."""
    last = launches[-1] if launches else None
    accepted = [job for each in launches if each.state is LaunchState.ACCEPTED for job in each.jobs]
    if last is None or (last.state in (LaunchState.REFUSED, LaunchState.ABSENT) and not accepted):
        return None
    if last.state.settled and wave.jobs and set(accepted) <= set(wave.jobs):
        return Already("accepted", f"{named(wave.jobs)} was accepted before")
    return Already("unconfirmed", f"attempt {last.number} is {last.state.value}; it must be found first")


def followed(wave: WaveRecord, jobs: Sequence[Job], now: str, deadline: int) -> WaveRecord:
    """The wave once a launch of it is accepted: its jobs' deadline is fixed, `deadline` seconds from now. Jobs of an
    earlier launch, of which this one is the next, stay with it."""
    return wave.but(
        phase=Phase.FOLLOWING,
        jobs=tuple(dict.fromkeys((*wave.jobs, *(job.id for job in jobs)))),
        job_status=statuses(jobs),
        job_deadline=after(now, deadline),
        verify_deadline=None,
        followed=False,  # not all of them yet
        told_launched=False,
        looked=now,
        reason=f"{ids(jobs)} was accepted",
    )


def tags(run: str, wave: int, number: int) -> dict[str, str]:
    """What the job of a launch is recognised by. `number`: of the launch in its wave."""
    return {"cutover:run": run, "cutover:wave": str(wave), "cutover:launch": str(number)}


def launched(launches: Iterable[LaunchRecord]) -> frozenset[str]:
    """The machines, by id, whose launch the service has accepted."""
    return frozenset(each for launch in launches if launch.state is LaunchState.ACCEPTED for each in launch.machines)


def queued(machines: Iterable[MachineRecord], launches: Sequence[LaunchRecord]) -> list[MachineRecord]:
    """Those of a wave that is being launched that have to wait for their turn: no job has them, and nothing speaks
    against them. None before the first launch was accepted."""
    begun = launched(launches)
    return [each for each in machines if begun and each.id not in begun and not each.judged]


def ids(jobs: Iterable[Job]) -> str:
    """E.g. `job j-1`, or `jobs j-1, j-2`."""
    return named([job.id for job in jobs])


def named(jobs: Sequence[str]) -> str:
    """The same of their ids."""
    return f"{'jobs' if len(jobs) > 1 else 'job'} {', '.join(jobs)}"


def statuses(jobs: Iterable[Job]) -> str:
    """What the service says of them, each word once."""
    return ", ".join(dict.fromkeys(job.status_as_given for job in jobs))


def job_of(machine: str, jobs: Sequence[Job]) -> Job:
    """The one of a wave's jobs that launches this machine; a job that does not say whom it launches is for all."""
    said = [job for job in jobs if job.machines is not None and machine in job.machines]
    return (said or [job for job in jobs if job.machines is None] or list(jobs))[0]


def given_up(launch: LaunchRecord) -> bool:
    """Whether looking has gone on for as long as it may."""
    return launch.looks >= LOOKS


def may_send_again(launches: Sequence[LaunchRecord]) -> bool:
    """Whether another launch request may be sent for this wave: every one since the last that was accepted was refused
    or proved absent."""
    accepted = [place for place, each in enumerate(launches, 1) if each.state is LaunchState.ACCEPTED]
    since = launches[accepted[-1] :] if accepted else launches
    return len(since) < ATTEMPTS and all(each.state in (LaunchState.REFUSED, LaunchState.ABSENT) for each in since)


def still_open(wave: WaveRecord, launches: Sequence[LaunchRecord]) -> bool:
    """Whether the service may still be at work for this wave: a job that was not seen to end, or a launch of which
    nobody knows what became."""
    if launches and not launches[-1].state.settled:
        return True
    if wave.jobs:
        return wave.verify_deadline is None  # fixed when all jobs have been seen to end
    return bool(launches) and launches[-1].state not in (LaunchState.REFUSED, LaunchState.ABSENT)


def _may_be(job: Job, launch: LaunchRecord) -> bool:
    """Whether the job may have been created by this launch: by its tags; where there are none, as far as two clocks can
    tell."""
    if job.tags is not None and launch.tags:
        return launch.tags.items() <= job.tags.items()
    return job.created_at is None or job.created_at >= instant(launch.intended) - CLOCK_SKEW


def _moved(before: MachineRecord | None, machine: Machine | None, since: datetime) -> bool:
    if before is None or machine is None:
        return True
    times = (machine.life_cycle.tested_at, machine.life_cycle.cut_over_at)
    return machine.replica != before.replica_before or any(at is not None and at >= since for at in times)
