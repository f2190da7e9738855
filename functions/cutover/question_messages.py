"""What people are asked in a night: by when, what each answer brings about, what silence means, how to answer."""

from __future__ import annotations

import re

from cutover.commands import approve, done, rollback
from cutover.downtime import clock, last_moment, turn_back
from cutover.instants import text
from cutover.messages import Message, compose, few, machines_lines, proved_so_far
from cutover.night_messages import planned_of, span
from cutover.night_records import NightRecord, Part, QuestionRecord
from cutover.plan import Plan
from cutover.planned_night import Approval, Night, OnSilence, OnStepFailure, PlannedStep
from cutover.records import MachineStatus, RunRecord
from cutover.standing import Waves, named

_STEP = re.compile(r"(undo-)?(\w+)-(\d+)")
"""What the question of a manual step is called."""


def asked(run: RunRecord, plan: Plan, night: NightRecord, question: QuestionRecord, waves: Waves) -> Message:
    """People are asked, or are to do something: by when, what silence means, and the command that answers."""
    planned = planned_of(plan)
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
    yes, no = (approve(run.id, question.name, question.by[0], no=no) for no in (False, True))
    return [f"Yes: {yes}", f"No:  {no}", *_any_one(question)]


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
        lines.append(f"Going back, by hand only: {rollback(run.id, data_stays=True)}")
    return lines


def _manual(
    run: RunRecord, planned: Night, night: NightRecord, question: QuestionRecord, found: re.Match[str]
) -> Message:
    undo, part, number = bool(found[1]), found[2], int(found[3])
    steps: tuple[PlannedStep, ...] = getattr(planned, part, ())
    step = steps[number - 1] if number <= len(steps) else None
    name = step.name if step else question.name
    rule = OnStepFailure.HOLD if undo or step is None else step.on_failure
    is_done, failed = (done(run.id, question.name, question.by[0], failed=failed) for failed in (False, True))
    lines = [
        f"{' or '.join(question.by)}, by {question.deadline}: {question.text}",
        f"This is step {number} of {'undoing ' if undo else ''}{named(Part(part))}: {name}.",
        f"No answer by then counts as not done, and {_failed_step(rule, night)}.",
        f"Done: {is_done}",
        f"It cannot be done: {failed}",
        *_any_one(question),
    ]
    return compose(run, f"asks {' or '.join(question.by)} to do {question.name}, by {question.deadline}", lines, night)


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
        return f"then the run holds until a person decides, {span(planned.hold)} at the most"
    return "then the run goes back: targets stopped, users let in at the source again, nothing lost"


def _failed_step(rule: OnStepFailure, night: NightRecord) -> str:
    match rule:
        case OnStepFailure.CONTINUE:
            return "the run goes on without it"
        case OnStepFailure.UNDO if night.opened is None and night.back is None:
            return "the run goes back: what was done is undone, and users are let in at the source again"
    return "the run holds until a person decides"
