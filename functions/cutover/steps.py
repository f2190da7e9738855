"""The steps of a part of the night: which one is next, forwards in the plan's order, backwards in reverse.

Only what was begun is undone, also where it failed; nothing is undone twice. Pure: the records come in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cutover.night_records import Part, StepRecord, StepState
from cutover.planned_night import Action, Deed, Night, OnStepFailure, PlannedStep

UNDOES = {Part.UNDO_SWITCH: Part.SWITCH, Part.POWER_ON: Part.POWER_OFF, Part.OPEN_DOORS: Part.QUIESCE}
"""Which part a part of the way back undoes."""
SHUTTING = (Part.QUIESCE, Part.POWER_OFF, Part.SWITCH)
"""The parts whose steps take something from users."""
STEPPED = (*SHUTTING, Part.PROBE, *UNDOES)
"""The parts that are carried out step by step."""
PROBE_SECONDS = 900
"""How long the application may take to be seen from outside after the switch."""
LOOKS_ONLY = (Deed.TCP, Deed.HTTP, Deed.AGENTS_SILENT)
"""Deeds that change nothing: doing them again is harmless."""


@dataclass(frozen=True)
class Due:
    """The step that is due, with its record if it has begun; or that all are done; or why it goes no further.

    `failed`: the reason, with the rule that the plan has for it. `passed_over`: what failed and is gone on without.
    """

    number: int = 0
    planned: PlannedStep | None = None
    record: StepRecord | None = None
    failed: str = ""
    rule: OnStepFailure = OnStepFailure.UNDO
    passed_over: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.planned is None and not self.failed


def planned_steps(night: Night, part: Part) -> tuple[PlannedStep, ...]:
    """The steps of a part; the outside probe is one, and undoing has those of what it undoes."""
    match UNDOES.get(part, part):
        case Part.QUIESCE:
            return night.quiesce
        case Part.POWER_OFF:
            return night.power_off
        case Part.SWITCH:
            return night.switch
        case Part.PROBE:
            return tuple(
                PlannedStep(f"probe {number}", probe, PROBE_SECONDS, on_failure=OnStepFailure.HOLD)
                for number, probe in enumerate(night.probe, 1)
            )
    raise ValueError(f"{part} has no steps")


def closing_part(night: Night) -> Part | None:
    """The part that shuts users out: the first with a step that does more than look; None where no step does."""
    return next((part for part in SHUTTING if any(changes(each.do) for each in planned_steps(night, part))), None)


def next_step(planned: Sequence[PlannedStep], records: Mapping[int, StepRecord]) -> Due:
    """Forwards: the first step that is not done. One that failed ends it, unless the plan goes on."""
    passed_over: list[str] = []
    for number, step in enumerate(planned, 1):
        record = records.get(number)
        if record is None or record.state in (StepState.BEGUN, StepState.AGAIN):
            return Due(number, step, record, passed_over=tuple(passed_over))
        if record.state is StepState.FAILED and step.on_failure is not OnStepFailure.CONTINUE:
            return Due(number, failed=f"step {step.name}: {record.seen}", rule=step.on_failure)
        if record.state is StepState.FAILED:
            passed_over.append(f"{step.name} failed, and the plan goes on without it ({record.seen})")
    return Due(passed_over=tuple(passed_over))


def next_undo(planned: Sequence[PlannedStep], records: Mapping[int, StepRecord]) -> Due:
    """Backwards: the last step that was begun and is not undone. One that could not be undone calls a person."""
    for number, step in reversed(list(enumerate(planned, 1))):
        record = records.get(number)
        if record is None or record.state is StepState.UNDONE:
            continue
        if record.state is StepState.NOT_UNDONE:
            return Due(number, failed=f"undoing step {step.name}: {record.seen}", rule=OnStepFailure.HOLD)
        return Due(number, step, record)
    return Due()


def due(part: Part, planned: Sequence[PlannedStep], records: Mapping[int, StepRecord]) -> Due:
    """What is due in a part, whichever way it goes."""
    return next_undo(planned, records) if part in UNDOES else next_step(planned, records)


def to_try_again(part: Part, planned: Sequence[PlannedStep], records: Mapping[int, StepRecord]) -> StepRecord | None:
    """The step at which a part came to a halt, as it is when it may be tried again; what the plan has gone on without
    stays as it is."""
    stopped = due(part, planned, records)
    return again(records[stopped.number]) if stopped.failed else None


def again(record: StepRecord) -> StepRecord:
    """A step that failed, or could not be undone, as it is when it may be tried again."""
    if record.state is StepState.FAILED:
        return record.but(state=StepState.AGAIN, token=None, looks=0)
    if record.state is StepState.NOT_UNDONE:
        return record.but(state=StepState.UNDO_AGAIN, token=None, looks=0)
    return record


def changes(action: Action) -> bool:
    """Whether it does more than look."""
    return action.deed not in LOOKS_ONLY


def question_name(part: Part, number: int) -> str:
    """What the question of a manual step is called: `quiesce-1`, and `undo-quiesce-1` where it undoes."""
    undoes = UNDOES.get(part)
    return f"undo-{undoes}-{number}" if undoes else f"{part}-{number}"


def unclear(step: PlannedStep) -> str:
    """Why a step that was begun and may not have been carried out is not simply done again."""
    return f"whether {step.name} was carried out is not known; look, then resume, or roll back"
