"""Where a run stands between closing the doors and opening them: by its plan and its records, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cutover.downtime import data_stays
from cutover.night_records import NightRecord, Part, QuestionRecord, StepRecord, StepState
from cutover.plan import Mode, Plan
from cutover.planned_night import Approval, Night, PlannedStep
from cutover.records import MachineRecord, Outcome, Phase, RunRecord, WaveRecord
from cutover.steps import UNDOES, changes, planned_steps

Waves = Sequence[tuple[WaveRecord, Sequence[MachineRecord]]]

FORWARD = (
    Part.CHECK,
    Part.GO,
    Part.CHECK_AGAIN,
    Part.QUIESCE,
    Part.ZERO_LOSS,
    Part.POWER_OFF,
    Part.WAVE,
    Part.USERS,
    Part.SWITCH,
    Part.PROBE,
    Part.SOAK,
    Part.COMMIT,
    Part.END,
)
BACK = (Part.STOP_TARGETS, Part.UNDO_SWITCH, Part.POWER_ON, Part.OPEN_DOORS, Part.END)


@dataclass(frozen=True)
class Standing:
    """A run at an instant. `steps`: of all its parts."""

    plan: Plan
    run: RunRecord
    night: NightRecord
    steps: Sequence[StepRecord]
    questions: Sequence[QuestionRecord]
    waves: Waves
    now: str

    @property
    def planned(self) -> Night | None:
        """What the plan has around the launches; None in a test."""
        return self.plan.night if self.run.mode is Mode.CUTOVER else None

    @property
    def ended(self) -> bool:
        """At its end, and not merely without an execution."""
        return self.run.outcome is not None and not self.run.interrupted

    @property
    def left_open(self) -> bool:
        """Ended, and what it began is neither finished nor taken back: people must do the rest."""
        away = self.night.closed is not None and self.night.reopened is None
        return self.ended and away and self.run.outcome not in (Outcome.CUT_OVER, Outcome.ROLLED_BACK)

    @property
    def going_back(self) -> bool:
        """On its way back, or will be at its next look."""
        return self.night.back is not None or (
            self.run.aborted and not self.ended and self.night.closed is not None and data_stays(self.night) is None
        )

    def at(self) -> Part:
        """The part that the run is in; those before it are done, or not of this plan."""
        hold = self.night.hold
        if self.ended and not self.left_open:
            return Part.END
        if hold is not None and hold.part in (*FORWARD, *BACK):
            return hold.part
        if self.going_back:
            return next(part for part in BACK if part is Part.END or self._of_the_way_back(part))
        reached = Part.CHECK
        for part in FORWARD:
            if self._begun(part):
                reached = part
        if not self._over(reached):
            return reached
        rest = FORWARD[FORWARD.index(reached) + 1 :]
        return next((part for part in rest if self.is_planned(part)), Part.END)

    def _begun(self, part: Part) -> bool:
        if part is Part.WAVE:
            return any(wave.started or wave.phase is not Phase.WAITING for wave, _ in self.waves)
        return (
            part.value in self.night.done
            or any(each.part is part for each in self.steps)
            or any(each.name == part.value for each in self.questions)
        )

    def _over(self, part: Part) -> bool:
        if part is Part.WAVE:
            return all(wave.phase is Phase.ENDED for wave, _ in self.waves)
        return part.value in self.night.done

    def is_planned(self, part: Part) -> bool:
        """Whether the plan has this part, on the way to the targets."""
        planned = self.planned
        if part in (Part.CHECK, Part.WAVE, Part.END):
            return True
        if planned is None:
            return False
        match part:
            case Part.GO | Part.USERS:
                return not approval(planned, part).none
            case Part.QUIESCE | Part.ZERO_LOSS:
                return bool(planned.quiesce)
            case Part.POWER_OFF:
                return bool(planned.power_off)
            case Part.SWITCH:
                return bool(planned.switch)
            case Part.PROBE:
                return bool(planned.probe)
            case Part.SOAK:
                return planned.soak > 0
        return True

    def _of_the_way_back(self, part: Part) -> bool:
        """Whether this part of the way back is still to come."""
        if part.value in self.night.done or self.night.reopened:
            return False
        undone = UNDOES.get(part)
        if part is Part.OPEN_DOORS:
            return True
        return bool(self.targets()) if undone is None else any(self.to_undo(undone))

    def to_undo(self, part: Part) -> Iterator[tuple[int, PlannedStep]]:
        """Steps that were begun and are not undone, the last one first."""
        for number, step in reversed(list(enumerate(self.planned_steps(part), 1))):
            record = self.record(part, number)
            if record is not None and record.state is not StepState.UNDONE and changes(step.do):
                yield number, step

    def planned_steps(self, part: Part) -> tuple[PlannedStep, ...]:
        return planned_steps(self.planned, part) if self.planned else ()

    def record(self, part: Part, number: int) -> StepRecord | None:
        return next((each for each in self.steps if each.part is part and each.number == number), None)

    def targets(self) -> list[str]:
        """The instances launched for the run's machines, as far as they are known."""
        machines = [each for _, some in self.waves for each in some]
        return [each.target.instance_id for each in machines if each.target and each.target.instance_id]


def approval(planned: Night, part: Part) -> Approval:
    return {Part.GO: planned.go, Part.USERS: planned.users, Part.COMMIT: planned.commit}[part]


def perhaps_launched(wave: WaveRecord) -> bool:
    """A launch was sent, and is not known to have died before it left."""
    return bool(wave.jobs) or wave.attempts > wave.unsent


def named(part: Part) -> str:
    return part.value.replace("_", " ")
