"""A wave whose launch somebody makes by hand: look for the job, take it, and touch nothing."""

from __future__ import annotations

from cutover.instants import after, instant
from cutover.launch import followed
from cutover.machine import Job, Machine
from cutover.observing import before, entry, known, look, unlaunched
from cutover.previous import previous_of
from cutover.readiness import LOOKS, interval
from cutover.records import MachineRecord, WaveRecord
from cutover.rule import can_pass
from cutover.step import Answer, Step


def observed(here: Step, record: WaveRecord) -> Answer:
    """One look for the jobs that launch this wave: {verdict: accepted | wait | postponed, …} as CheckReadiness answers.

    They are taken as soon as every machine is in one; at the deadline, those machines that are.
    """
    jobs = here.service.jobs()
    machines = here.store.machines(here.run.id, here.number)
    wanted = known(machines)
    looked, now = here.looked(), here.now().at
    deadline = record.readiness_deadline or after(looked, here.wave.readiness_deadline)
    seen = look(jobs, sorted(wanted), here.run.mode, instant(here.run.started or looked))
    looks = record.ready_looks + 1
    record = record.but(
        started=record.started or looked,
        execution=here.event.get("child", record.execution),
        readiness_deadline=deadline,
        ready_looks=looks,
        ready=len(wanted) - len(seen.missing),
        total=len(machines),
        looked=looked,
        reason=seen.reason,
    )
    over = now >= instant(deadline) or looks >= LOOKS
    if wanted and seen.missing and not over:
        wait = interval(here.wave.poll, now, instant(deadline), LOOKS - looks)
        here.hold(wait)
        here.store.write_wave(here.run.id, record.but(told_waiting=True))
        return {"verdict": "wait", "wait_seconds": wait, "tell": not record.told_waiting, "reason": seen.reason}
    late = {each.label: each for each in unlaunched(machines, seen.missing)}
    judged = [late.get(each.label, each) for each in machines]
    here.store.write_machines(here.run.id, here.number, late.values())
    if not seen.jobs or not can_pass(here.wave, judged):
        here.store.write_wave(here.run.id, record)
        return {"verdict": "postponed", "wait_seconds": 0, "tell": False, "reason": seen.reason}
    listed = {machine.id: machine for machine in here.listed(here.wave.machines)}
    taken = [_as_before(here, each, listed.get(str(each.id)), seen.jobs) for each in judged if not each.judged]
    here.store.write_machines(here.run.id, here.number, taken)
    here.store.adopt(here.run.id, here.number, entry(seen, here.run.mode, wanted, now))
    here.store.write_wave(here.run.id, followed(record, seen.jobs, here.hold(), here.wave.job_deadline))
    return {"verdict": "accepted", "wait_seconds": 0, "tell": False, "reason": seen.reason}


def _as_before(here: Step, record: MachineRecord, machine: Machine | None, jobs: tuple[Job, ...]) -> MachineRecord:
    return before(record, machine, previous_of(here.service, machine) if machine else None, jobs)
