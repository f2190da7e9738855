"""May the whole plan go? One look at every wave's machines, before people are asked and before users are shut out."""

from __future__ import annotations

from datetime import datetime, timedelta

from cutover.downtime import last_moment
from cutover.instants import instant, text
from cutover.machine import Machine
from cutover.night import moved
from cutover.night_records import NightRecord, Part
from cutover.planned_night import Night
from cutover.readiness import LOOKS, Verdict, WaveReadiness
from cutover.records import MachineRecord, WaveRecord
from cutover.step import Answer, Step, step


@step
def handler(here: Step) -> Answer:
    """Input {run, execution, part: check | check_again}; {verdict: done | wait | failed, wait_seconds, rule, …}."""
    part = Part(here.event["part"])
    planned = here.planned_night
    listed = here.listed([entry for wave in here.plan.waves for entry in wave.machines])
    looked, night = here.looked(), here.store.night(here.run.id)
    night = _begun(here, night, part, planned, looked)
    deadline, looks = instant(night.deadlines[part.value]), night.looks[part.value]
    seen = [
        (wave, machines, _look(here, wave, machines, listed, deadline, looks)) for wave, machines in here.everything()
    ]
    over = [each for _, _, each in seen if each.verdict in (Verdict.REFUSED, Verdict.POSTPONED)]
    late = instant(looked) >= deadline
    wait = max((each.wait_seconds for _, _, each in seen), default=0)
    here.hold(wait)
    for wave, machines, look in seen:
        if over or look.judged:
            judged = look.settle(machines, here.plan.waves[wave.number - 1], deadline)
            here.store.write_machines(here.run.id, wave.number, judged)
        progress = look.progress({each.label: each.instance_before for each in machines})
        ready = sum(each.ready for each in look.machines)
        here.store.write_wave(
            here.run.id, wave.but(progress=progress, ready=ready, total=len(look.machines), looked=looked)
        )
    if over:
        return here.said("failed", "; ".join(each.reason for each in over), rule="undo")
    if late:
        reason = f"the last moment to begin was {text(deadline)}: the way back needs what is left of the window"
        return here.said("failed", reason, rule="undo")
    waiting = [each for _, _, each in seen if each.verdict is Verdict.WAIT]
    if waiting:
        here.store.write_night(here.run.id, night)
        return here.said("wait", "; ".join(each.reason for each in waiting), wait=wait)
    here.store.write_night(here.run.id, moved(night, part, looked))
    return here.said("done", "every machine that the plan needs may be launched")


def _begun(here: Step, night: NightRecord, part: Part, planned: Night, looked: str) -> NightRecord:
    """The night with this part's deadline, fixed at its first look, and one look more."""
    longest = timedelta(seconds=max(wave.readiness_deadline for wave in here.plan.waves))
    end = min(instant(looked) + longest, last_moment(planned, here.run))
    return night.but(
        deadlines={part.value: text(end), **night.deadlines},
        looks={**night.looks, part.value: night.looks.get(part.value, 0) + 1},
    )


def _look(
    here: Step, wave: WaveRecord, machines: list[MachineRecord], listed: list[Machine], deadline: datetime, looks: int
) -> WaveReadiness:
    return here.look(listed, deadline, min(looks, LOOKS), machines, here.plan.waves[wave.number - 1])
