"""Watch what the service may still do for a run that has ended, and isolate what comes of it too late.

A job past its deadline is unknown, not failed: it may yet make targets. They are stopped, not terminated, tagged, and
told. While such a job is open, the run keeps its locks: nothing is launched over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cutover.ending import write_evidence
from cutover.errors import NotFound
from cutover.instants import after, instant
from cutover.late import ISOLATED_TAG, STRAGGLERS, WATCH, foreign, isolated, missing, own, pause, to_watch
from cutover.launch import FindVerdict, find, still_open
from cutover.machine import Machine
from cutover.readiness import LOOKS
from cutover.records import LaunchRecord, LaunchState, MachineRecord, TargetRecord, WaveRecord
from cutover.step import Answer, Step, log, step


@step
def handler(here: Step) -> Answer:
    """{verdict: watch | done, wait_seconds, tell: whether something came that people must know, reason}."""
    machines = {machine.id: machine for machine in here.service.machines(all_machines=True)}
    looked, now = here.looked(), here.now().at
    deadline = here.run.watch_deadline or after(looked, int(WATCH.total_seconds()))
    looks = here.run.watch_looks + 1
    here.store.update_run(here.run.id, watch_deadline=deadline, watch_looks=looks)
    seen = [_look(here, wave, records, machines, looked) for wave, records in here.everything()]
    came = any(each.came for each in seen)
    busy = [each.wave.name for each in seen if still_open(each.wave, each.launches)]
    awaited = [record for each in seen for record in _awaited(each.wave, each.launches, each.records, now)]
    over = now >= instant(deadline) or looks >= LOOKS
    watching = bool(busy or awaited) and not over
    wait = pause(now, instant(deadline)) if watching else 0
    if busy and watching:
        here.hold(wait)
    elif not busy:
        here.locks.give_up([here.project_lock])
        here.store.update_run(here.run.id, lease=None)
    if came or not watching:
        write_evidence(here.store, here.store.run(here.run.id), [(each.wave, each.records) for each in seen])
    reason = f"wave {busy[0]}: the service is still at work" if busy else f"{len(awaited)} targets never appeared"
    tell = came or (bool(busy) and over)
    return {"verdict": "watch" if watching else "done", "wait_seconds": wait, "tell": tell, "reason": reason}


@dataclass(frozen=True)
class _Seen:
    """A wave as it is recorded after a look at it. `came`: whether a target has appeared."""

    wave: WaveRecord
    launches: list[LaunchRecord]
    records: list[MachineRecord]
    came: bool = False


def _look(
    here: Step, wave: WaveRecord, records: list[MachineRecord], machines: dict[str, Machine], looked: str
) -> _Seen:
    """One wave: adopt a launch that shows at last, read its jobs, isolate what has appeared."""
    launches = here.store.launches(here.run.id, wave.number)
    if not to_watch(wave, launches, records):
        return _Seen(wave, launches, records)
    wave, last = _adopted(here, wave, launches[-1], records, machines)
    launches = [*launches[:-1], last]
    jobs = [here.service.job(job) for job in wave.jobs]
    for job in jobs:
        here.store.write_job(here.run.id, wave.number, job)
    if jobs and wave.verify_deadline is None and all(job.status.ended for job in jobs):
        wave = wave.but(verify_deadline=looked)
    words = ", ".join(dict.fromkeys(job.status_as_given for job in jobs))
    logged = wave.logged | {job.id: len(job.log) for job in jobs}
    changed_wave = wave.but(followed=bool(jobs), job_status=words or None, logged=logged, looked=looked)
    wave = here.store.write_wave(here.run.id, changed_wave)
    awaited = missing(launches, records)
    came = [seen for each in awaited if (seen := _isolated(here, each, machines.get(str(each.id)), wave))]
    here.store.write_machines(here.run.id, wave.number, came)
    changed = {each.label: each for each in came}
    return _Seen(wave, launches, [changed.get(each.label, each) for each in records], bool(came))


def _adopted(
    here: Step,
    wave: WaveRecord,
    launch: LaunchRecord,
    records: Sequence[MachineRecord],
    machines: dict[str, Machine],
) -> tuple[WaveRecord, LaunchRecord]:
    """The wave with the jobs of a launch that nobody had found before, if they show now; and that launch."""
    if launch.state.settled:
        return _with(wave, launch.jobs if launch.state is LaunchState.ACCEPTED else ()), launch
    before = {each.id: each for each in records if each.id}
    found = find(launch, here.service.jobs(), before, machines, here.now().at)
    if found.verdict is not FindVerdict.ACCEPTED:
        return wave, launch
    jobs = tuple(job.id for job in found.jobs)
    adopted = launch.but(state=LaunchState.ACCEPTED, jobs=jobs, reason=found.reason)
    here.store.advance(here.run.id, wave.number, adopted, since=launch.state)
    return _with(wave, jobs), adopted


def _with(wave: WaveRecord, jobs: Sequence[str]) -> WaveRecord:
    """The wave with these jobs too; with a new one it is not known any more that all have ended."""
    if set(jobs) <= set(wave.jobs):
        return wave
    return wave.but(jobs=(*wave.jobs, *jobs), verify_deadline=None)


def _isolated(here: Step, record: MachineRecord, machine: Machine | None, wave: WaveRecord) -> MachineRecord | None:
    """The record with its late target, stopped; None while there is none."""
    if machine is None or machine.replica is None or machine.replica in (record.replica_before, record.replica):
        return None
    try:
        replica = here.service.replica(machine.replica)
    except NotFound:
        return None
    if replica.instance_id is None:
        return None
    instance = here.ec2.instances([replica.instance_id]).get(replica.instance_id)
    if instance is None or instance.gone or instance.service_owned:
        return None
    if own(replica, machine, here.run.mode, wave.jobs):
        refused = here.ec2.isolate(instance, {ISOLATED_TAG: here.run.id})
        log().warning(f"{instance.id}, the late target of {record.label}, was {refused or 'stopped'}")
        finding = isolated(instance.id, refused)
    else:
        finding = foreign(instance.id)
    return record.but(
        replica=replica.id,
        isolated=instance.id,
        target=TargetRecord(
            instance_id=instance.id,
            private_ips=instance.private_ips,
            public_ips=instance.public_ips,
            type=instance.type,
            subnet_id=instance.subnet_id,
            replaced=record.instance_before,
        ),
        findings=(*record.findings, finding),
    )


def _awaited(
    wave: WaveRecord, launches: Sequence[LaunchRecord], records: Sequence[MachineRecord], now: datetime
) -> list[MachineRecord]:
    """The machines of a wave whose targets may still come."""
    if wave.verify_deadline is not None and now - instant(wave.verify_deadline) > STRAGGLERS:
        return []
    return missing(launches, records)
