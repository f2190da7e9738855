"""A night on MGN whose events reach `wake`, or do not.

with a_night_with_events(scenario) as (night, bus):
    night.run(a_mgn_plan(...))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import PropertyMock, patch

from cutover.machine import Job
from cutover.mgn import Mgn
from stage.simulator.mgn.events import LAUNCH_RESULT, SOURCE
from stage.simulator.mgn.events import Event as Told
from tests.statemachines.interpreter import ACCOUNT, REGION, Handler
from tests.statemachines.night import Night
from tests.statemachines.test_on_mgn import on_mgn

Event = dict[str, Any]


@dataclass
class EventBus:
    """The default bus with its rule. `lose`: which events never arrive; `times`: how often the others are delivered;
    `meanwhile`: so many seconds pass at each look at a job, after the service has answered and before anybody reads it.
    """

    lose: Callable[[Event], bool] = lambda event: False
    times: int = 1
    meanwhile: int = 0
    put: list[Event] = field(default_factory=list)
    woken: int = 0
    wake: Callable[[Event], dict[str, Any]] | None = None

    def __call__(self, told: Sequence[Told]) -> None:
        """Take what the service tells."""
        for event in (each.whole() for each in told):
            self.put.append(event)
            if self.wake is not None and not self.lose(event):
                self.woken += sum(int(self.wake(event)["woken"]) for _ in range(self.times))


def result(machine: str, job: str, state: str = "TEST_LAUNCH_SUCCEEDED") -> Event:
    """That a launch has come out, as its sample is published."""
    return event_of(machine, LAUNCH_RESULT, {"state": f"*{state}*", "job-id": f"*{job}*"})


def event_of(machine: str, kind: str, detail: dict[str, Any]) -> Event:
    return {
        "version": "0",
        "id": "9da9af57-9253-4406-87cb-7cc400e43465",
        "detail-type": kind,
        "source": SOURCE,
        "account": ACCOUNT,
        "time": "2026-11-28T09:00:00Z",
        "region": REGION,
        "resources": [f"arn:aws:mgn:{REGION}:{ACCOUNT}:source-server/{machine}"],
        "detail": detail,
    }


@contextmanager
def a_night_with_events(
    scenario: dict[str, Any],
    bus: EventBus | None = None,
    *,
    events: bool = True,
    handlers: dict[str, Handler] | None = None,
) -> Iterator[tuple[Night, EventBus]]:
    """`events`: whether the adapter says that its service has any."""
    bus = bus or EventBus()
    ask = Mgn.job

    def job(self: Mgn, job_id: str) -> Job:
        answer = ask(self, job_id)
        if bus.meanwhile:
            night.simulator.advance(bus.meanwhile)
        return answer

    with (
        patch.object(Mgn, "events", PropertyMock(return_value=events)),
        patch.object(Mgn, "job", job),
        on_mgn(scenario, handlers=handlers, events=bus) as night,
    ):
        bus.wake = lambda event: dict(night.workflows.invoke("Wake", event))
        yield night, bus
