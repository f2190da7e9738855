"""A run whose steps are carried out one call at a time; what they call is played by a server.

with evening(quiesce=(a_hook("web"),)) as it:
    assert it.call(Part.QUIESCE)["verdict"] == "done"
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import boto3

import carry_out_steps
from cutover.instants import text
from cutover.night_records import Order, Part, QuestionRecord, StepRecord, Wish
from cutover.plan import Mode
from cutover.planned_night import Action, Deed, OnStepFailure, PlannedStep
from cutover.planned_night import Night as PlannedNight
from cutover.records import RunRecord
from cutover.steps import UNDOES, planned_steps, to_try_again
from tests.statemachines.interpreter import Context
from tests.statemachines.night import NO_DOORS, TABLE, Night, a_night, a_plan, a_wave, a_world
from tests.unit.hooked import Server, hooked

RUN = "demo-cutover-20261128T090000Z"
WINDOW: dict[str, Any] = {"window": 7 * 3600, "estimate": 2 * 3600, "reserve": 3600}


class Evening:
    """A run whose steps are carried out one call at a time."""

    def __init__(self, night: Night, hooks: Server, planned: PlannedNight) -> None:
        self.hooks, self.planned, self.store, self.stage = hooks, planned, night.store, night
        plan = a_plan(a_wave("db", "db01"), night=planned)
        night.store.write_plan(plan)
        now = text(night.simulator.clock.now())
        night.store.claim(RunRecord(RUN, plan.name, plan.sha256, Mode.CUTOVER, 1, None, now, started=now))

    def call(self, part: Part, seconds_left: int = 300) -> dict[str, Any]:
        context: Any = Left(seconds_left)
        answer: dict[str, Any] = carry_out_steps.handler({"run": RUN, "part": part.value}, context)
        return answer

    def until_settled(self, part: Part) -> dict[str, Any]:
        """Call it, and wait as it says, until it is done or has failed."""
        for _ in range(50):
            answer = self.call(part)
            if answer["verdict"] != "wait":
                return answer
            self.later(answer["wait_seconds"])
        raise AssertionError(answer)

    def later(self, seconds: float) -> None:
        self.stage.simulator.advance(seconds)

    @property
    def now(self) -> str:
        return text(self.stage.simulator.clock.now())

    @property
    def night(self) -> Any:
        return self.store.night(RUN)

    def steps(self, part: Part = Part.QUIESCE) -> list[StepRecord]:
        return self.store.steps(RUN, part)

    def step(self, part: Part = Part.QUIESCE) -> StepRecord:
        return self.steps(part)[-1]

    def states(self, part: Part = Part.QUIESCE) -> list[str]:
        return [each.state.value for each in self.steps(part)]

    def question(self, name: str = "quiesce-1") -> QuestionRecord:
        found = self.store.question(RUN, name)
        assert found is not None
        return found

    def say(self, answer: str, name: str = "quiesce-1", reason: str = "") -> None:
        """What the command writes."""
        boto3.resource("dynamodb").Table(TABLE).update_item(
            Key={"pk": f"RUN#{RUN}", "sk": f"QUESTION#{name}"},
            UpdateExpression="SET answer = :answer, answered_by = :by, answered_at = :now, reason = :reason",
            ConditionExpression="closed = :no",
            ExpressionAttributeValues={
                ":answer": answer, ":by": "network", ":now": self.now, ":reason": reason, ":no": False
            },
        )  # fmt: skip

    def try_again(self, part: Part) -> None:
        """What a resume makes of a part that has come to a halt."""
        records = {each.number: each for each in self.steps(UNDOES.get(part, part))}
        tried = to_try_again(part, planned_steps(self.planned, part), records)
        assert tried is not None
        self.store.write_step(RUN, tried)

    def order(self, wish: Wish) -> None:
        item = {"pk": f"RUN#{RUN}", "sk": "ORDER", **Order(wish, "lead", "not tonight", self.now).to_json()}
        boto3.resource("dynamodb").Table(TABLE).put_item(Item=item)


class Left(Context):
    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return self._seconds * 1000


@contextmanager
def evening(**planned: Any) -> Iterator[Evening]:
    """`planned`: parts of the night; URLs in them begin with `hooks:`, where their server is."""
    with hooked() as hooks, a_night(a_world({"db01": {}})) as night:
        filled: dict[str, Any] = {
            part: tuple(_filled(each, hooks.url) for each in some) if isinstance(some, tuple) else some
            for part, some in planned.items()
        }
        yield Evening(night, hooks, replace(NO_DOORS, **(WINDOW | filled)))


def _filled(given: Any, url: str) -> Any:
    if isinstance(given, Action):
        return replace(given, subject=given.subject.replace("hooks:", url))
    assert isinstance(given, PlannedStep)
    return replace(
        given,
        do=_filled(given.do, url),
        undo=_filled(given.undo, url) if given.undo else None,
        proof=tuple(_filled(each, url) for each in given.proof),
        undo_proof=tuple(_filled(each, url) for each in given.undo_proof),
    )


def a_hook(name: str, rule: OnStepFailure = OnStepFailure.UNDO, **more: Any) -> PlannedStep:
    hook, back = Action(Deed.WEBHOOK, f"hooks:/{name}"), Action(Deed.WEBHOOK, f"hooks:/un{name}")
    return PlannedStep(name, hook, **{"timeout": 600, "undo": back, "on_failure": rule, **more})


def by_hand(rule: OnStepFailure = OnStepFailure.UNDO, **more: Any) -> PlannedStep:
    off = Action(Deed.MANUAL, "power it off", who="network")
    on = Action(Deed.MANUAL, "power it on", who="network")
    return PlannedStep("off", off, **{"timeout": 600, "undo": on, "on_failure": rule, **more})
