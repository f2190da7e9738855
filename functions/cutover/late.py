"""What may still come of a run that has ended: jobs past their deadline, and targets that nobody waits for any more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cutover.finding import Finding
from cutover.launch import still_open
from cutover.machine import Machine, Replica
from cutover.plan import Mode
from cutover.records import LaunchRecord, LaunchState, MachineRecord, WaveRecord

WATCH = timedelta(hours=12)
"""How long a run that has ended is watched at the most."""
STRAGGLERS = timedelta(hours=2)
"""How long after its job's end a target that never appeared is looked for."""
ISOLATED_TAG = "cutover:isolated"
"""On a target that came too late: the run it belonged to. Only what carries it may be stopped (function table)."""


def missing(launches: Sequence[LaunchRecord], machines: Sequence[MachineRecord]) -> list[MachineRecord]:
    """The machines that were launched, as far as anybody knows, and whose targets never appeared."""
    sent = [each for each in launches if each.state not in (LaunchState.REFUSED, LaunchState.ABSENT)]
    launched = {machine for each in sent for machine in each.machines}
    return [each for each in machines if each.id in launched and not (each.target and each.target.instance_id)]


def to_watch(wave: WaveRecord, launches: Sequence[LaunchRecord], machines: Sequence[MachineRecord]) -> bool:
    """Whether anything may still come of this wave."""
    return still_open(wave, launches) or bool(missing(launches, machines))


def pause(now: datetime, deadline: datetime) -> int:
    """Seconds until the next look: two minutes at first, more as time goes by, half an hour at most."""
    passed = WATCH - (deadline - now)
    return int(min(max(passed / 2, timedelta(minutes=2)), timedelta(minutes=30), deadline - now).total_seconds()) + 1


def own(replica: Replica, machine: Machine, mode: Mode, jobs: Sequence[str]) -> bool:
    """Whether a target is surely of these jobs: by its own word, else by that of the machine's life cycle."""
    life = machine.life_cycle
    said = replica.job or (life.test_job if mode is Mode.TEST else life.cutover_job)
    return said is not None and said in jobs


def isolated(instance: str, refused: str | None) -> Finding:
    """A target that came too late was stopped; or could not be, for EC2's words `refused`."""
    if refused is not None:
        return Finding(
            "late_target",
            f"{instance} appeared after this machine was given up, and could not be stopped: {refused}",
            "source and target never serve together",
            f"stop {instance} by hand, now",
        )
    return Finding(
        "late_target",
        f"{instance} appeared after this machine was given up; it was stopped and tagged {ISOLATED_TAG}",
        "source and target never serve together",
        "start it by hand if it is wanted after all; the next launch of this machine deletes it",
    )


def foreign(instance: str) -> Finding:
    """A target appeared, and nobody can tell that it is this run's: it is told and left alone."""
    return Finding(
        "late_target",
        f"{instance} appeared after this machine was given up; the service does not say that this run's job made it",
        "every target belongs to a launch that somebody made",
        f"find out who launched {instance}, and whether it may run",
    )
