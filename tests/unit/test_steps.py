"""Which step is due: forwards in order, backwards in reverse, each begun one undone once and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover.night_records import Part, StepRecord, StepState
from cutover.planned_night import Action, Approval, Deed, Night, OnStepFailure, PlannedStep
from cutover.steps import (
    again,
    changes,
    closing_part,
    due,
    next_step,
    next_undo,
    planned_steps,
    question_name,
    to_try_again,
)

NOW = "2026-11-28T22:00:00Z"
HOOK = Action(Deed.WEBHOOK, "http://shop.example/doors")


def planned(*rules: OnStepFailure) -> tuple[PlannedStep, ...]:
    return tuple(PlannedStep(f"s{number}", HOOK, 600, on_failure=rule) for number, rule in enumerate(rules, 1))


def record(number: int, state: StepState, seen: str = "") -> StepRecord:
    return StepRecord(Part.QUIESCE, number, f"s{number}", state, NOW, NOW, seen=seen)


def records(*states: StepState) -> dict[int, StepRecord]:
    return {number: record(number, state, "it broke") for number, state in enumerate(states, 1)}


THREE = planned(OnStepFailure.UNDO, OnStepFailure.CONTINUE, OnStepFailure.HOLD)


def test_steps_are_due_in_the_plans_order() -> None:
    assert next_step(THREE, {}).number == 1
    assert next_step(THREE, records(StepState.DONE)).number == 2
    assert next_step(THREE, records(StepState.DONE, StepState.BEGUN)).record == record(2, StepState.BEGUN, "it broke")
    assert next_step(THREE, records(*[StepState.DONE] * 3)).done


def test_a_failed_step_ends_its_part_by_its_rule() -> None:
    stopped = next_step(THREE, records(StepState.FAILED))
    assert (stopped.failed, stopped.rule, stopped.done) == ("step s1: it broke", OnStepFailure.UNDO, False)
    stopped = next_step(THREE, records(StepState.DONE, StepState.DONE, StepState.FAILED))
    assert (stopped.number, stopped.rule) == (3, OnStepFailure.HOLD)


def test_what_the_plan_goes_on_without_is_remarked() -> None:
    going_on = next_step(THREE, records(StepState.DONE, StepState.FAILED))
    assert going_on.number == 3
    assert going_on.passed_over == ("s2 failed, and the plan goes on without it (it broke)",)
    assert next_step(THREE, records(StepState.DONE, StepState.FAILED, StepState.DONE)).passed_over


def test_what_could_not_be_undone_calls_a_person() -> None:
    stopped = next_undo(THREE, records(StepState.DONE, StepState.NOT_UNDONE))
    assert (stopped.failed, stopped.rule) == ("undoing step s2: it broke", OnStepFailure.HOLD)


@pytest.mark.parametrize("state", [each for each in StepState if each not in (StepState.UNDONE, StepState.NOT_UNDONE)])
def test_whatever_was_begun_is_undone(state: StepState) -> None:
    assert next_undo(THREE, records(StepState.DONE, state)).number == 2


def test_only_the_step_that_brought_its_part_to_a_halt_is_tried_again() -> None:
    failed = records(StepState.DONE, StepState.FAILED, StepState.FAILED)
    tried = to_try_again(Part.QUIESCE, THREE, failed)
    assert tried == failed[3].but(state=StepState.AGAIN)
    assert next_step(THREE, {**failed, 3: failed[3].but(state=StepState.AGAIN)}).number == 3
    stuck = records(StepState.UNDOING, StepState.NOT_UNDONE)
    tried = to_try_again(Part.OPEN_DOORS, THREE, stuck)
    assert tried == stuck[2].but(state=StepState.UNDO_AGAIN)
    assert to_try_again(Part.QUIESCE, THREE, records(StepState.BEGUN)) is None


def test_trying_again_forgets_by_what_the_earlier_try_was_recognised() -> None:
    failed = record(1, StepState.FAILED).but(token="command", looks=7)
    assert again(failed) == failed.but(state=StepState.AGAIN, token=None, looks=0)
    done = record(1, StepState.DONE)
    assert again(done) is done


def test_a_part_of_the_way_back_has_the_steps_of_what_it_undoes() -> None:
    nobody = Approval(none="a test")
    night = Night(3600, 0, 0, nobody, nobody, nobody, quiesce=THREE, switch=THREE[:1], probe=(HOOK, HOOK))
    assert planned_steps(night, Part.OPEN_DOORS) == THREE
    assert planned_steps(night, Part.UNDO_SWITCH) == THREE[:1]
    assert [each.on_failure for each in planned_steps(night, Part.PROBE)] == [OnStepFailure.HOLD] * 2
    with pytest.raises(ValueError, match="no steps"):
        planned_steps(night, Part.GO)


LOOK = (PlannedStep("look", Action(Deed.HTTP, "http://shop.example/health"), 600),)


@pytest.mark.parametrize(
    ("steps", "closes"),
    [
        ({"quiesce": THREE, "power_off": THREE, "switch": THREE}, Part.QUIESCE),
        ({"power_off": THREE, "switch": THREE}, Part.POWER_OFF),
        ({"quiesce": LOOK, "power_off": THREE}, Part.POWER_OFF),
        ({"quiesce": LOOK, "switch": (*LOOK, *THREE)}, Part.SWITCH),
        ({"quiesce": LOOK, "switch": LOOK}, None),
    ],
)
def test_users_are_shut_out_by_the_first_part_that_does_more_than_look(
    steps: dict[str, Any], closes: Part | None
) -> None:
    nobody = Approval(none="a test")
    assert closing_part(Night(3600, 0, 0, nobody, nobody, nobody, **steps)) is closes


def test_the_question_of_a_manual_step_has_its_parts_name() -> None:
    assert question_name(Part.POWER_OFF, 2) == "power_off-2"
    assert question_name(Part.POWER_ON, 2) == "undo-power_off-2"


def test_a_look_changes_nothing() -> None:
    looks = {each for each in Deed if not changes(Action(each, ""))}
    assert looks == {Deed.TCP, Deed.HTTP, Deed.AGENTS_SILENT}


@dataclass
class Told:
    """A part carried out on records alone: what was done and undone, in order."""

    steps: tuple[PlannedStep, ...]
    records: dict[int, StepRecord] = field(default_factory=dict)
    done: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)

    def forwards(self, dies_at: int, fails: set[int]) -> None:
        """Until it is done, or stops, or its function dies in a step that then is not known to be done."""
        while (now := due(Part.QUIESCE, self.steps, self.records)).planned is not None:
            self.done.append(now.number)
            self.records[now.number] = record(now.number, StepState.BEGUN)
            if now.number == dies_at:
                return
            state = StepState.FAILED if now.number in fails else StepState.DONE
            self.records[now.number] = record(now.number, state)

    def back(self, resists: set[int]) -> None:
        """Until everything is undone; a step that resists is tried again once somebody wants it."""
        while not (now := due(Part.OPEN_DOORS, self.steps, self.records)).done:
            if now.failed:
                tried = to_try_again(Part.OPEN_DOORS, self.steps, self.records)
                assert tried is not None
                self.records[tried.number] = tried
                continue
            state = StepState.NOT_UNDONE if now.number in resists else StepState.UNDONE
            resists.discard(now.number)
            self.records[now.number] = self.records[now.number].but(state=state)
            if state is StepState.UNDONE:
                self.undone.append(now.number)


@given(
    rules=st.lists(st.sampled_from(OnStepFailure), max_size=7),
    fails=st.sets(st.integers(1, 7)),
    dies_at=st.integers(0, 7),
    resists=st.sets(st.integers(1, 7)),
)
def test_whatever_fails_where_everything_begun_is_undone_once_in_reverse_and_nothing_else(
    rules: list[OnStepFailure], fails: set[int], dies_at: int, resists: set[int]
) -> None:
    told = Told(planned(*rules))
    told.forwards(dies_at, fails)
    stops = [number for number, rule in enumerate(rules, 1) if number == dies_at or _stops(number, rule, fails)]
    assert told.done == list(range(1, (stops[0] if stops else len(rules)) + 1))
    told.back(resists)
    assert told.undone == told.done[::-1]
    told.back(set())
    assert told.undone == told.done[::-1], "nothing is undone twice"


def _stops(number: int, rule: OnStepFailure, fails: set[int]) -> bool:
    return number in fails and rule is not OnStepFailure.CONTINUE
