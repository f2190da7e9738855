"""What MGN tells by itself: launches that came to something, servers that became ready, replication that stalled.

Best effort, as the service does it: what cannot be delivered is lost. No event says that a job has ended.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stage.simulator.lifecycle import READY_FOR_TEST
from stage.simulator.mgn import jobs, servers
from stage.simulator.mgn.account import Account
from stage.simulator.mgn.names import ACCOUNT
from stage.simulator.state import Job, Machine

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "aws.mgn"
LAUNCH_RESULT = "MGN Source Server Launch Result"
LIFECYCLE = "MGN Source Server Lifecycle State Change"
STALLED = "MGN Source Server Data Replication Stalled Change"
_BATCH = 10
"""How many entries PutEvents takes."""


@dataclass(frozen=True)
class Event:
    """One event about one source server; `resource` is its ARN."""

    kind: str
    resource: str
    detail: dict[str, str]
    time: datetime
    region: str

    @property
    def name(self) -> tuple[str, str]:
        """What a fault calls it, e.g. `EVENT /LaunchResult`: dropped there, it is never told."""
        return "EVENT", {LAUNCH_RESULT: "/LaunchResult", LIFECYCLE: "/LifecycleState", STALLED: "/Stalled"}[self.kind]

    def whole(self) -> dict[str, Any]:
        """As EventBridge delivers it."""
        return {
            "version": "0",
            "detail-type": self.kind,
            "source": SOURCE,
            "account": ACCOUNT,
            "time": self.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.region,
            "resources": [self.resource],
            "detail": self.detail,
        }


Sink = Callable[[Sequence[Event]], None]


class News:
    """What is new since the last look. What was told is remembered in the world, and goes with it."""

    def __init__(self, account: Account) -> None:
        self._world, self._project, self._names = account.world, account.project, account.names
        self._again: dict[str, tuple[object, datetime]] = {}

    def gather(self) -> list[Event]:
        """Look. Nothing is told of what was so before anybody came in."""
        if self._world.opened is None:
            return []
        return [*self._launches(), *self._replication()]

    def _launches(self) -> Iterator[Event]:
        for job in self._project.jobs:
            if job.mode and job.created >= self._world.began and len(job.told) < len(job.participants):
                for id, status in jobs.statuses(job, self._world.now).items():
                    if status in ("LAUNCHED", "FAILED") and id not in job.told and id in self._project.machines:
                        job.told.add(id)
                        yield self._launched(job, self._project.machines[id], status)

    def _launched(self, job: Job, machine: Machine, status: str) -> Event:
        end = {"LAUNCHED": "SUCCEEDED", "FAILED": "FAILED"}[status]
        state = f"{str(job.mode).upper()}_LAUNCH_{end}"
        return self._about(machine, LAUNCH_RESULT, {"state": state, "job-id": self._names.job(job.id)})

    def _replication(self) -> Iterator[Event]:
        for machine in self._project.machines.values():
            known_by = machine.since, len(machine.phases), machine.off_since, machine.lifecycle.gone
            before, until = self._again.get(machine.id, (None, self._world.now))
            if before == known_by and self._world.now < until:
                continue
            self._again[machine.id] = known_by, _next_change(machine, self._world.now)
            yield from self._changed(machine)

    def _changed(self, machine: Machine) -> Iterator[Event]:
        life, now = machine.lifecycle, self._world.now
        ready, stalled = servers.launchable(machine, now), servers.stalled(machine, now)
        if life.known_ready is False and ready:
            yield self._about(machine, LIFECYCLE, {"state": READY_FOR_TEST})
        if life.known_stalled not in (None, stalled):
            yield self._about(machine, STALLED, {"state": "STALLED" if stalled else "NOT_STALLED"})
        life.known_ready, life.known_stalled = life.known_ready or ready, stalled

    def _about(self, machine: Machine, kind: str, detail: dict[str, str]) -> Event:
        resource = self._names.arn("source-server", self._names.server(machine))
        return Event(kind, resource, detail, self._world.now, self._project.described.region)


def _next_change(machine: Machine, now: datetime) -> datetime:
    """When replication may become another: at the end of its phase, or when it was not seen for too long."""
    if machine.off_since is not None:
        unseen = machine.off_since + servers.UNSEEN + timedelta(minutes=1)
        return unseen if now < unseen else now + timedelta(days=1)
    ends = machine.since
    for phase in machine.phases:
        if phase.lasts is None:
            break
        ends += phase.lasts
        if ends > now:
            return ends
    return now + timedelta(days=1)


def to_bus(client: EventBridgeClient) -> Sink:
    """A sink that puts events on the default bus of a stand-in: AWS itself takes none of its own from others."""

    def put(events: Sequence[Event]) -> None:
        for begin in range(0, len(events), _BATCH):
            answer = client.put_events(
                Entries=[
                    {
                        "Source": SOURCE,
                        "DetailType": one.kind,
                        "Detail": json.dumps(one.detail),
                        "Resources": [one.resource],
                        "Time": one.time,
                    }
                    for one in events[begin : begin + _BATCH]
                ]
            )
            if answer["FailedEntryCount"]:
                raise RuntimeError(f"the bus refused {answer['FailedEntryCount']} events: {answer['Entries']}")

    return put
