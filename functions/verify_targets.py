"""Collect the targets that have appeared, tag them, and judge each by what is seen in EC2.

A target is judged as soon as it is there; one that is late delays nobody else's verdict.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from datetime import datetime, timedelta

from cutover.application import wanted
from cutover.asking_targets import Asking
from cutover.errors import NotFound
from cutover.gates import in_their_order
from cutover.instance import Instance
from cutover.instants import instant, text
from cutover.joblog import Named, findings
from cutover.launch import job_of, queued
from cutover.machine import Job, Machine
from cutover.plan import Mode, PlannedMachine
from cutover.readiness import LOOKS, interval
from cutover.records import STATUS_CHECKS, MachineRecord, MachineStatus, TargetRecord
from cutover.step import Answer, Step, log, step
from cutover.verification import LAZY, Sight, judge, lazy, own_target

SECONDS_TO_JUDGE = 60
"""Replicas are asked for only while this long is left to judge and write; the rest are asked for at the next look."""


@step
def handler(here: Step) -> Answer:
    """{verdict: follow | launch | verify | done, wait_seconds, verified, open, reason}.

    `launch`: the jobs have ended, and it is the turn of the machines of the wave that are still to be launched.
    """
    record = here.record
    jobs = [here.store.read_job(here.run.id, here.number, job) for job in record.jobs]
    ended = all(job.status.ended for job in jobs)
    machines = {machine.id: machine for machine in here.listed(here.wave.machines)}
    now, looked = here.now().at, here.looked()
    everyone = here.store.machines(here.run.id, here.number)
    in_line = queued(everyone, here.store.launches(here.run.id, here.number))
    known = [each for each in everyone if not each.left_out and each not in in_line]
    collected = [_collected(here, each, machines.get(str(each.id)), looked) for each in known]
    sights = _asked(here, _tagged(here, _sights(here, jobs, collected, machines)), now)
    looks = record.target_looks + 1
    end = instant(str(record.verify_deadline if ended else record.job_deadline))
    late = looks >= 2 * LOOKS
    ends = [_deadline(here, ended, each, end) for each in sights]
    judged = [
        # What a person has accepted stays as it was accepted, also when another machine of the wave is judged again.
        each.record if each.record.accepted else judge(each, final=late or now >= its_end)
        for each, its_end in zip(sights, ends, strict=True)
    ]
    judged = in_their_order(here.wave, everyone, judged)
    judged = [_kept(here, each, sight) for each, sight in zip(judged, sights, strict=True)]
    judged = _with_lazy_volumes(here, judged, sights)
    judged = [_timed(each, looked) for each in judged]
    still = [each for each in judged if not each.judged]
    verified = sum(1 for each in judged if each.status is MachineStatus.VERIFIED)
    reason = f"{verified} of {len(judged)} verified, {len(still)} not judged yet"
    # The wave first: it is refused to whoever comes late with an older look.
    here.store.write_wave(here.run.id, record.but(target_looks=looks, looked=looked))
    here.store.write_machines(
        here.run.id, here.number, [each for each, before in zip(judged, known, strict=True) if each != before]
    )
    until = max((its_end for its_end, each in zip(ends, judged, strict=True) if not each.judged), default=end)
    open_job = not ended and now < max(end, until) and not late
    # A job is followed to its end or its deadline, also when every target is judged: its log may still spoil a verdict.
    verdict = "follow" if open_job else "launch" if ended and in_line else "verify" if ended and still else "done"
    left = (2 if ended else 1) * LOOKS - looks
    wait = interval(here.wave.poll, now, until, left) if verdict in ("follow", "verify") else 0
    here.hold(wait)
    return {"verdict": verdict, "wait_seconds": wait, "verified": verified, "open": len(still), "reason": reason}


def _timed(record: MachineRecord, looked: str) -> MachineRecord:
    """With the instants of its first good look and of its verdict, which are those of the looks that saw them."""
    ok = record.first_ok or (looked if record.oks else None)
    return record.but(first_ok=ok, settled=(record.settled or looked) if record.judged else None)


def _deadline(here: Step, ended: bool, sight: Sight, end: datetime) -> datetime:
    """Until when a machine is waited for: by its operating system, and `end` is that of the slowest one. A target that
    appears late, or is judged again, has the plan's time, too."""
    deadline, record = here.wave.verify_deadline, sight.record
    own = timedelta(seconds=deadline.of(sight.os))
    begins = [instant(record.judged_from)] if record.judged_from else []
    if ended:
        begins += [instant(record.first_seen)] if record.first_seen else []
        end -= timedelta(seconds=deadline.longest) - own
    return max(end, *(each + own for each in begins)) if begins else end


def _asked(here: Step, sights: list[Sight], now: datetime) -> list[Sight]:
    """The sights with what was seen of the applications of those targets that are up."""
    if not any(each.checks or each.prewarm for each in here.wave.machines):
        return [replace(each, not_made=wanted(_planned(here, each), each.os).not_made) for each in sights]
    return Asking(here.wave.machines, here.probe, here.guest, now, here.run.id).seen(sights)


def _kept(here: Step, record: MachineRecord, sight: Sight) -> MachineRecord:
    """With its console and its screen, where its target did not come up in time: what is there to be seen goes by."""
    if sight.instance is None or sight.instance.gone or not record.judged or record.console or record.level:
        return record
    if not any(check.name == STATUS_CHECKS and check.passed is False for check in record.checks):
        return record
    output, screen = here.ec2.console(sight.instance.id)
    kept = ((output, "txt", "text/plain; charset=utf-8"), (screen, "jpg", "image/jpeg"))
    files = [
        here.store.write_file(here.run.id, f"console/{_file_name(record)}.{ending}", content, kind)
        for content, ending, kind in kept
        if content
    ]
    return record.but(console=tuple(files))


def _file_name(record: MachineRecord) -> str:
    return re.sub(r"[^\w.-]", "_", record.label)


def _with_lazy_volumes(here: Step, judged: list[MachineRecord], sights: list[Sight]) -> list[MachineRecord]:
    """Whose volumes are slow at first: said once, when a target is verified."""
    volumes = {
        record.label: set(sight.instance.volumes)
        for record, sight in zip(judged, sights, strict=True)
        if sight.instance
        and record.status is MachineStatus.VERIFIED
        and not any(each.field == LAZY for each in record.findings)
    }
    slow = here.ec2.from_snapshots(set().union(*volumes.values())) if volumes else set()
    return [
        each.but(findings=(*each.findings, lazy(each, found)))
        if (found := volumes.get(each.label, set()) & slow)
        else each
        for each in judged
    ]


def _planned(here: Step, sight: Sight) -> PlannedMachine:
    return here.wave.machines[sight.record.position]


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
        first_ok=None,
        settled=None,
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
                instant(record.consistent_before) if record.consistent_before else None,
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
