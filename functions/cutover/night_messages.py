"""What people are told in a night, beside what every run tells: who must do what by when, and what silence means."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cutover.downtime import clock, downtime, last_moment, turn_back
from cutover.instants import after, text
from cutover.messages import (
    Message,
    compose,
    few,
    machines_lines,
    proved_so_far,
    takeover,
    went_back,
)
from cutover.night_records import NightRecord, Part, QuestionRecord
from cutover.plan import Plan
from cutover.planned_night import Approval, Night, OnSilence, OnStepFailure, PlannedStep
from cutover.records import MachineRecord, MachineStatus, RunRecord, WaveRecord
from cutover.steps import closing_part, planned_steps

Waves = Sequence[tuple[WaveRecord, Sequence[MachineRecord]]]
_STEP = re.compile(r"(undo-)?(\w+)-(\d+)")
"""What the question of a manual step is called."""


def approve(run: RunRecord, name: str, by: str) -> str:
    """The command that says yes to a question."""
    return f"cutover approve {run.id} {name} --by {_word(by)}"


def done(run: RunRecord, name: str, by: str) -> str:
    """The command that says that a manual step is done."""
    return f"cutover done {run.id} {name} --by {_word(by)}"


def order(run: RunRecord, wish: str, *words: str) -> str:
    """The command for what an operator wants done."""
    return " ".join(["cutover", wish, run.id, *words, "--by YOU --reason WHY"])


def asked(run: RunRecord, plan: Plan, night: NightRecord, question: QuestionRecord, waves: Waves) -> Message:
    """People are asked, or are to do something: by when, what silence means, and the command that answers."""
    planned = _planned(plan)
    if (found := _STEP.fullmatch(question.name)) is not None:
        return _manual(run, planned, night, question, found)
    lines = [f"By {question.deadline}: {question.text} Asked: {' or '.join(question.by)}."]
    match question.name:
        case Part.GO.value:
            lines += _before_go(run, planned, waves)
        case Part.USERS.value:
            lines += _before_users(run, planned, night, waves)
        case _:
            lines += _before_commit(run, night, waves)
    lines.append(f"No answer is not a yes: {_silence(planned, night, question)}.")
    return compose(run, f"asks {question.name}, by {question.deadline}", [*lines, *_answers(run, question)], night)


def _answers(run: RunRecord, question: QuestionRecord) -> list[str]:
    yes = approve(run, question.name, question.by[0])
    return [f"Yes: {yes}", f"No:  {yes} --no --reason WHY", *_any_one(question)]


def _any_one(question: QuestionRecord) -> list[str]:
    return [f"One answer decides; --by is one of {', '.join(question.by)}."] if len(question.by) > 1 else []


def _before_go(run: RunRecord, planned: Night, waves: Waves) -> list[str]:
    machines = [each for _, some in waves for each in some if not each.left_out]
    lags = [
        (int(line["lag"]), str(line["label"]))
        for wave, _ in waves
        for line in wave.progress
        if line.get("lag") is not None
    ]
    behind = max(lags, default=None)
    worst = f"; the furthest behind is {behind[1]}, by {clock(behind[0])}" if behind else ""
    doomed = [f"{each.label}: {each.instance_before}" for each in machines if each.instance_before]
    shut = [each.name for each in (*planned.quiesce, *planned.power_off)]
    how = f" ({', '.join(shut)})" if shut else ""
    return [
        f"Yes: users are shut out{how} for about {clock(planned.estimate)}, and {len(machines)} machines are launched.",
        f"Machines: {few([each.label for each in machines])}{worst}.",
        f"The launch deletes {len(doomed)} targets: {few(doomed)}." if doomed else "The launch deletes no target.",
        f"Users are shut out by {text(last_moment(planned, run))} or not at all; to be back within the window, going "
        f"back begins by {text(turn_back(planned, run))}.",
        "Until users are let onto the targets there is a way back that loses nothing.",
    ]


def _before_users(run: RunRecord, planned: Night, night: NightRecord, waves: Waves) -> list[str]:
    everyone = [each for _, some in waves for each in some]
    verified = sum(each.status is MachineStatus.VERIFIED for each in everyone)
    steps = ", ".join(each.name for each in planned.switch) or f"no step: {planned.no_switch}"
    lines = [f"{verified} of {len(everyone)} machines are verified:", *machines_lines(everyone)]
    if night.closed:
        lines.append(f"Known before the launch: {proved_so_far(night)}.")
    return [
        *lines,
        f"Yes: the switch is carried out ({steps}), and looked at from outside.",
        "No: the targets are stopped and users are let in at the source again; nothing is lost."
        if night.closed
        else "No: the run ends Failed; users stay where they are.",
        "The way back without loss ends with a yes: what users enter on the targets afterwards does not go back.",
        f"To be back within the window, going back begins by {text(turn_back(planned, run))}.",
    ]


def _before_commit(run: RunRecord, night: NightRecord, waves: Waves) -> list[str]:
    targets = sum(1 for _, some in waves for each in some if each.target and each.target.instance_id)
    lines = [
        f"Yes: the {targets} targets are protected from termination. Replication and the sources stay as they are."
    ]
    if night.opened:
        lines.append(f"Users are on the targets since {night.opened}; going back loses what was entered since then.")
        lines.append(f"Going back, by hand only: {order(run, 'rollback', '--data-stays')}")
    return lines


def _manual(
    run: RunRecord, planned: Night, night: NightRecord, question: QuestionRecord, found: re.Match[str]
) -> Message:
    undo, part, number = bool(found[1]), found[2], int(found[3])
    steps: tuple[PlannedStep, ...] = getattr(planned, part, ())
    step = steps[number - 1] if number <= len(steps) else None
    name = step.name if step else question.name
    rule = OnStepFailure.HOLD if undo or step is None else step.on_failure
    command = done(run, question.name, question.by[0])
    lines = [
        f"{' or '.join(question.by)}, by {question.deadline}: {question.text}",
        f"This is step {number} of {'undoing ' if undo else ''}{_named(Part(part))}: {name}.",
        f"No answer by then counts as not done, and {_failed_step(rule, night)}.",
        f"Done: {command}",
        f"It cannot be done: {command} --failed --reason WHY",
        *_any_one(question),
    ]
    return compose(run, f"asks {' or '.join(question.by)} to do {question.name}, by {question.deadline}", lines, night)


def closed(run: RunRecord, plan: Plan, night: NightRecord) -> Message:
    """The doors are closed: since when and by what, until when it should take, and the last moment to turn back."""
    planned = _planned(plan)
    since = str(night.closed)
    lines = [
        f"The doors are closed: users are shut out since {since}.",
        *_closed_by(planned, night, since),
        f"Users are expected back by {after(since, planned.estimate)}.",
        f"Last moment to turn back within the window: {text(turn_back(planned, run))}.",
    ]
    if night.switching:
        stays = f"leaves on the targets what users may have entered since {night.switching}"
        lines.append(f"Going back {stays}: {order(run, 'rollback', '--data-stays')}")
    else:
        lines.append(f"Until users are let onto the targets, going back loses nothing: {order(run, 'rollback')}")
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
    planned = _planned(plan)
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
        f"The run HOLDS at {_named(hold.part)} since {hold.since} and needs a decision by {hold.deadline}.",
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
        named = bad[0].label if len(bad) == 1 else "MACHINE"
        ways += [
            f"judge a machine again: {order(run, 'verify', _word(named))}",
            f"accept a machine as it is: {order(run, 'accept', _word(named))}",
        ]
    ways.append(f"try again, or go on: {order(run, 'resume')}")
    reached = night.opened or night.switching
    if night.back is None and reached:
        stays = f"go back; what users may have entered since {reached} stays on the targets"
        ways.append(f"{stays}: {order(run, 'rollback', '--data-stays')}")
    elif night.back is None and night.closed:
        by = text(turn_back(_planned(plan), run))
        ways.append(f"go back, which loses nothing (by {by} to be back within the window): {order(run, 'rollback')}")
    elif night.back is None:
        ways.append(f"end it, nothing was taken from users: {order(run, 'abort')}")
    return [*ways, f"do the rest by hand: {takeover(run)}"]


def going_back(run: RunRecord, plan: Plan, night: NightRecord) -> Message:
    """The way back has begun: by whom, why, what stays on the targets, and what happens now."""
    planned = _planned(plan)
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
    planned = _planned(plan)
    seconds = downtime(night)
    took = f" (shut out for {clock(seconds)}, planned {clock(planned.estimate)})" if seconds is not None else ""
    lines = [
        f"Users are on the targets since {night.opened}{took}: the application was seen to serve from outside.",
        f"Going back now would lose what is entered after {night.opened}. Nothing goes back by itself any more.",
        f"By hand: {order(run, 'rollback', '--data-stays')}",
    ]
    soak = f"after {_span(planned.soak)} of soak" if planned.soak else "at once"
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
        f"Done last: {_named(Part(last[0]))}, {last[1]}." if last else "No part of the night is done yet.",
    ]
    if night.hold:
        lines.append(f"It holds until {night.hold.deadline}: {night.hold.reason}.")
    if night.back:
        lines += went_back(night)
    lines.append("Do, now: see whether its execution still runs. A dead one goes on when the run is started again.")
    if night.back is None and night.opened is None:
        stays = ["--data-stays"] if night.switching else []
        by = text(turn_back(_planned(plan), run))
        lines.append(f"Go back (by {by} to be back within the window): {order(run, 'rollback', *stays)}")
    lines.append(f"Do it by hand: {takeover(run)}")
    return compose(run, f"SILENT, nobody serves users since {night.since or night.closed}", lines, night)


def _planned(plan: Plan) -> Night:
    if plan.night is None:
        raise ValueError(f"plan {plan.name} has no night")
    return plan.night


def _silence(planned: Night, night: NightRecord, question: QuestionRecord) -> str:
    """What becomes of the run when nobody answers by the deadline."""
    approval: Approval = getattr(planned, question.name)
    if question.name == Part.GO.value:
        return "then the run ends Postponed, users stay in and nothing is launched"
    if approval.on_silence is OnSilence.END:
        return "then the run ends, not committed: nothing protects the targets"
    if night.closed is None:
        return "then the run ends Failed, and users stay where they are"
    if approval.on_silence is OnSilence.HOLD or night.opened:
        return f"then the run holds until a person decides, {_span(planned.hold)} at the most"
    return "then the run goes back: targets stopped, users let in at the source again, nothing lost"


def _failed_step(rule: OnStepFailure, night: NightRecord) -> str:
    match rule:
        case OnStepFailure.CONTINUE:
            return "the run goes on without it"
        case OnStepFailure.UNDO if night.opened is None and night.back is None:
            return "the run goes back: what was done is undone, and users are let in at the source again"
    return "the run holds until a person decides"


def _stays(night: NightRecord) -> str:
    """Who is then left with production."""
    return {
        "source": "; users stay on the source",
        "nobody": "; NOBODY serves users then",
        "target": "; users stay on the targets",
    }[night.holder.value]


def _doubtful(machine: MachineRecord) -> bool:
    return machine.status not in (MachineStatus.VERIFIED, MachineStatus.NOT_STARTED)


def _named(part: Part) -> str:
    return part.value.replace("_", " ")


def _word(text: str) -> str:
    """One word of a command line, quoted where a shell would read something else."""
    return text if re.fullmatch(r"[\w@.+:/-]+", text) else "'" + text.replace("'", "'\\''") + "'"


def _span(seconds: int) -> str:
    """A planned time in words: 90 min, 12 h, 3 d."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
