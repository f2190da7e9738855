"""A night whose service puts events on the bus, as MGN does: one for each machine whose launch has come out.

    with a_night_with_events(scenario) as (night, bus):
        night.run(plan)

The service is the simulated CloudEndure, whose jobs say here what became of their machines, as MGN's do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import PropertyMock, patch

from cutover.cloudendure import CloudEndure
from cutover.machine import Job
from stage.simulator import Simulator
from tests.statemachines.interpreter import ACCOUNT, REGION, Handler
from tests.statemachines.night import BEGIN, Night, a_night

Event = dict[str, Any]
READY = "*READY_FOR_TEST*"


@dataclass
class EventBus:
    """The default bus with its rule. `lose`: which events never arrive; `times`: how often the others are delivered;
    `ready`: by name, after how many seconds of the night a machine is ready for test. `meanwhile`: so many seconds pass
    at each look at a job, after the service has answered and before anybody reads it."""

    lose: Callable[[Event], bool] = lambda event: False
    times: int = 1
    ready: dict[str, int] = field(default_factory=dict)
    meanwhile: int = 0
    put: list[Event] = field(default_factory=list)
    woken: int = 0
    wake: Callable[[Event], dict[str, Any]] | None = None
    seen: set[tuple[str, str]] = field(default_factory=set)

    def deliver(self, event: Event) -> None:
        self.put.append(event)
        if self.lose(event) or self.wake is None:
            return
        for _ in range(self.times):
            self.woken += int(self.wake(event)["woken"])

    def look(self, simulator: Simulator) -> None:
        """Put what has come out since it was looked last."""
        project = next(iter(simulator.world.projects.values()))
        passed = (simulator.clock.now() - BEGIN).total_seconds()
        for machine in project.machines.values():
            if self.ready.get(machine.name, passed) < passed:
                del self.ready[machine.name]
                self.deliver(event_of(machine.id, "MGN Source Server Lifecycle State Change", {"state": READY}))
        for job in project.jobs:
            for target in job.targets:
                if (job.id, target.machine) not in self.seen:
                    self.seen.add((job.id, target.machine))
                    self.deliver(result(target.machine, job.id))


def result(machine: str, job: str, state: str = "TEST_LAUNCH_SUCCEEDED") -> Event:
    """That a launch has come out, as its sample is published."""
    return event_of(machine, "MGN Source Server Launch Result", {"state": f"*{state}*", "job-id": f"*{job}*"})


def event_of(machine: str, kind: str, detail: dict[str, Any]) -> Event:
    return {
        "version": "0",
        "id": "9da9af57-9253-4406-87cb-7cc400e43465",
        "detail-type": kind,
        "source": "aws.mgn",
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
    """`events`: whether the service says that it has any."""
    bus = bus or EventBus()
    ask = CloudEndure.job

    def job(self: CloudEndure, job_id: str) -> Job:
        found = next(each for each in next(iter(night.simulator.world.projects.values())).jobs if each.id == job_id)
        answer = replace(ask(self, job_id), instances={each.machine: each.instance for each in found.targets})
        if bus.meanwhile:
            waited(night.simulator, bus.meanwhile)
        return answer

    def waited(simulator: Simulator, seconds: float) -> None:
        simulator.advance(seconds)
        bus.look(simulator)

    with (
        patch.object(CloudEndure, "events", PropertyMock(return_value=events)),
        patch.object(CloudEndure, "job", job),
        a_night(scenario, waited=waited, handlers=handlers) as night,
    ):
        bus.wake = lambda event: dict(night.workflows.invoke("Wake", event))
        yield night, bus
