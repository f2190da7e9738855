"""Collect the targets that have appeared, tag them, and judge each by what is seen in EC2.

A target is judged as soon as it is there; one that is late delays nobody else's verdict.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from cutover.errors import NotFound
from cutover.gates import in_their_order
from cutover.instance import Instance
from cutover.instants import instant, text
from cutover.joblog import Named, findings
from cutover.launch import job_of
from cutover.machine import Job, Machine
from cutover.plan import Mode, PlannedMachine
from cutover.readiness import LOOKS, interval
from cutover.records import MachineRecord, MachineStatus, TargetRecord
from cutover.step import Answer, Step, log, step
from cutover.verification import Sight, judge, own_target

SECONDS_TO_JUDGE = 60
"""Replicas are asked for only while this long is left to judge and write; the rest are asked for at the next look."""


@step
def handler(here: Step) -> Answer:
    """{verdict: follow | verify | done, wait_seconds, verified, open, reason}."""
    record = here.record
    jobs = [here.store.read_job(here.run.id, here.number, job) for job in record.jobs]
    ended = all(job.status.ended for job in jobs)
    machines = {machine.id: machine for machine in here.listed(here.wave.machines)}
    now, looked = here.now().at, here.looked()
    everyone = here.store.machines(here.run.id, here.number)
    known = [each for each in everyone if not each.left_out]
    collected = [_collected(here, each, machines.get(str(each.id)), looked) for each in known]
    sights = _tagged(here, _sights(here, jobs, collected, machines))
    looks = record.target_looks + 1
    end = instant(str(record.verify_deadline if ended else record.job_deadline))
    late = looks >= 2 * LOOKS
    judged = [judge(each, final=late or now >= _deadline(here, ended, each.record, end)) for each in sights]
    judged = in_their_order(here.wave, everyone, judged)
    still = [each for each in judged if not each.judged]
    verified = sum(1 for each in judged if each.status is MachineStatus.VERIFIED)
    reason = f"{verified} of {len(judged)} verified, {len(still)} not judged yet"
    # The wave first: it is refused to whoever comes late with an older look.
    here.store.write_wave(here.run.id, record.but(target_looks=looks, looked=looked))
    here.store.write_machines(
        here.run.id, here.number, [each for each, before in zip(judged, known, strict=True) if each != before]
    )
    open_job = not ended and now < end and not late
    # A job is followed to its end or its deadline, also when every target is judged: its log may still spoil a verdict.
    verdict = "follow" if open_job else "verify" if ended and still else "done"
    until = max((_deadline(here, ended, each, end) for each in still), default=end)
    left = (2 if ended else 1) * LOOKS - looks
    wait = interval(here.wave.poll, now, until, left) if verdict != "done" else 0
    here.hold(wait)
    return {"verdict": verdict, "wait_seconds": wait, "verified": verified, "open": len(still), "reason": reason}


def _deadline(here: Step, ended: bool, record: MachineRecord, end: datetime) -> datetime:
    """A target that appears late has the plan's time to come up, too."""
    if not ended or record.first_seen is None:
        return end
    return max(end, instant(record.first_seen) + timedelta(seconds=here.wave.verify_deadline))


def _collected(here: Step, record: MachineRecord, machine: Machine | None, looked: str) -> MachineRecord:
    """The record with the new target in it, once there is one: one request for each target."""
    replica_id = machine.replica if machine else None
    if replica_id is None or replica_id in (record.replica_before, record.replica):
        return record
    if here.seconds_left() < SECONDS_TO_JUDGE:
        return record
    try:
        replica = here.service.replica(replica_id)
    except NotFound:
        return record
    if replica.instance_id is None:
        return record
    return record.but(
        replica=replica.id,
        replica_job=replica.job,
        replica_created=text(replica.created_at) if replica.created_at else None,
        first_seen=looked,
        oks=0,
        target=TargetRecord(instance_id=replica.instance_id, replaced=record.instance_before),
    )


def _sights(here: Step, jobs: list[Job], records: list[MachineRecord], machines: dict[str, Machine]) -> list[Sight]:
    ids = {each.target.instance_id for each in records if each.target and each.target.instance_id}
    seen = here.ec2.instances(ids | {each.instance_before for each in records if each.instance_before})
    names = [Named(str(each.id), each.name) for each in records]
    closed = here.store.night(here.run.id).quiesced if here.run.mode is Mode.CUTOVER else None
    quiesced = instant(closed) if closed else None
    return [
        Sight(
            record=record,
            machine=machines.get(str(record.id)),
            job=job,
            mode=here.run.mode,
            instance=seen.get(record.target.instance_id or "") if record.target else None,
            previous=seen.get(record.instance_before or ""),
            log=findings(
                job.log,
                named,
                names,
                here.run.mode,
                job.created_at or here.now().at,
                here.wave.lag_limit,
                quiesced,
            ),
            expect=here.wave.machines[record.position].expect[here.run.mode],
            tags=_tags(here, here.wave.machines[record.position]),
            ok_in_a_row=here.wave.ok_in_a_row,
        )
        for record, named in zip(records, names, strict=True)
        for job in (job_of(named.id, jobs),)
    ]


def _tagged(here: Step, sights: list[Sight]) -> list[Sight]:
    """Tag the targets that are surely ours and miss a tag; what they look like afterwards is looked at again."""
    missing: dict[tuple[tuple[str, str], ...], list[Instance]] = defaultdict(list)
    for sight in sights:
        running = sight.instance and sight.instance.state == "running"  # before, volumes may still be attached
        if sight.instance and running and own_target(sight) and not sight.tags.items() <= sight.instance.tags.items():
            missing[tuple(sorted(sight.tags.items()))].append(sight.instance)
    if not missing:
        return sights
    for tags, instances in missing.items():
        for instance, refused in here.ec2.tag(instances, dict(tags)).items():
            log().warning(f"{instance} was not tagged: {refused}")
    seen = here.ec2.instances([each.id for instances in missing.values() for each in instances])
    return [sight.seen_again(seen) for sight in sights]


def _tags(here: Step, planned: PlannedMachine) -> dict[str, str]:
    return {
        **planned.tags,
        "cutover:plan": here.plan.name,
        "cutover:wave": here.wave.author_name(planned),
        "cutover:run": here.run.id,
        "cutover:mode": here.run.mode.value,
    }
