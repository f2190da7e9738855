"""The way back begins: stop every target of this run, and see that it has stopped. Stopped, not terminated: what users
entered on them stays."""

from __future__ import annotations

from cutover.instants import after, instant
from cutover.night import moved
from cutover.night_records import Part
from cutover.readiness import LOOKS, interval
from cutover.records import MachineRecord, MachineStatus, RolledBack
from cutover.step import Answer, Step, log, step

MINUTES = 30
PART = Part.STOP_TARGETS.value
ROLLED_BACK_TAG = "cutover:rolled-back"
"""On a target that a rollback stopped: the run. Only what carries it may be stopped (function table)."""
GONE = ("stopped", "terminated")


@step
def handler(here: Step) -> Answer:
    """Input {run, execution}; {verdict: done | wait | failed, wait_seconds, rule, tell, reason}."""
    night, now = here.store.night(here.run.id), here.clock()
    made = [
        (wave.number, each)
        for wave, machines in here.everything()
        for each in machines
        if each.target and each.target.instance_id and each.replica and each.replica != each.replica_before
    ]
    looks = night.looks.get(PART, 0)
    deadline = night.deadlines.get(PART) or after(now, MINUTES * 60)
    seen = here.ec2.instances({_instance(each) for _, each in made})
    refused = {}
    for instance in seen.values():
        if instance.state in ("running", "pending"):
            words = here.ec2.isolate(instance, {ROLLED_BACK_TAG: here.run.id})
            if words is not None:
                refused[instance.id] = words
                log().warning(f"{instance.id} was not stopped: {words}")
    seen = here.ec2.instances(set(seen))
    left = [
        f"{each.label} ({_instance(each)} is {seen[_instance(each)].state}{_why(refused, each)})"
        for _, each in made
        if _instance(each) in seen and seen[_instance(each)].state not in GONE
    ]
    tell = "going_back" if looks == 0 else ""
    night = night.but(
        deadlines={**night.deadlines, PART: deadline},
        looks={**night.looks, PART: looks + 1},
        stopped=tuple(_instance(each) for _, each in made),
    )
    if not left:
        _record(here, made, now)
        here.store.write_night(here.run.id, moved(night, Part.STOP_TARGETS, now))
        return here.said("done", f"{len(made)} targets are stopped", tell=tell)
    here.store.write_night(here.run.id, night)
    reason = f"not stopped: {', '.join(left)}"
    if instant(now) >= instant(deadline) or looks >= LOOKS:
        return here.said("failed", reason, rule="hold")
    wait = interval(here.poll, instant(now), instant(deadline), LOOKS - looks)
    here.hold(wait)
    return here.said("wait", reason, wait=wait, tell=tell)


def _record(here: Step, made: list[tuple[int, MachineRecord]], now: str) -> None:
    """Each machine is rolled back; the guard is lifted for exactly these targets, so that a second attempt works."""
    for number, machine in made:
        here.store.write_machines(here.run.id, number, [machine.but(status=MachineStatus.ROLLED_BACK)])
    here.store.record_rollbacks(
        here.plan.name, [RolledBack(str(each.id), here.run.id, _instance(each), now) for _, each in made if each.id]
    )


def _instance(machine: MachineRecord) -> str:
    return str(machine.target.instance_id) if machine.target else ""


def _why(refused: dict[str, str], machine: MachineRecord) -> str:
    words = refused.get(_instance(machine))
    return f": {words}" if words else ""
