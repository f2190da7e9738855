"""What people are told in a night, beside what every run tells and what they are asked."""

from __future__ import annotations

from collections.abc import Sequence

from cutover.commands import abort, judge, resume, rollback
from cutover.downtime import clock, downtime, turn_back
from cutover.instants import after, text
from cutover.messages import (
    Message,
    compose,
    machines_lines,
    takeover,
    went_back,
)
from cutover.night_records import NightRecord, Part
from cutover.plan import Plan
from cutover.planned_night import Night
from cutover.records import MachineRecord, MachineStatus, RunRecord
from cutover.standing import Waves, named
from cutover.steps import closing_part, planned_steps


def closed(run: RunRecord, plan: Plan, night: NightRecord) -> Message:
    """The doors are closed: since when and by what, until when it should take, and the last moment to turn back."""
    planned = planned_of(plan)
    since = str(night.closed)
    lines = [
        f"The doors are closed: users are shut out since {since}.",
        *_closed_by(planned, night, since),
        f"Users are expected back by {after(since, planned.estimate)}.",
        f"Last moment to turn back within the window: {text(turn_back(planned, run))}.",
    ]
    if night.switching:
        stays = f"leaves on the targets what users may have entered since {night.switching}"
        lines.append(f"Going back {stays}: {rollback(run.id, data_stays=True)}")
    else:
        lines.append(f"Until users are let onto the targets, going back loses nothing: {rollback(run.id)}")
    return compose(run, f"users are shut out since {since}", lines, night)


def _closed_by(planned: Night, night: NightRecord, since: str) -> list[str]:
    """What shut users out, and what comes next: it depends on the part of the night that did it."""
    part = closing_part(planned)
    names = ", ".join(each.name for each in planned_steps(planned, part)) if part else ""
    unproved = "" if planned.quiesce else f" Zero loss is not proved, as no step quiesces ({planned.no_quiesce})."
    match part:
        case Part.POWER_OFF:
            off = night.done.get(Part.POWER_OFF.value, since)
            return [f"The sources are proved off since {off} ({names}).{unproved}", "Next: the launches."]
        case Part.SWITCH:
            return [
                f"The switch is carried out ({names}).{unproved}",
                "Next: the application is looked at from outside; users count as served once it is seen to serve.",
            ]
    return [
        f"What writes at the source is stopped since {night.quiesced or since}.",
        f"Next: zero loss is proved within {clock(planned.zero_loss_wait)}; if it is not, the run goes back by itself.",
    ]


def proved(run: RunRecord, plan: Plan, night: NightRecord) -> Message:
    """Nothing that was written at the source is missing."""
    planned = planned_of(plan)
    at = night.done.get(Part.ZERO_LOSS.value)
    lines = [
        f"Zero loss: on every machine the backlog is 0 and the data consistent later than the end of the quiesce, "
        f"{night.quiesced}; seen {at}.",
    ]
    if off := night.done.get(Part.POWER_OFF.value):
        lines.append(f"The sources are proved off since {off}. Next: the launches.")
    elif planned.power_off:
        names = ", ".join(each.name for each in planned.power_off)
        lines.append(f"Next: the sources are powered off and proved off ({names}), then the launches.")
    else:
        lines.append(f"The sources stay on ({planned.no_power_off}). Next: the launches.")
    if night.closed:
        lines.append(f"Users are shut out since {night.closed}, planned for {clock(planned.estimate)}.")
    return compose(run, "zero loss is proved", lines, night)


def held(run: RunRecord, plan: Plan, night: NightRecord, waves: Waves) -> Message:
    """The run waits for a person: why, until when, and every command that helps."""
    hold = night.hold
    if hold is None:
        raise ValueError(f"run {run.id} does not hold")
    lines = [
        f"The run HOLDS at {named(hold.part)} since {hold.since} and needs a decision by {hold.deadline}.",
        f"Why: {hold.reason}.",
    ]
    bad = [each for _, some in waves for each in some if _doubtful(each)]
    if bad and night.back is None and night.opened is None:
        lines += ["Not verified:", *machines_lines(bad)]
    lines += ["What can be done:", *(f"  {each}" for each in _ways_on(run, plan, night, hold.part, bad))]
    lines.append(f"Nobody decides by {hold.deadline}: the run ends Failed and changes nothing more{_stays(night)}.")
    return compose(run, f"HOLDS at {hold.part.value}, decide by {hold.deadline}", lines, night)


def _ways_on(run: RunRecord, plan: Plan, night: NightRecord, part: Part, bad: Sequence[MachineRecord]) -> list[str]:
    """The commands that help now, each with what it does."""
    ways = []
    if part is Part.WAVE and night.back is None:
        machine = bad[0].label if len(bad) == 1 else "MACHINE"
        ways += [
            f"judge a machine again: {judge('verify', run.id, machine)}",
            f"accept a machine as it is: {judge('accept', run.id, machine)}",
        ]
    ways.append(f"try again, or go on: {resume(run.id)}")
    reached = night.opened or night.switching
    if night.back is None and reached:
        stays = f"go back; what users may have entered since {reached} stays on the targets"
        ways.append(f"{stays}: {rollback(run.id, data_stays=True)}")
    elif night.back is None and night.closed:
        by = text(turn_back(planned_of(plan), run))
        ways.append(f"go back, which loses nothing (by {by} to be back within the window): {rollback(run.id)}")
    elif night.back is None:
        ways.append(f"end it, nothing was taken from users: {abort(run.id)}")
    return [*ways, f"do the rest by hand: {takeover(run)}"]


def going_back(run: RunRecord, plan: Plan, night: NightRecord) -> Message:
    """The way back has begun: by whom, why, what stays on the targets, and what happens now."""
    planned = planned_of(plan)
    order_of = ["the targets are stopped, not terminated"]
    if planned.switch:
        order_of.append("the switch is undone")
    if planned.power_off:
        order_of.append("the sources are powered on")
    order_of.append("the doors of the source are opened")
    lines = ["The run goes back to the source.", *went_back(night), f"In this order: {'; '.join(order_of)}."]
    if night.opened is None:
        seconds = downtime(night, night.back.at) if night.back else None
        if seconds is not None:
            lines.append(f"Users are shut out since {night.closed}, {clock(seconds)} by now.")
    lines.append("Next word: when the doors are open again, or when the way back holds.")
    return compose(run, "goes back to the source", lines, night)


def switched(run: RunRecord, plan: Plan, night: NightRecord) -> Message:
    """Users are on the targets: since when, after how long, and what going back would lose from now on."""
    planned = planned_of(plan)
    seconds = downtime(night)
    took = f" (shut out for {clock(seconds)}, planned {clock(planned.estimate)})" if seconds is not None else ""
    lines = [
        f"Users are on the targets since {night.opened}{took}: the application was seen to serve from outside.",
        f"Going back now would lose what is entered after {night.opened}. Nothing goes back by itself any more.",
        f"By hand: {rollback(run.id, data_stays=True)}",
    ]
    soak = f"after {span(planned.soak)} of soak" if planned.soak else "at once"
    commit = planned.commit
    ends = f", at {after(night.opened, planned.soak)}" if planned.soak and night.opened else ""
    if commit.none:
        lines.append(f"Next: {soak}{ends} the targets are protected from termination; nobody is asked: {commit.none}.")
    else:
        lines.append(f"Next: {soak}{ends} the commit is asked of {' or '.join(commit.by)}.")
    if night.done.get(Part.POWER_OFF.value):
        lines.append("The sources stay off, and are kept.")
    return compose(run, f"users are on the targets since {night.opened}", lines, night)


def silent(run: RunRecord, plan: Plan, night: NightRecord) -> Message:
    """For too long nothing has gone on while nobody serves users: a person is called."""
    last = max(night.done.items(), key=lambda each: each[1], default=None)
    lines = [
        f"Nobody serves users since {night.since or night.closed}, and nothing was seen to go on since "
        f"{night.progressed or night.closed}.",
        f"Done last: {named(Part(last[0]))}, {last[1]}." if last else "No part of the night is done yet.",
    ]
    if night.hold:
        lines.append(f"It holds until {night.hold.deadline}: {night.hold.reason}.")
    if night.back:
        lines += went_back(night)
    lines.append("Do, now: see whether its execution still runs. A dead one goes on when the run is started again.")
    if night.back is None and night.opened is None:
        by = text(turn_back(planned_of(plan), run))
        lines.append(
            f"Go back (by {by} to be back within the window): {rollback(run.id, data_stays=bool(night.switching))}"
        )
    lines.append(f"Do it by hand: {takeover(run)}")
    return compose(run, f"SILENT, nobody serves users since {night.since or night.closed}", lines, night)


def planned_of(plan: Plan) -> Night:
    """What the plan has around the launches; only of such a plan is anything told here."""
    if plan.night is None:
        raise ValueError(f"plan {plan.name} has no night")
    return plan.night


def _stays(night: NightRecord) -> str:
    """Who is then left with production."""
    return {
        "source": "; users stay on the source",
        "nobody": "; NOBODY serves users then",
        "target": "; users stay on the targets",
    }[night.holder.value]


def _doubtful(machine: MachineRecord) -> bool:
    return machine.status not in (MachineStatus.VERIFIED, MachineStatus.NOT_STARTED)


def span(seconds: int) -> str:
    """A planned time in words: 90 min, 12 h, 3 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
