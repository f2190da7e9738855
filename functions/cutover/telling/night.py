"""What engineers are told in a night, beside what every run tells and what people are asked."""

from __future__ import annotations

from collections.abc import Sequence

from cutover.commands import abort, judge, resume, rollback
from cutover.downtime import clock, downtime, turn_back
from cutover.instants import after, text
from cutover.night_records import NightRecord, Part
from cutover.plan import Plan
from cutover.planned_night import Night
from cutover.records import MachineRecord, MachineStatus, RunRecord
from cutover.standing import Waves
from cutover.steps import closing_part, planned_steps
from cutover.telling.catalogue import ENGLISH, Say
from cutover.telling.messages import Message, compose, machines_lines, part_name, takeover, went_back


def closed(run: RunRecord, plan: Plan, night: NightRecord, say: Say = ENGLISH) -> Message:
    """The doors are closed: since when and by what, until when it should take, and the last moment to turn back."""
    planned = planned_of(plan)
    since = str(night.closed)
    lines = [
        say("closed.since", since=since),
        *_closed_by(planned, night, since, say),
        say("closed.back_by", by=after(since, planned.estimate)),
        say("closed.turn_back", by=text(turn_back(planned, run))),
    ]
    if night.switching:
        lines.append(say("closed.stays", since=night.switching, command=rollback(run.id, data_stays=True)))
    else:
        lines.append(say("closed.loses_nothing", command=rollback(run.id)))
    return compose(run, say("closed.about", since=since), lines, night, say=say)


def _closed_by(planned: Night, night: NightRecord, since: str, say: Say) -> list[str]:
    """What shut users out, and what comes next: it depends on the part of the night that did it."""
    part = closing_part(planned)
    names = ", ".join(each.name for each in planned_steps(planned, part)) if part else ""
    unproved = "" if planned.quiesce else " " + say("closed.unproved", why=planned.no_quiesce)
    match part:
        case Part.POWER_OFF:
            off = night.done.get(Part.POWER_OFF.value, since)
            return [say("closed.powered_off", off=off, names=names) + unproved, say("closed.next_launches")]
        case Part.SWITCH:
            return [say("closed.switched", names=names) + unproved, say("closed.next_probe")]
    return [
        say("closed.quiesced", since=night.quiesced or since),
        say("closed.next_zero_loss", within=clock(planned.zero_loss_wait)),
    ]


def proved(run: RunRecord, plan: Plan, night: NightRecord, say: Say = ENGLISH) -> Message:
    """Nothing that was written at the source is missing."""
    planned = planned_of(plan)
    lines = [say("proved.zero_loss", quiesced=night.quiesced, at=night.done.get(Part.ZERO_LOSS.value))]
    if off := night.done.get(Part.POWER_OFF.value):
        lines.append(say("proved.off", off=off))
    elif planned.power_off:
        lines.append(say("proved.next_off", names=", ".join(each.name for each in planned.power_off)))
    else:
        lines.append(say("proved.stay_on", why=planned.no_power_off))
    if night.closed:
        lines.append(say("proved.shut_out", closed=night.closed, planned=clock(planned.estimate)))
    return compose(run, say("proved.about"), lines, night, say=say)


def held(run: RunRecord, plan: Plan, night: NightRecord, waves: Waves, say: Say = ENGLISH) -> Message:
    """The run waits for a person: why, until when, and every command that helps."""
    hold = night.hold
    if hold is None:
        raise ValueError(f"run {run.id} does not hold")
    part = part_name(hold.part, say)
    lines = [
        say("held.since", part=part, since=hold.since, deadline=hold.deadline),
        say("held.why", why=hold.reason),
    ]
    bad = [each for _, some in waves for each in some if _doubtful(each)]
    if bad and night.back is None and night.opened is None:
        lines += [say("held.not_verified"), *machines_lines(bad, say)]
    lines += [say("held.ways"), *(f"  {each}" for each in _ways_on(run, plan, night, hold.part, bad, say))]
    lines.append(say("held.nobody_decides", deadline=hold.deadline, stays=say(f"held.stays_{night.holder.value}")))
    return compose(run, say("held.about", part=hold.part.value, deadline=hold.deadline), lines, night, say=say)


def _ways_on(
    run: RunRecord, plan: Plan, night: NightRecord, part: Part, bad: Sequence[MachineRecord], say: Say
) -> list[str]:
    """The commands that help now, each with what it does."""
    ways = []
    if part is Part.WAVE and night.back is None:
        machine = bad[0].label if len(bad) == 1 else "MACHINE"
        ways += [
            say("held.judge", command=judge("verify", run.id, machine)),
            say("held.accept", command=judge("accept", run.id, machine)),
        ]
    ways.append(say("held.resume", command=resume(run.id)))
    reached = night.opened or night.switching
    if night.back is None and reached:
        ways.append(say("held.back_stays", since=reached, command=rollback(run.id, data_stays=True)))
    elif night.back is None and night.closed:
        by = text(turn_back(planned_of(plan), run))
        ways.append(say("held.back", by=by, command=rollback(run.id)))
    elif night.back is None:
        ways.append(say("held.abort", command=abort(run.id)))
    return [*ways, say("held.by_hand", do=takeover(run, say))]


def going_back(run: RunRecord, plan: Plan, night: NightRecord, say: Say = ENGLISH) -> Message:
    """The way back has begun: by whom, why, what stays on the targets, and what happens now."""
    planned = planned_of(plan)
    order_of = [say("back.stop")]
    if planned.switch:
        order_of.append(say("back.undo_switch"))
    if planned.power_off:
        order_of.append(say("back.power_on"))
    order_of.append(say("back.open"))
    lines = [say("back.goes"), *went_back(night, say), say("back.order", steps="; ".join(order_of))]
    if night.opened is None:
        seconds = downtime(night, night.back.at) if night.back else None
        if seconds is not None:
            lines.append(say("back.shut_out", closed=night.closed, took=clock(seconds)))
    return compose(run, say("back.about"), lines, night, say=say)


def switched(run: RunRecord, plan: Plan, night: NightRecord, say: Say = ENGLISH) -> Message:
    """Users are on the targets: since when, after how long, and what going back would lose from now on."""
    planned = planned_of(plan)
    seconds = downtime(night)
    took = "" if seconds is None else clock(seconds)
    ends = after(night.opened, planned.soak) if planned.soak and night.opened else ""
    lines = [
        say("switched.since", opened=night.opened, took=took, planned=clock(planned.estimate)),
        say("switched.would_lose", opened=night.opened),
        say("switched.by_hand", command=rollback(run.id, data_stays=True)),
    ]
    commit, soak = planned.commit, span(planned.soak) if planned.soak else ""
    lines.append(say("switched.next", soak=soak, ends=ends, none=commit.none, by=say.any_of(commit.by)))
    if night.done.get(Part.POWER_OFF.value):
        lines.append(say("switched.sources_off"))
    return compose(run, say("switched.about", opened=night.opened), lines, night, say=say)


def silent(run: RunRecord, plan: Plan, night: NightRecord, say: Say = ENGLISH) -> Message:
    """For too long nothing has gone on while nobody serves users: a person is called."""
    last = max(night.done.items(), key=lambda each: each[1], default=None)
    since = night.since or night.closed
    lines = [say("silent.since", since=since, progressed=night.progressed or night.closed)]
    lines.append(
        say("silent.done_last", part=part_name(Part(last[0]), say), at=last[1]) if last else say("silent.nothing_done")
    )
    if night.hold:
        lines.append(say("silent.holds", deadline=night.hold.deadline, why=night.hold.reason))
    if night.back:
        lines += went_back(night, say)
    lines.append(say("silent.see"))
    if night.back is None and night.opened is None:
        by = text(turn_back(planned_of(plan), run))
        lines.append(say("silent.back", by=by, command=rollback(run.id, data_stays=bool(night.switching))))
    lines.append(say("silent.by_hand", do=takeover(run, say)))
    return compose(run, say("silent.about", since=since), lines, night, say=say)


def planned_of(plan: Plan) -> Night:
    """What the plan has around the launches; only of such a plan is anything told here."""
    if plan.night is None:
        raise ValueError(f"plan {plan.name} has no night")
    return plan.night


def _doubtful(machine: MachineRecord) -> bool:
    return machine.status not in (MachineStatus.VERIFIED, MachineStatus.NOT_STARTED)


def span(seconds: int) -> str:
    """A planned time in words: 90 min, 12 h, 3 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
