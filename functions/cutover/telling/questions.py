"""What people are asked in a night: by when, what each answer brings about, what silence means, how to answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cutover.commands import approve, done, rollback
from cutover.downtime import clock, last_moment, turn_back
from cutover.instants import text
from cutover.night_records import NightRecord, Part, QuestionRecord
from cutover.plan import Plan
from cutover.planned_night import Approval, Night, OnSilence, OnStepFailure, PlannedStep
from cutover.records import MachineStatus, RunRecord
from cutover.standing import Waves
from cutover.telling.catalogue import ENGLISH, Say
from cutover.telling.messages import Message, compose, few, machines_lines, part_name, proved_so_far
from cutover.telling.night import planned_of, span

_STEP = re.compile(r"(undo-)?(\w+)-(\d+)")
"""What the question of a manual step is called."""
APPROVALS = (Part.GO.value, Part.USERS.value, Part.COMMIT.value)


def asked(
    run: RunRecord, plan: Plan, night: NightRecord, question: QuestionRecord, waves: Waves, say: Say = ENGLISH
) -> Message:
    """People are asked, or are to do something: by when, what silence means, and the command that answers."""
    lines = before_answer(run, plan, night, question, waves, say)
    lines += _answers(run, question, say)
    who = say.any_of(question.by)
    facts = {"name": question.name, "deadline": question.deadline, "who": who}
    return compose(run, say("asked.about_step" if is_step(question) else "asked.about", **facts), lines, night, say=say)


def is_step(question: QuestionRecord) -> bool:
    """Whether it is a step that somebody does by hand, and not an approval."""
    return question.name not in APPROVALS


def before_answer(
    run: RunRecord, plan: Plan, night: NightRecord, question: QuestionRecord, waves: Waves, say: Say = ENGLISH
) -> list[str]:
    """All that somebody should know who answers: the question, what each answer brings about, what silence means."""
    planned = planned_of(plan)
    if (found := _STEP.fullmatch(question.name)) is not None:
        return _manual(planned, night, question, found, say)
    wanted = question_text(question, say)
    lines = [say("asked.by", deadline=question.deadline, text=wanted, who=say.any_of(question.by))]
    match question.name:
        case Part.GO.value:
            lines += _before_go(run, planned, waves, say)
        case Part.USERS.value:
            lines += _before_users(run, planned, night, waves, say)
        case _:
            lines += _before_commit(run, night, waves, say)
    return [*lines, say("asked.silence", then=_silence(planned, night, question, say))]


def question_text(question: QuestionRecord, say: Say = ENGLISH) -> str:
    """What is asked, or what is to be done, in the plan's words."""
    return question.text if is_step(question) else say(f"asked.text_{question.name}")


def _answers(run: RunRecord, question: QuestionRecord, say: Say) -> list[str]:
    command, negative = (done, "failed") if is_step(question) else (approve, "no")
    kind = "step" if is_step(question) else "approval"
    return [
        say(f"asked.yes_{kind}", command=command(run.id, question.name, question.by[0])),
        say(f"asked.no_{kind}", command=command(run.id, question.name, question.by[0], **{negative: True})),
        *_any_one(question, say),
    ]


def _any_one(question: QuestionRecord, say: Say) -> Sequence[str]:
    return [say("asked.any_one", who=", ".join(question.by))] if len(question.by) > 1 else []


def _before_go(run: RunRecord, planned: Night, waves: Waves, say: Say) -> list[str]:
    machines = [each for _, some in waves for each in some if not each.left_out]
    lags = [
        (int(line["lag"]), str(line["label"]))
        for wave, _ in waves
        for line in wave.progress
        if line.get("lag") is not None
    ]
    behind = max(lags, default=None)
    doomed = [f"{each.label}: {each.instance_before}" for each in machines if each.instance_before]
    shut = [each.name for each in (*planned.quiesce, *planned.power_off)]
    return [
        say("asked.go_yes", how=", ".join(shut), about=clock(planned.estimate), count=len(machines)),
        say(
            "asked.go_machines",
            machines=few([each.label for each in machines], say=say),
            label=behind[1] if behind else "",
            lag=clock(behind[0]) if behind else "",
        ),
        say("asked.go_deletes", count=len(doomed), doomed=few(doomed, say=say)),
        say("asked.go_by", by=text(last_moment(planned, run)), back=text(turn_back(planned, run))),
        say("asked.way_back"),
    ]


def _before_users(run: RunRecord, planned: Night, night: NightRecord, waves: Waves, say: Say) -> list[str]:
    everyone = [each for _, some in waves for each in some]
    verified = sum(each.status is MachineStatus.VERIFIED for each in everyone)
    steps = ", ".join(each.name for each in planned.switch) or say("asked.no_switch", why=planned.no_switch)
    lines = [say("asked.users_verified", verified=verified, total=len(everyone)), *machines_lines(everyone, say)]
    if night.closed:
        lines.append(say("asked.users_known", proved=proved_so_far(night, say)))
    return [
        *lines,
        say("asked.users_yes", steps=steps),
        say("asked.users_no", closed=night.closed),
        say("asked.users_way_back"),
        say("asked.users_by", back=text(turn_back(planned, run))),
    ]


def _before_commit(run: RunRecord, night: NightRecord, waves: Waves, say: Say) -> list[str]:
    targets = sum(1 for _, some in waves for each in some if each.target and each.target.instance_id)
    lines = [say("asked.commit_yes", targets=targets)]
    if night.opened:
        lines.append(say("asked.commit_since", opened=night.opened))
        lines.append(say("asked.commit_back", command=rollback(run.id, data_stays=True)))
    return lines


def _manual(planned: Night, night: NightRecord, question: QuestionRecord, found: re.Match[str], say: Say) -> list[str]:
    undo, part, number = bool(found[1]), found[2], int(found[3])
    steps: tuple[PlannedStep, ...] = getattr(planned, part, ())
    step = steps[number - 1] if number <= len(steps) else None
    name = step.name if step else question.name
    rule = OnStepFailure.HOLD if undo or step is None else step.on_failure
    return [
        say("asked.step_by", who=say.any_of(question.by), deadline=question.deadline, text=question.text),
        say("asked.step_is", number=number, undo=undo, part=part_name(Part(part), say), name=name),
        say("asked.step_silence", then=_failed_step(rule, night, say)),
    ]


def _silence(planned: Night, night: NightRecord, question: QuestionRecord, say: Say) -> str:
    """What becomes of the run when nobody answers by the deadline."""
    approval: Approval = getattr(planned, question.name)
    if question.name == Part.GO.value:
        return say("silence.postponed")
    if approval.on_silence is OnSilence.END:
        return say("silence.not_committed")
    if night.closed is None:
        return say("silence.failed")
    if approval.on_silence is OnSilence.HOLD or night.opened:
        return say("silence.holds", hold=span(planned.hold))
    return say("silence.goes_back")


def _failed_step(rule: OnStepFailure, night: NightRecord, say: Say) -> str:
    match rule:
        case OnStepFailure.CONTINUE:
            return say("silence.step_continues")
        case OnStepFailure.UNDO if night.opened is None and night.back is None:
            return say("silence.step_goes_back")
    return say("silence.step_holds")
