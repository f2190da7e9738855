"""A cutover's night in a few words: its part, who holds production, what people are asked, the downtime so far."""

from __future__ import annotations

from datetime import datetime

from cli.deployment import RunView
from cutover.downtime import clock, downtime
from cutover.instants import text
from cutover.night_records import NightRecord, Part, QuestionRecord, StepState
from cutover.planned_night import Night
from cutover.records import Phase

BEFORE = (Part.CHECK, Part.GO, Part.CHECK_AGAIN, Part.QUIESCE, Part.ZERO_LOSS, Part.POWER_OFF)
AFTER = (Part.USERS, Part.SWITCH, Part.PROBE, Part.SOAK, Part.COMMIT)
BACK = (Part.STOP_TARGETS, Part.UNDO_SWITCH, Part.POWER_ON, Part.OPEN_DOORS)


def night_lines(view: RunView, planned: Night | None, now: datetime | None) -> dict[str, str]:
    """What is to be said of the night, by what it is about; nothing of a run without one.

    The clock is said anew at each look, everything else only when it changes.
    """
    night = view.night
    if night is None or planned is None:
        return {}
    since = f" since {night.since}" if night.since else ""
    said = {"production": f"production: {night.holder.value}{since}", "part": f"night: {part_of(view, planned, night)}"}
    for step in view.steps:
        seen = f" ({step.seen})" if step.seen and step.state is not StepState.BEGUN else ""
        said[f"step {step.part.value} {step.number}"] = f"  {step.part.value} {step.name}: {step.state.value}{seen}"
    for question in view.questions:
        said[f"question {question.name} {question.asked}"] = f"  {question_line(question)}"
    if (ran := clock_line(night, planned, now)) is not None:
        said["downtime"] = ran
    return said


def part_of(view: RunView, planned: Night, night: NightRecord) -> str:
    """Where it stands."""
    if night.hold is not None:
        return f"holds at {night.hold.part.value} until {night.hold.deadline}: {night.hold.reason}"
    if night.back is not None:
        back = next((part for part in BACK if part.value not in night.done), None)
        return f"goes back, {_named(back)}: {night.back.reason}" if back else f"went back: {night.back.reason}"
    if not any(wave.started for wave, _ in view.waves):
        before = next((part for part in BEFORE if _is_to_come(part, planned, night)), None)
        if before is not None:
            return _named(before)
    wave = next((wave for wave, _ in view.waves if wave.phase is not Phase.ENDED), None)
    if wave is not None:
        return f"wave {wave.name}"
    after = next((part for part in AFTER if _is_to_come(part, planned, night)), None)
    return _named(after) if after else "everything is done"


def question_line(question: QuestionRecord) -> str:
    """Open until when, or what was answered."""
    if question.answer is not None:
        why = f": {question.reason}" if question.reason else ""
        return f"{question.name}: {question.answered_by} says {question.answer}{why}"
    if question.closed:
        return f"{question.name}: nobody answered by {question.deadline}"
    return f"asks {question.name} of {' or '.join(question.by)} by {question.deadline}"


def clock_line(night: NightRecord, planned: Night, now: datetime | None) -> str | None:
    """How long nobody has served users, of what the plan estimates."""
    ran = downtime(night, text(now) if now else None)
    if ran is None:
        return None
    over = ", over the estimate" if ran > planned.estimate else ""
    return f"downtime {clock(ran)} of {clock(planned.estimate)} estimated{over}"


def _is_to_come(part: Part, planned: Night, night: NightRecord) -> bool:
    if part.value in night.done:
        return False
    match part:
        case Part.GO:
            return not planned.go.none
        case Part.QUIESCE | Part.ZERO_LOSS:
            return bool(planned.quiesce)
        case Part.POWER_OFF:
            return bool(planned.power_off)
        case Part.USERS:
            return not planned.users.none
        case Part.SWITCH:
            return bool(planned.switch)
        case Part.PROBE:
            return bool(planned.probe)
        case Part.SOAK | Part.COMMIT:
            return not planned.commit.none
    return night.closed is None  # checks


def _named(part: Part) -> str:
    return part.value.replace("_", " ")
