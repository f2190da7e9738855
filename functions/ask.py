"""Ask people, once, and look whether they have answered. Silence is what the plan says, and never a yes."""

from __future__ import annotations

from datetime import timedelta

from cutover.instants import after, instant, text
from cutover.night import moved, silence, soak_began
from cutover.night_records import NightRecord, Part, QuestionRecord
from cutover.planned_night import Approval, OnSilence
from cutover.readiness import LOOKS, interval
from cutover.step import Answer, Step, step
from cutover.telling.catalogue import ENGLISH
from cutover.waking import ASKING


@step
def handler(here: Step) -> Answer:
    """Input {run, execution, part: go | users | soak}; {verdict: done | wait | failed, wait_seconds, rule, tell, …}."""
    part = Part(here.event["part"])
    name = Part.COMMIT.value if part is Part.SOAK else part.value
    planned, night, now = here.planned_night, here.store.night(here.run.id), here.clock()
    approval: Approval = getattr(planned, name)
    if part is Part.SOAK and (soaked := _soaks(here, night, now)) is not None:
        return soaked
    if approval.none:
        here.store.write_night(here.run.id, moved(night, part, now))
        return here.said("done", f"nobody is asked: {approval.none}")
    here.listen_to_people()
    asked = here.store.ask(
        here.run.id, QuestionRecord(name, ENGLISH(f"asked.text_{name}"), approval.by, now, after(now, approval.timeout))
    )
    if asked.answer is None and instant(now) >= instant(asked.deadline):
        asked = here.store.close_question(here.run.id, name)  # in writing, before it is decided: no late yes counts
    if asked.answer is None and not asked.closed:
        wait = interval(here.poll, instant(now), instant(asked.deadline), LOOKS - asked.looks)
        here.store.count_look(here.run.id, asked)
        here.hold(wait)
        sleep = here.sleeps(wait, now, asked.deadline, LOOKS - asked.looks)
        first = "asked" if asked.looks == 0 else ""
        reason = f"{name} is asked of {' or '.join(asked.by)} until {asked.deadline}"
        return here.said("wait", reason, wait=wait, sleep=sleep, tell=first, question=name)
    here.waits.forget(here.run.id, ASKING)
    if asked.answer == "yes":
        here.store.write_night(here.run.id, moved(night, part, now))
        return here.said("done", f"{asked.answered_by} says yes to {name}")
    if not asked.closed:
        here.store.close_question(here.run.id, name)
    if asked.answer == "no":
        why = f": {asked.reason}" if asked.reason else ""
        return here.said("failed", f"{asked.answered_by} says no to {name}{why}", rule=_no(name))
    reason = f"nobody answered {name} by {asked.deadline} (asked: {', '.join(asked.by)})"
    return here.said("failed", reason, rule=silence(approval.on_silence))


def _no(name: str) -> str:
    """What a no means: before the outage nothing begins, before the switch the way back, after it a person decides."""
    return silence(OnSilence.HOLD if name == "commit" else OnSilence.GO_BACK)


def _soaks(here: Step, night: NightRecord, now: str) -> Answer | None:
    """The wait for the end of the soak, counted from when users were let in; None once it is over."""
    began = soak_began(night)
    if began is None:
        night = here.store.write_night(here.run.id, night.but(deadlines={**night.deadlines, "soak_from": now}))
        began = now
    end = instant(began) + timedelta(seconds=here.planned_night.soak)
    if instant(now) >= end:
        return None
    looks = night.looks.get("soak", 0)
    here.store.write_night(here.run.id, night.but(looks={**night.looks, "soak": looks + 1}))
    wait = interval(here.poll, instant(now), end, LOOKS - looks)
    here.hold(wait)
    return here.said("wait", f"soaks until {text(end)}", wait=wait)
