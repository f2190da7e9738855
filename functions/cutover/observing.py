"""Launches that somebody made by hand: which jobs of the project are those of a wave. Pure.

A run that observes launches nothing: it takes the newest job that fits as if it had asked for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cutover.finding import Finding, Severity
from cutover.instants import text
from cutover.launch import ids
from cutover.machine import Job, Machine, Replica
from cutover.plan import Mode
from cutover.records import LaunchRecord, LaunchState, MachineRecord, MachineStatus

FRESH = timedelta(hours=24)
"""A job that was created longer than this before the run began is an earlier night's."""
SOURCE = "observed"
"""Where a proof comes from that a launch made by hand left."""


@dataclass(frozen=True)
class Seen:
    """The jobs that launched these machines, and the ids of those that no job has launched yet."""

    jobs: tuple[Job, ...]
    missing: tuple[str, ...]

    @property
    def reason(self) -> str:
        if not self.jobs:
            return "nobody has launched these machines yet"
        rest = f"; {len(self.missing)} machines of the wave are in none" if self.missing else ""
        return f"{ids(self.jobs)} {'was' if len(self.jobs) == 1 else 'were'} started by {_by(self.jobs)}{rest}"


def look(jobs: Sequence[Job], machines: Collection[str], mode: Mode, began: datetime) -> Seen:
    """The newest fresh job of this mode for each machine: the console launches them together, or one at a time."""
    fitting = [
        job
        for job in sorted(jobs, key=lambda each: each.created_at or began, reverse=True)
        if job.kind == mode and (job.created_at is None or job.created_at >= began - FRESH)
    ]
    found: dict[str, Job] = {}
    missing = []
    for machine in machines:
        newest = next((job for job in fitting if job.machines and machine in job.machines), None)
        if newest is None:
            missing.append(machine)
        else:
            found[newest.id] = newest
    return Seen(tuple(found.values()), tuple(missing))


def entry(seen: Seen, mode: Mode, machines: Collection[str], now: datetime) -> LaunchRecord:
    """What the ledger says of them: accepted, and not by us."""
    at = text(min((job.created_at for job in seen.jobs if job.created_at), default=now))
    launched = tuple(sorted({*machines} - {*seen.missing}))
    return LaunchRecord(
        number=1,
        state=LaunchState.ACCEPTED,
        mode=mode,
        machines=launched,
        intended=at,
        sent=at,
        jobs=tuple(job.id for job in seen.jobs),
        reason=f"launched by hand; {seen.reason}",
    )


def before(
    record: MachineRecord, machine: Machine | None, present: Replica | None, jobs: Sequence[Job]
) -> MachineRecord:
    """The record with the target from before the launch, where the service still shows that one."""
    if machine is None or present is None or present.job in {job.id for job in jobs}:
        return record
    created = [job.created_at for job in jobs if job.created_at]
    if present.job is None and present.created_at and created and present.created_at >= min(created):
        return record
    return record.but(replica_before=present.id, instance_before=present.instance_id)


def unlaunched(records: Sequence[MachineRecord], missing: Collection[str]) -> list[MachineRecord]:
    """Those that nobody launched until the deadline."""
    finding = Finding(
        "observe",
        "no job of the project launched this machine until the deadline",
        "a run that observes proves a launch that somebody made",
        "launch it in the service's console, then observe again",
    )
    return [
        each.but(status=MachineStatus.POSTPONED, findings=(*each.findings, finding))
        for each in records
        if each.id in missing and not each.judged
    ]


def remark(mode: Mode) -> Finding:
    """What stands above the evidence of a run that observed."""
    return Finding(
        "observe",
        f"the {mode.value} launches of this run were made by hand, in the service's console",
        "a run that observes launches, configures and stops nothing",
        "nothing; what was seen of the targets is recorded here",
        Severity.WARNING,
    )


def known(records: Sequence[MachineRecord]) -> Mapping[str, MachineRecord]:
    """By machine id, those that nothing speaks against."""
    return {each.id: each for each in records if each.id and not each.judged}


def _by(jobs: Sequence[Job]) -> str:
    return ", ".join(dict.fromkeys(job.initiated_by or "somebody" for job in jobs))
